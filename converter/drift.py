"""Output drift: a candidate's outputs against the reference's, one pure function a metric.

Every function takes `reference` and `candidate` of the same shape, samples first, and computes
in float64. NaN and infinity are counted and left in, never replaced. Formulas: docs/metrics.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from converter.json_figures import read_figures

Array = np.ndarray

_SUM_TOLERANCE = 1e-2
"""How far a row of a float16 or int8 softmax may be from 1 and still be a distribution."""


def _pair(reference: Array, candidate: Array) -> tuple[Array, Array]:
    if reference.shape != candidate.shape:
        raise ValueError(
            f"expected outputs of the same shape, found {reference.shape} and {candidate.shape}"
        )
    return reference.astype(np.float64), candidate.astype(np.float64)


def max_abs_error(reference: Array, candidate: Array) -> float:
    """Return max|y - r|; NaN when any element is NaN.

    Example:
        >>> max_abs_error(np.array([1.0, 2.0]), np.array([1.5, 2.0]))
        0.5
    """
    r, y = _pair(reference, candidate)
    return float(np.max(np.abs(y - r), initial=0.0))


def mean_abs_error(reference: Array, candidate: Array) -> float:
    """Return mean|y - r|."""
    r, y = _pair(reference, candidate)
    return float(np.mean(np.abs(y - r)))


def rmse(reference: Array, candidate: Array) -> float:
    """Return the root mean square error, sqrt(mean((y - r)^2))."""
    r, y = _pair(reference, candidate)
    return float(np.sqrt(np.mean(np.square(y - r))))


def sqnr_db(reference: Array, candidate: Array) -> float:
    """Return the signal-to-quantization-noise ratio, 10 log10(sum r^2 / sum (y - r)^2), in dB.

    Returns:
        `inf` where the error is exactly zero, `-inf` where only the signal is.
    """
    r, y = _pair(reference, candidate)
    return sqnr_of_sums(float(np.sum(np.square(r))), float(np.sum(np.square(y - r))))


def sqnr_of_sums(signal: float, noise: float) -> float:
    """Return SQNR in dB from the summed squares of the signal and of the error."""
    if math.isnan(signal) or math.isnan(noise):
        return math.nan
    if noise == 0:
        return math.inf
    if signal == 0 or math.isinf(noise):
        return -math.inf
    return 10 * math.log10(signal / noise)


def cosine_similarities(reference: Array, candidate: Array) -> Array:
    """Return y.r / (|y| |r|) for each sample, shape `(samples,)`.

    Two zero vectors are alike (1); a zero vector and another one are not (0).
    """
    r, y = _pair(reference, candidate)
    r, y = r.reshape(len(r), -1), y.reshape(len(y), -1)
    # Scaled first: squares of large activations would overflow even in float64.
    r_scale = np.max(np.abs(r), axis=1, keepdims=True, initial=0.0)
    y_scale = np.max(np.abs(y), axis=1, keepdims=True, initial=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r, y = r / np.where(r_scale == 0, 1, r_scale), y / np.where(y_scale == 0, 1, y_scale)
        dot = np.sum(r * y, axis=1)
        norms = np.linalg.norm(r, axis=1) * np.linalg.norm(y, axis=1)
        similarity = np.clip(dot / np.where(norms == 0, 1, norms), -1.0, 1.0)
    both_zero = (r_scale == 0) & (y_scale == 0)
    return np.where(both_zero[:, 0], 1.0, similarity)


def cosine_similarity(reference: Array, candidate: Array) -> float:
    """Return the mean over samples of the cosine similarity."""
    return float(np.mean(cosine_similarities(reference, candidate)))


def top1_agreements(reference: Array, candidate: Array) -> Array:
    """Return how far the two agree on the top class of each sample, shape `(samples,)`.

    Without ties this is 1 where argmax y = argmax r and 0 elsewhere. With ties it is the overlap
    of the two sets of top classes, |R & Y| / |R | Y|: a candidate that scores all ten classes
    alike agrees by a tenth, whatever `argmax` happens to pick. A sample with NaN agrees by 0.

    Args:
        reference: Shape `(samples, classes)`; one column is a probability, cut at 0.5.
        candidate: The same shape.
    """
    r, y = _pair(reference, candidate)
    return _overlaps(top_classes(r), top_classes(y))


def _overlaps(r_top: Array, y_top: Array) -> Array:
    union = np.count_nonzero(r_top | y_top, axis=1)
    return np.count_nonzero(r_top & y_top, axis=1) / np.maximum(union, 1)


def top_classes(scores: Array) -> Array:
    """Return which classes share the highest score, boolean, shape `(samples, classes)`.

    One column is read as the probability of the second of two classes; a row with NaN has no
    top class.
    """
    scores = two_columns(scores)
    with np.errstate(invalid="ignore"):
        # The maximum of a row with NaN is NaN, which nothing equals.
        return np.asarray(scores == np.max(scores, axis=1, keepdims=True))


def two_columns(scores: Array) -> Array:
    """Turn a single probability column `p` into the two columns `1 - p, p`."""
    scores = scores.reshape(len(scores), -1).astype(np.float64)
    return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores


def has_one_top_class(scores: Array) -> Array:
    """Return on which samples one class alone has the highest score, boolean, `(samples,)`."""
    return np.asarray(np.count_nonzero(top_classes(scores), axis=1) == 1)


def top1_agreement(reference: Array, candidate: Array) -> float | None:
    """Return the mean of `top1_agreements` over samples on which the reference has one top class.

    Where the reference itself scores several classes alike there is nothing to agree with.

    Returns:
        None where the reference has one top class on no sample.
    """
    decided = has_one_top_class(reference)
    if not decided.any():
        return None
    return float(np.mean(top1_agreements(reference[decided], candidate[decided])))


def non_finite_count(candidate: Array) -> int:
    """Return how many elements are NaN or infinite."""
    return int(np.size(candidate) - np.count_nonzero(np.isfinite(candidate)))


def is_class_distribution(reference: Array) -> bool:
    """Whether every row is a probability distribution over at least two classes.

    Args:
        reference: Shape `(samples, classes)`; other ranks are no class distribution.
    """
    if reference.ndim != 2 or reference.shape[1] < 2 or not np.isfinite(reference).all():
        return False
    sums = reference.astype(np.float64).sum(axis=1)
    return bool((reference >= 0).all() and (np.abs(sums - 1) <= _SUM_TOLERANCE).all())


@dataclass(frozen=True)
class MetricInfo:
    """How a metric is shown: its label, unit, and which way is better."""

    label: str
    unit: str
    higher_is_better: bool
    meaning: str


METRICS: dict[str, MetricInfo] = {
    "max_abs_error": MetricInfo("Max error", "", False, "largest |y - r| of any output value"),
    "mean_abs_error": MetricInfo("Mean error", "", False, "mean |y - r| over all output values"),
    "rmse": MetricInfo("RMSE", "", False, "root mean square of y - r"),
    "sqnr_db": MetricInfo("SQNR", "dB", True, "signal power over error power, in decibels"),
    "cosine_similarity": MetricInfo("Cosine", "", True, "mean cosine of the angle between y and r"),
    "top1_agreement": MetricInfo(
        "Agreement", "%", True, "samples on which the top class is the same"
    ),
    "non_finite_count": MetricInfo(
        "NaN or Inf", "", False, "output values that are NaN or infinite"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The drift of one output, or the worst of several, figure by figure.

    Attributes:
        max_abs_error: max|y - r|.
        mean_abs_error: mean|y - r|.
        rmse: sqrt(mean((y - r)^2)).
        sqnr_db: `inf` for identical outputs.
        cosine_similarity: Mean over samples.
        worst_cosine_similarity: Least over samples.
        top1_agreement: Over the samples on which the reference has one top class; None where the
            output is no class distribution or no sample has one.
        top1_samples: Number of those samples; None where the output is no class distribution.
        top1_ties: Samples in which several classes share the candidate's top score; None likewise.
        non_finite_count: NaN and infinite values of the candidate.
        max_abs_error_lsb: `max_abs_error` in steps of the output's scale; None for float outputs.
        values: Output values compared. None, as are the sums, in a run of an earlier version and
            for the worst of several outputs, which need not be those of one.
        signal_square_sum: sum r^2.
        error_square_sum: sum (y - r)^2.
        error_sum: sum |y - r|.
    """

    max_abs_error: float
    mean_abs_error: float
    rmse: float
    sqnr_db: float
    cosine_similarity: float
    worst_cosine_similarity: float
    top1_agreement: float | None
    top1_samples: int | None
    top1_ties: int | None
    non_finite_count: int
    max_abs_error_lsb: float | None = None
    values: int | None = None
    signal_square_sum: float | None = None
    error_square_sum: float | None = None
    error_sum: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Drift:
        """Read `to_json`'s form, in which NaN is null."""
        read = read_figures(cls, values)
        for name in _ALWAYS_MEASURED:
            read[name] = math.nan if read[name] is None else read[name]
        return cls(**read)


_ALWAYS_MEASURED = (
    "max_abs_error",
    "mean_abs_error",
    "rmse",
    "sqnr_db",
    "cosine_similarity",
    "worst_cosine_similarity",
)


def measure_drift(
    reference: Array, candidate: Array, *, classes: bool, step: float | None = None
) -> Drift:
    """Return all drift figures of one output.

    Args:
        reference: Shape `(samples, ...)`, the reference's outputs.
        candidate: The same shape, dequantized.
        classes: Whether rows are class scores, so that a top class means something.
        step: The output's quantization scale, to tell the error in steps as well.

    Raises:
        ValueError: When shapes differ or there is no sample.
    """
    sums = DriftSums(classes=classes, step=step)
    sums.add(reference, candidate)
    return sums.result()


class DriftSums:
    """The drift of one output, taken block by block: memory does not grow with the samples.

    Args:
        classes: As for `measure_drift`.
        step: As for `measure_drift`.
    """

    def __init__(self, *, classes: bool, step: float | None = None) -> None:
        self._classes = classes
        self._step = step
        self._samples = self._values = 0
        self._largest = 0.0
        self._absolute = self._noise = self._signal = 0.0
        self._cosine, self._worst_cosine = 0.0, math.inf
        self._agreement = 0.0
        self._decided = self._ties = self._non_finite = 0

    def add(self, reference: Array, candidate: Array) -> None:
        """Take the next samples; arguments as for `measure_drift`.

        Raises:
            ValueError: When shapes differ.
        """
        r, y = _pair(reference, candidate)
        if not len(r):
            return
        self._samples += len(r)
        self._values += r.size
        with np.errstate(invalid="ignore"):  # infinity less infinity is NaN, and stays
            error = np.abs(y - r)
        # np.maximum keeps a NaN, which the built-in max may lose.
        self._largest = float(np.maximum(self._largest, np.max(error, initial=0.0)))
        self._absolute += float(np.sum(error))
        self._noise += float(np.sum(np.square(error)))
        self._signal += float(np.sum(np.square(r)))
        similarities = cosine_similarities(r, y)
        self._cosine += float(np.sum(similarities))
        self._worst_cosine = float(np.minimum(self._worst_cosine, np.min(similarities)))
        self._non_finite += non_finite_count(y)
        if self._classes:
            r_top, y_top = top_classes(r), top_classes(y)
            decided = np.count_nonzero(r_top, axis=1) == 1
            self._decided += int(np.count_nonzero(decided))
            self._agreement += float(np.sum(_overlaps(r_top, y_top)[decided]))
            self._ties += int(np.count_nonzero(np.count_nonzero(y_top, axis=1) > 1))

    def result(self) -> Drift:
        """Return the figures of all samples taken.

        Raises:
            ValueError: When there was none.
        """
        if not self._samples:
            raise ValueError("expected at least one evaluation sample, found none")
        values = self._values or math.nan
        agreement = self._agreement / self._decided if self._decided else None
        return Drift(
            max_abs_error=self._largest,
            mean_abs_error=self._absolute / values,
            rmse=math.sqrt(self._noise / values),
            sqnr_db=sqnr_of_sums(self._signal, self._noise),
            cosine_similarity=self._cosine / self._samples,
            worst_cosine_similarity=self._worst_cosine,
            top1_agreement=agreement if self._classes else None,
            top1_samples=self._decided if self._classes else None,
            top1_ties=self._ties if self._classes else None,
            non_finite_count=self._non_finite,
            max_abs_error_lsb=self._largest / self._step if self._step else None,
            values=self._values,
            signal_square_sum=self._signal,
            error_square_sum=self._noise,
            error_sum=self._absolute,
        )


def worst_drift(drifts: Iterable[Drift]) -> Drift:
    """Return, figure by figure, the worst of several outputs; counts are summed.

    A NaN is the worst of all, so that it cannot hide behind another output's figure.
    """
    found = list(drifts)
    if len(found) == 1:
        return found[0]

    def worst(name: str, pick: Callable[[list[float]], float]) -> Any:  # noqa: ANN401
        values = [getattr(d, name) for d in found if getattr(d, name) is not None]
        if not values:
            return None
        return math.nan if any(math.isnan(value) for value in values) else pick(values)

    return Drift(
        max_abs_error=worst("max_abs_error", max),
        mean_abs_error=worst("mean_abs_error", max),
        rmse=worst("rmse", max),
        sqnr_db=worst("sqnr_db", min),
        cosine_similarity=worst("cosine_similarity", min),
        worst_cosine_similarity=worst("worst_cosine_similarity", min),
        top1_agreement=worst("top1_agreement", min),
        top1_samples=worst("top1_samples", min),
        top1_ties=worst("top1_ties", sum),
        non_finite_count=sum(d.non_finite_count for d in found),
        max_abs_error_lsb=worst("max_abs_error_lsb", max),
    )
