"""Original and variant sample by sample: errors, classes, confidences, margins, flips."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace

import numpy as np

from converter.drift import top_classes, two_columns

Array = np.ndarray
NO_CLASS = -1
"""In place of a class where a score is NaN or there are no classes."""


@dataclass(frozen=True, kw_only=True)
class SampleDifferences:
    """One output of a variant against the original's, shape `(samples,)` throughout.

    Attributes:
        row: The sample's place in the data file, from 0.
        sample: Its place among the evaluation samples.
        error: max|y - r| of the sample's values.
        label: Class index, or the target beside `reference_value`; NaN where none was given.
        reference_class: The original's first top class; -1 where there is none.
        variant_class: The variant's.
        reference_confidence: The original's highest score; NaN where the output has no classes.
        variant_confidence: The variant's.
        reference_margin: The original's highest score less its second; NaN likewise.
        variant_margin: The variant's.
        flipped: Whether the original has one top class and it is not among the variant's.
        tied: Whether several classes share the variant's highest score.
        reference_value: The original's value where the sample's error is largest; NaN with classes.
        variant_value: The variant's value there.
    """

    row: Array
    sample: Array
    error: Array
    label: Array
    reference_class: Array
    variant_class: Array
    reference_confidence: Array
    variant_confidence: Array
    reference_margin: Array
    variant_margin: Array
    flipped: Array
    tied: Array
    reference_value: Array
    variant_value: Array

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.row)

    @classmethod
    def join(cls, parts: list[SampleDifferences]) -> SampleDifferences:
        """Put blocks of samples together, in their order."""
        return cls(
            **{
                field.name: np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            }
        )

    def take(self, places: Array) -> SampleDifferences:
        """Return the samples at these places."""
        return replace(
            self, **{field.name: getattr(self, field.name)[places] for field in fields(self)}
        )

    def worst(self, count: int) -> Array:
        """Return the places of the samples with the largest error, NaN first, then the largest."""
        error = np.where(np.isnan(self.error), np.inf, self.error)
        return np.lexsort((self.row, -error, ~np.isnan(self.error)))[:count]

    def flips(self, count: int) -> Array:
        """Return the places of the flips, those on which the original was surest first."""
        flipped = np.flatnonzero(self.flipped)
        order = np.lexsort((self.row[flipped], -self.reference_margin[flipped]))
        return np.asarray(flipped[order][:count])

    def most_telling(self, count: int) -> SampleDifferences:
        """Return at most so many samples: all flips first, then the largest errors; in order."""
        if len(self) <= count:
            return self
        flips = self.flips(count)
        rest = self.worst(len(self))
        rest = rest[np.isin(rest, flips, invert=True)][: count - len(flips)]
        return self.take(np.sort(np.concatenate([flips, rest])))


def compare_samples(
    reference: Array,
    candidate: Array,
    *,
    classes: bool,
    rows: Array,
    samples: Array,
    labels: Array | None = None,
) -> SampleDifferences:
    """Hold the outputs for some samples against each other.

    Args:
        reference: Shape `(samples, ...)`.
        candidate: The same shape, dequantized.
        classes: Whether rows are class scores, so that a top class means something.
        rows: Places in the data file, shape `(samples,)`.
        samples: Places among the evaluation samples, shape `(samples,)`.
        labels: Class indices, or as many targets as `reference` has values; None where not given.
    """
    r = reference.astype(np.float64).reshape(len(reference), -1)
    y = candidate.astype(np.float64).reshape(len(candidate), -1)
    with np.errstate(invalid="ignore"):
        difference = np.abs(y - r)
    none = np.full(len(r), np.nan)
    facts: dict[str, Array] = {
        "row": rows, "sample": samples, "error": difference.max(axis=1, initial=0.0), "label": none,
        "reference_class": np.full(len(r), NO_CLASS), "variant_class": np.full(len(r), NO_CLASS),
        "reference_confidence": none, "variant_confidence": none, "reference_margin": none,
        "variant_margin": none, "flipped": np.zeros(len(r), bool), "tied": np.zeros(len(r), bool),
        "reference_value": none, "variant_value": none,
    }  # fmt: skip
    if classes:
        facts.update(_class_facts(r, y))
        if labels is not None:
            facts["label"] = labels.reshape(-1).astype(np.float64)
    elif r.shape[1]:
        place = np.argmax(np.where(np.isnan(difference), np.inf, difference), axis=1)
        where = (np.arange(len(r)), place)
        facts["reference_value"], facts["variant_value"] = r[where], y[where]
        if labels is not None:
            facts["label"] = labels.reshape(r.shape).astype(np.float64)[where]
    return SampleDifferences(**facts)


def _class_facts(reference: Array, candidate: Array) -> dict[str, Array]:
    r, y = two_columns(reference), two_columns(candidate)
    r_top, y_top = top_classes(r), top_classes(y)
    r_class, r_confidence, r_margin = _top_facts(r, r_top)
    y_class, y_confidence, y_margin = _top_facts(y, y_top)
    decided = np.count_nonzero(r_top, axis=1) == 1
    return {
        "reference_class": r_class,
        "variant_class": y_class,
        "reference_confidence": r_confidence,
        "variant_confidence": y_confidence,
        "reference_margin": r_margin,
        "variant_margin": y_margin,
        "flipped": decided & ~np.any(r_top & y_top, axis=1),
        "tied": np.count_nonzero(y_top, axis=1) > 1,
    }


def _top_facts(scores: Array, top: Array) -> tuple[Array, Array, Array]:
    """Return the first top class, the highest score, and its lead over the second highest."""
    known = top.any(axis=1)
    filled = np.where(known.reshape(-1, 1), scores, 0.0)
    highest = np.partition(filled, -2, axis=1)[:, -2:]
    with np.errstate(invalid="ignore"):
        margin = highest[:, 1] - highest[:, 0]
    return (
        np.where(known, np.argmax(top, axis=1), NO_CLASS),
        np.where(known, highest[:, 1], np.nan),
        np.where(known, margin, np.nan),
    )


class DifferenceCollector:
    """Takes the samples block by block and keeps the most telling: memory does not grow with them.

    Args:
        most: Samples that are kept at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[SampleDifferences] = []
        self._pairs: Counter[tuple[int, int]] = Counter()
        self.samples = 0

    def add(self, block: SampleDifferences) -> None:
        """Take the next samples."""
        self.samples += len(block)
        classes = (block.reference_class.tolist(), block.variant_class.tolist())
        self._pairs.update(zip(*classes, strict=True))
        self._kept.append(block)
        if sum(len(part) for part in self._kept) > self._most:
            self._kept = [SampleDifferences.join(self._kept).most_telling(self._most)]

    def most_telling(self) -> SampleDifferences:
        """Return at most so many samples: all flips first, then the largest errors; in order."""
        return SampleDifferences.join(self._kept).most_telling(self._most)

    def class_pairs(self, most: int) -> dict[str, list[int] | int]:
        """Return how often the original's class became which of the variant's, commonest first.

        Args:
            most: Pairs that are kept at most.

        Returns:
            `{"reference", "variant", "samples", "left_out"}`: three lists of one length, and the
            samples of pairs beyond `most`.
        """
        ordered = sorted(self._pairs.items(), key=lambda item: (-item[1], item[0]))
        return {
            "reference": [pair[0] for pair, _ in ordered[:most]],
            "variant": [pair[1] for pair, _ in ordered[:most]],
            "samples": [count for _, count in ordered[:most]],
            "left_out": sum(count for _, count in ordered[most:]),
        }
