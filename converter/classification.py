"""Figures of a classifier from its samples' scores: macro F1, AUC, calibration, single classes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from converter.class_tally import ClassTally
from converter.intervals import (
    Interval,
    auc_interval,
    bootstrap_weights,
    percentile_interval,
)

Array = np.ndarray


def macro_f1(tally: ClassTally) -> tuple[float, Interval | None]:
    """Return the mean F1 of the classes, and its 95 % percentile bootstrap interval.

    F1 = 2 TP / (2 TP + FP + FN) of each class that occurs among the labels or the predictions. Of
    equal highest scores the first class is the prediction; a sample with NaN predicts none.
    """
    ordered = sorted(tally.pairs.items())
    pairs = np.array([pair for pair, _ in ordered])
    counts = np.array([count for _, count in ordered])
    estimate = float(_macro_f1(pairs, counts[None])[0])
    resampled = [_macro_f1(pairs, weights) for weights in bootstrap_weights(counts)]
    return estimate, percentile_interval(np.concatenate(resampled), estimate)


def _macro_f1(pairs: Array, counts: Array) -> Array:
    """Return macro F1 for each row of counts, shape `(rows,)`.

    Args:
        pairs: Label and prediction of each cell, shape `(cells, 2)`.
        counts: Samples in each cell, shape `(rows, cells)`.
    """
    right = np.where(pairs[:, 0] == pairs[:, 1], counts, 0)
    # 2 TP + FP + FN of a class is how often it is a label plus how often it is predicted.
    classes = np.unique(pairs[pairs >= 0])
    places = np.searchsorted(classes, np.maximum(pairs, 0))
    total = np.zeros((len(classes), len(counts)))
    hits = np.zeros((len(classes), len(counts)))
    np.add.at(total, places[:, 0], counts.T)
    known = pairs[:, 1] >= 0
    np.add.at(total, places[known, 1], counts.T[known])
    np.add.at(hits, places[:, 0], right.T)
    occurs = total > 0
    f1 = np.where(occurs, 2 * hits / np.maximum(total, 1), 0.0)
    return np.asarray(f1.sum(axis=0) / np.maximum(occurs.sum(axis=0), 1))


def f1_terms(tally: ClassTally) -> tuple[float, int]:
    """Return the sum of the classes' F1 and how many classes occur: macro F1 is their ratio."""
    hits, occurs = Counter[int](), Counter[int]()
    for (label, predicted), count in tally.pairs.items():
        occurs[label] += count
        if predicted >= 0:
            occurs[predicted] += count
        hits[label] += count if label == predicted else 0
    return sum(2 * hits[each] / occurs[each] for each in sorted(occurs)), len(occurs)


def auc(tally: ClassTally) -> tuple[float, Interval] | None:
    """Return the area under the ROC curve of a binary classifier and its 95 % interval.

    The share of pairs of one sample of each class in which the second class's sample scores higher;
    an equal pair counts one half (Mann and Whitney 1947).

    Returns:
        None where there are not two classes, one has no sample, or a score is NaN.
    """
    terms = auc_terms(tally)
    if terms is None:
        return None
    above, positives, negatives = terms
    area = min(1.0, max(0.0, above / (positives * negatives)))
    return area, auc_interval(area, positives, negatives)


def auc_terms(tally: ClassTally) -> tuple[float, int, int] | None:
    """Return the pairs that are in order, ties half, and the samples of either class.

    Returns:
        None as for `auc`.
    """
    negatives, positives = (int(count) for count in tally.score_counts.sum(axis=1))
    if not tally.ranked or not positives or not negatives:
        return None
    counts = tally.score_counts.sum(axis=0)
    # The mean rank of equal values, from 1.
    ranks = np.cumsum(counts) - (counts - 1) / 2
    above = float((ranks * tally.score_counts[1]).sum()) - positives * (positives + 1) / 2
    return above, positives, negatives


def expected_calibration_error(tally: ClassTally) -> float | None:
    """Return sum over bins of |right - confidence| weighted by samples (Guo et al. 2017).

    Returns:
        None where the scores are no probabilities or a score is NaN.
    """
    gaps = calibration_gaps(tally)
    return None if gaps is None else gaps / tally.samples


def calibration_gaps(tally: ClassTally) -> float | None:
    """Return the sum over bins of samples * |right - confidence|; None as for the error."""
    bins = reliability(tally)
    if bins is None:
        return None
    gaps = np.abs(np.array(bins["right"]) - np.array(bins["confidence"]))
    return float(np.sum(gaps * np.array(bins["samples"])))


def reliability(tally: ClassTally) -> dict[str, list[Any]] | None:
    """Return, for each of `ECE_BINS` bins (a, b] of confidence, samples and the two means.

    Returns:
        `{"samples", "confidence", "right"}`, empty bins with 0 and zeros; None as for the error.
    """
    if np.isnan(tally.bin_confidence).any() or not tally.samples:
        return None
    known = np.maximum(tally.bin_samples, 1)
    return {
        "samples": tally.bin_samples.tolist(),
        "confidence": (tally.bin_confidence / known).tolist(),
        "right": (tally.bin_credits / known).tolist(),
    }


def per_class(tally: ClassTally) -> dict[str, list[float]]:
    """Return, for each class that occurs among the labels, its samples and how many are right.

    Args:
        tally: Of a variant, with the original's credits.

    Returns:
        `{"class", "samples", "reference", "variant"}`; the last two are the shares of the class's
        samples that are right (recall), ties as in `credits`.
    """
    classes = np.flatnonzero(tally.class_samples)
    samples = tally.class_samples[classes]
    return {
        "class": classes.tolist(),
        "samples": samples.astype(np.int64).tolist(),
        "reference": (tally.reference_credits[classes] / samples).tolist(),
        "variant": (tally.class_credits[classes] / samples).tolist(),
    }
