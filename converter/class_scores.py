"""What accuracy needs to know of each sample's class scores: a few numbers instead of the row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.drift import is_class_distribution, top_classes, two_columns

Array = np.ndarray
TOP_K = 5


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Of each sample, shape `(samples,)` throughout.

    Attributes:
        labels: Class indices.
        credits: Chance of being right: 1, 0, or 1/k where the label is one of k top classes.
        top5: Chance that the label is among the five highest, ties drawn at random; NaN where there
            are no more than five classes.
        predicted: The first class of the highest score; -1 where a score is NaN.
        confidence: The highest score, within 0..1; NaN where the scores are no distribution.
        positive: The second class's score (less the first's where the scores are no distribution);
            NaN where there are not two classes.
    """

    labels: Array
    credits: Array
    top5: Array
    predicted: Array
    confidence: Array
    positive: Array

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.labels)

    @classmethod
    def from_scores(
        cls, scores: Array, labels: Array, *, distribution: bool | None = None
    ) -> ClassScores:
        """Reduce rows of scores.

        Args:
            scores: Shape `(samples, classes)`, or one probability column.
            labels: Shape `(samples,)`, class indices.
            distribution: Whether the scores are probabilities; found out when left out.
        """
        scores = two_columns(scores)
        if distribution is None:
            distribution = is_class_distribution(scores)
        labels = labels.astype(np.int64).reshape(-1)
        top = top_classes(scores)
        broken = np.isnan(scores).any(axis=1)
        filled = np.where(broken[:, None], -np.inf, scores)
        unknown = np.full(len(scores), np.nan)
        positive = unknown
        if scores.shape[1] == 2:
            with np.errstate(invalid="ignore"):
                positive = scores[:, 1] if distribution else scores[:, 1] - scores[:, 0]
        confidence = np.clip(filled.max(axis=1), 0.0, 1.0) if distribution else unknown
        return cls(
            labels=labels,
            credits=class_credits(scores, labels, top),
            top5=_top_k_credits(scores, labels) if scores.shape[1] > TOP_K else unknown,
            predicted=np.where(broken, -1, np.argmax(filled, axis=1)),
            confidence=np.where(broken, np.nan, confidence),
            positive=np.where(broken, np.nan, positive),
        )


def class_credits(scores: Array, labels: Array, top: Array | None = None) -> Array:
    """Return each sample's chance of being right, shape `(samples,)`: 1, 0, or 1/k in a k-fold tie.

    Args:
        scores: Shape `(samples, classes)`, or one probability column.
        labels: Shape `(samples,)`, class indices.
        top: `top_classes(scores)`, where it is known already.
    """
    top = top_classes(scores) if top is None else top
    hit = top[np.arange(len(top)), labels.astype(np.int64)]
    return hit / np.maximum(top.sum(axis=1), 1)


def _top_k_credits(scores: Array, labels: Array, k: int = TOP_K) -> Array:
    """Return each label's chance of a place among the k highest; a row with NaN has none."""
    own = scores[np.arange(len(scores)), labels][:, None]
    with np.errstate(invalid="ignore"):
        above = np.sum(scores > own, axis=1)
        equal = np.sum(scores == own, axis=1)
    chance = np.clip((k - above) / np.maximum(equal, 1), 0.0, 1.0)
    return np.where(np.isnan(scores).any(axis=1), 0.0, chance)
