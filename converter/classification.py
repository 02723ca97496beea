"""Figures of a classifier from its samples' scores: macro F1, AUC, calibration, single classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.class_scores import ClassScores
from converter.intervals import (
    Interval,
    auc_interval,
    bootstrap_weights,
    percentile_interval,
)

Array = np.ndarray
ECE_BINS = 15
"""Equal bins of confidence from 0 to 1, as in Guo et al. 2017."""


def macro_f1(scores: ClassScores) -> tuple[float, Interval | None]:
    """Return the mean F1 of the classes, and its 95 % percentile bootstrap interval.

    F1 = 2 TP / (2 TP + FP + FN) of each class that occurs among the labels or the predictions. Of
    equal highest scores the first class is the prediction; a sample with NaN predicts none.
    """
    pairs, counts = np.unique(
        np.stack([scores.labels, scores.predicted], axis=1), axis=0, return_counts=True
    )
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


def f1_terms(scores: ClassScores) -> tuple[float, int]:
    """Return the sum of the classes' F1 and how many classes occur: macro F1 is their ratio."""
    predicted = scores.predicted[scores.predicted >= 0]
    classes = np.unique(np.concatenate([scores.labels, predicted]))
    total = 0.0
    for each in classes.tolist():
        hits = np.count_nonzero((scores.labels == each) & (scores.predicted == each))
        occurs = np.count_nonzero(scores.labels == each) + np.count_nonzero(predicted == each)
        total += 2 * hits / occurs
    return float(total), len(classes)


def auc(scores: ClassScores) -> tuple[float, Interval] | None:
    """Return the area under the ROC curve of a binary classifier and its 95 % interval.

    The share of pairs of one sample of each class in which the second class's sample scores higher;
    an equal pair counts one half (Mann and Whitney 1947).

    Returns:
        None where there are not two classes, one has no sample, or a score is NaN.
    """
    terms = auc_terms(scores)
    if terms is None:
        return None
    above, positives, negatives = terms
    area = min(1.0, max(0.0, above / (positives * negatives)))
    return area, auc_interval(area, positives, negatives)


def auc_terms(scores: ClassScores) -> tuple[float, int, int] | None:
    """Return the pairs that are in order, ties half, and the samples of either class.

    Returns:
        None as for `auc`.
    """
    positive = scores.labels == 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if np.isnan(scores.positive).any() or not positives or not negatives:
        return None
    _, places, counts = np.unique(scores.positive, return_inverse=True, return_counts=True)
    # The mean rank of equal values, from 1.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places.reshape(-1)]
    above = float(ranks[positive].sum()) - positives * (positives + 1) / 2
    return above, positives, negatives


def expected_calibration_error(scores: ClassScores) -> float | None:
    """Return sum over bins of |right - confidence| weighted by samples (Guo et al. 2017).

    Returns:
        None where the scores are no probabilities or a score is NaN.
    """
    gaps = calibration_gaps(scores)
    return None if gaps is None else gaps / len(scores)


def calibration_gaps(scores: ClassScores) -> float | None:
    """Return the sum over bins of samples * |right - confidence|; None as for the error."""
    bins = reliability(scores)
    if bins is None:
        return None
    gaps = np.abs(np.array(bins["right"]) - np.array(bins["confidence"]))
    return float(np.sum(gaps * np.array(bins["samples"])))


def reliability(scores: ClassScores) -> dict[str, list[Any]] | None:
    """Return, for each of `ECE_BINS` bins (a, b] of confidence, samples and the two means.

    Returns:
        `{"samples", "confidence", "right"}`, empty bins with 0 and zeros; None as for the error.
    """
    if np.isnan(scores.confidence).any() or not len(scores):
        return None
    place = np.clip(np.ceil(scores.confidence * ECE_BINS) - 1, 0, ECE_BINS - 1).astype(np.int64)
    samples = np.bincount(place, minlength=ECE_BINS)
    known = np.maximum(samples, 1)
    return {
        "samples": samples.tolist(),
        "confidence": (np.bincount(place, scores.confidence, ECE_BINS) / known).tolist(),
        "right": (np.bincount(place, scores.credits, ECE_BINS) / known).tolist(),
    }


def per_class(reference: ClassScores, variant: ClassScores) -> dict[str, list[float]]:
    """Return, for each class that occurs among the labels, its samples and how many are right.

    Returns:
        `{"class", "samples", "reference", "variant"}`; the last two are the shares of the class's
        samples that are right (recall), ties as in `credits`.
    """
    classes, places = np.unique(reference.labels, return_inverse=True)
    samples = np.bincount(places)
    return {
        "class": classes.tolist(),
        "samples": samples.tolist(),
        "reference": (np.bincount(places, reference.credits) / samples).tolist(),
        "variant": (np.bincount(places, variant.credits) / samples).tolist(),
    }
