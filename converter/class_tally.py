"""What accuracy needs of all samples of a classifier together: counts, taken block by block."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from converter.class_scores import ClassScores

Array = np.ndarray
ECE_BINS = 15
"""Equal bins of confidence from 0 to 1, as in Guo et al. 2017."""


def _none() -> Array:
    return np.zeros(0)


@dataclass
class ClassTally:
    """Counts of a classifier's samples; memory does not grow with them.

    The one exception are the different scores of a model of two classes, which AUC ranks.

    Attributes:
        samples: Samples taken.
        credits: Sum of their chances of being right.
        top5: Sum of their chances of a place among the five highest; NaN where that has no meaning.
        pairs: Samples by label and prediction; -1 predicts nothing.
        bin_samples: By bin of confidence, shape `(ECE_BINS,)`.
        bin_confidence: Sum of confidence likewise; NaN where it has no meaning.
        bin_credits: Sum of the chances of being right likewise.
        class_samples: By label, shape `(classes seen,)`.
        class_credits: Sum of the chances of being right by label.
        reference_credits: The same of the original; empty without one.
        lost: Samples on which the original has the greater chance of being right.
        won: Samples on which it has the smaller one.
        scores: Different scores of the second class, ascending; see `ClassScores.positive`.
        score_counts: Samples of the first and of the second class by score, shape `(2, scores)`.
        ranked: Whether every sample had such a score.
    """

    samples: int = 0
    credits: float = 0.0
    top5: float = 0.0
    pairs: Counter[tuple[int, int]] = field(default_factory=Counter)
    bin_samples: Array = field(default_factory=lambda: np.zeros(ECE_BINS, np.int64))
    bin_confidence: Array = field(default_factory=lambda: np.zeros(ECE_BINS))
    bin_credits: Array = field(default_factory=lambda: np.zeros(ECE_BINS))
    class_samples: Array = field(default_factory=_none)
    class_credits: Array = field(default_factory=_none)
    reference_credits: Array = field(default_factory=_none)
    lost: int = 0
    won: int = 0
    scores: Array = field(default_factory=_none)
    score_counts: Array = field(default_factory=lambda: np.zeros((2, 0), np.int64))
    ranked: bool = True

    @classmethod
    def of(cls, blocks: Iterable[tuple[ClassScores, ClassScores | None]]) -> ClassTally:
        """Return the tally of blocks of samples: of the model, and of the original or None."""
        tally = cls()
        for scores, reference in blocks:
            tally.add(scores, reference)
        return tally

    def add(self, scores: ClassScores, reference: ClassScores | None = None) -> None:
        """Take the next samples.

        Args:
            scores: Of the model.
            reference: Of the original on the same samples; None for the original itself.
        """
        self.samples += len(scores)
        self.credits += float(scores.credits.sum())
        self.top5 += float(scores.top5.sum())
        self.pairs.update(zip(scores.labels.tolist(), scores.predicted.tolist(), strict=True))
        self._add_confidence(scores)
        self.class_samples = _sum(self.class_samples, np.bincount(scores.labels))
        self.class_credits = _sum(
            self.class_credits, np.bincount(scores.labels, weights=scores.credits)
        )
        if reference is not None:
            self.reference_credits = _sum(
                self.reference_credits, np.bincount(scores.labels, weights=reference.credits)
            )
            self.lost += int(np.count_nonzero(reference.credits > scores.credits))
            self.won += int(np.count_nonzero(scores.credits > reference.credits))
        self._add_ranks(scores)

    def _add_confidence(self, scores: ClassScores) -> None:
        known = ~np.isnan(scores.confidence)
        if not known.all():
            self.bin_confidence += math.nan
        places = np.ceil(scores.confidence[known] * ECE_BINS).astype(np.int64) - 1
        places = np.clip(places, 0, ECE_BINS - 1)
        self.bin_samples += np.bincount(places, minlength=ECE_BINS)
        self.bin_confidence += np.bincount(places, scores.confidence[known], ECE_BINS)
        self.bin_credits += np.bincount(places, scores.credits[known], ECE_BINS)

    def _add_ranks(self, scores: ClassScores) -> None:
        self.ranked = self.ranked and not np.isnan(scores.positive).any()
        if not self.ranked:
            self.scores, self.score_counts = _none(), np.zeros((2, 0), np.int64)
            return
        joined, places = np.unique(
            np.concatenate([self.scores, scores.positive]), return_inverse=True
        )
        counts = np.zeros((2, len(joined)), np.int64)
        counts[:, places[: len(self.scores)]] = self.score_counts
        np.add.at(counts, ((scores.labels == 1).astype(np.int64), places[len(self.scores) :]), 1)
        self.scores, self.score_counts = joined, counts


def _sum(first: Array, second: Array) -> Array:
    """Add two arrays of which the shorter one is filled up with zeros."""
    long, short = (first, second) if len(first) >= len(second) else (second, first)
    total = long.astype(np.float64)
    total[: len(short)] += short
    return total
