"""Whether a variant is worse than the original, by what both did on the same samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from converter.intervals import Z95, Interval, paired_difference_interval
from converter.json_figures import known_fields

Array = np.ndarray
ALPHA, POWER = 0.05, 0.8
Z_POWER = 0.8416212335729143
"""80 % quantile of the standard normal distribution."""
_LARGEST = 10**9
MCNEMAR, PAIRED_MEAN = "mcnemar_exact", "paired_mean"


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """The original against a variant, sample by sample.

    Attributes:
        method: `mcnemar_exact` for classes; `paired_mean` for values: the mean difference of
            |error|, with the normal approximation.
        samples: Samples that both were measured on.
        lost: Samples on which the original is right and the variant is not (values: whose error
            grew).
        won: The reverse.
        difference: (won - lost) / samples, which without ties is `accuracy.delta` (values: change
            of the mean absolute error).
        ci95: Its 95 % interval: Bonett and Price 2012 (values: normal).
        p_value: Two-sided.
        distinguishable: Whether `p_value` is below 5 %.
        samples_needed: Samples with which a difference as large as the one seen would be told from
            none with a power of 80 % (Connor 1987; values: the paired z test); None where no
            difference was seen.
        sentence: The result in words.
    """

    method: str
    samples: int
    lost: int
    won: int
    difference: float
    ci95: Interval
    p_value: float
    distinguishable: bool
    samples_needed: int | None
    sentence: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PairedTest:
        """Read `to_json`'s form."""
        fields = known_fields(cls, values)
        return cls(**{**fields, "ci95": tuple(fields["ci95"])})


def mcnemar_p_value(lost: int, won: int) -> float:
    """Return the two-sided p-value of the exact McNemar test (McNemar 1947).

    Of the samples on which the two differ, each side wins one half where they are equally good:
    min(1, 2 P(X <= min(lost, won))), X binomial (lost + won, 1/2).
    """
    differing, least = lost + won, min(lost, won)
    if differing == 0:
        return 1.0
    # In logarithms: a binomial coefficient of thousands is beyond float64.
    whole = math.lgamma(differing + 1)
    terms = [
        whole - math.lgamma(k + 1) - math.lgamma(differing - k + 1) - differing * math.log(2)
        for k in range(least + 1)
    ]
    top = max(terms)
    tail = math.exp(top) * math.fsum(math.exp(term - top) for term in terms)
    return min(1.0, 2 * tail)


def samples_for_mcnemar(lost: int, won: int, samples: int) -> int | None:
    """Return the samples that tell a difference as large as the one seen with a power of 80 %.

    N = (z_a sqrt(d) + z_b sqrt(d - D^2))^2 / D^2, with d the share of samples that differ and D the
    difference (Miettinen 1968; Connor 1987, formula 2), z_a for 5 % two-sided.

    Returns:
        None where there is no difference, so that no number would do.
    """
    if lost == won:
        return None
    differing, difference = (lost + won) / samples, (won - lost) / samples
    root = Z95 * math.sqrt(differing) + Z_POWER * math.sqrt(differing - difference**2)
    return min(_LARGEST, math.ceil((root / difference) ** 2))


def compare_classes(lost: int, won: int, samples: int) -> PairedTest:
    """Return the exact McNemar test of two classifiers on the same samples.

    A sample counts for the side whose chance of being right is greater, which without ties is the
    side that alone is right; with ties it makes the test a sign test.

    Args:
        lost: Samples that count for the original.
        won: Samples that count for the variant.
        samples: All samples.
    """
    p_value = mcnemar_p_value(lost, won)
    return PairedTest(
        method=MCNEMAR,
        samples=samples,
        lost=lost,
        won=won,
        difference=(won - lost) / samples,
        ci95=paired_difference_interval(lost, won, samples),
        p_value=p_value,
        distinguishable=p_value < ALPHA,
        samples_needed=samples_for_mcnemar(lost, won, samples),
    )


@dataclass
class ErrorChanges:
    """How each sample's error changed, taken block by block in memory of a fixed size.

    Attributes:
        samples: Samples taken.
        mean: Of variant less reference.
        squares: Sum of the squared distances from the mean.
        grown: Samples whose error grew.
        shrunk: Samples whose error shrank.
    """

    samples: int = 0
    mean: float = 0.0
    squares: float = 0.0
    grown: int = 0
    shrunk: int = 0

    def add(self, reference: Array, variant: Array) -> None:
        """Take the next samples.

        Args:
            reference: Each sample's mean |t - p|, shape `(samples,)`.
            variant: The same of the variant.
        """
        with np.errstate(invalid="ignore"):  # a change from infinity to infinity is NaN, and stays
            change = variant - reference
            # Chan, Golub and LeVeque 1979: variances of parts put together without losing digits.
            mean, count = float(np.mean(change)), len(change)
            total = self.samples + count
            apart = mean - self.mean
            self.squares += float(np.square(change - mean).sum())
        self.squares += apart**2 * self.samples * count / total
        self.mean += apart * count / total
        self.samples = total
        self.grown += int(np.count_nonzero(change > 0))
        self.shrunk += int(np.count_nonzero(change < 0))


def compare_errors(changes: ErrorChanges) -> PairedTest | None:
    """Return whether the mean absolute error changed, by the paired z test.

    Args:
        changes: Of all samples.

    Returns:
        None with fewer than two samples or an error that is not finite.
    """
    if changes.samples < 2 or not math.isfinite(changes.mean + changes.squares):  # noqa: PLR2004
        return None
    mean, deviation = changes.mean, math.sqrt(changes.squares / (changes.samples - 1))
    half = deviation / math.sqrt(changes.samples)
    p_value, needed = 1.0, None
    if mean != 0:
        p_value = math.erfc(abs(mean) / half / math.sqrt(2)) if half > 0 else 0.0
        needed = min(_LARGEST, max(2, math.ceil(((Z95 + Z_POWER) * deviation / mean) ** 2)))
    return PairedTest(
        method=PAIRED_MEAN,
        samples=changes.samples,
        lost=changes.grown,
        won=changes.shrunk,
        difference=mean,
        ci95=(mean - Z95 * half, mean + Z95 * half),
        p_value=p_value,
        distinguishable=p_value < ALPHA,
        samples_needed=needed,
    )


def describe_paired(test: PairedTest, variant: str, original: str = "the original") -> str:
    """Return the result in one sentence.

    Args:
        test: The result.
        variant: What the variant is called.
        original: What the original is called.
    """
    counts, p_value = _counts(test), _p_text(test.p_value)
    if test.distinguishable:
        better = test.difference > 0 if test.method == MCNEMAR else test.difference < 0
        word = "better" if better else "worse"
        return (
            f"{variant} is {word} than {original} by {_size(test)}: {counts} of "
            f"{test.samples:,} samples ({p_value})."
        )
    start = f"{variant} is not distinguishable from {original} with {test.samples:,} samples"
    if test.samples_needed is None:
        low, high = test.ci95
        bound = max(abs(low), abs(high))
        return (
            f"{start}: {counts}; a difference of up to {_amount(test, bound)} would stay unseen."
        )
    return (
        f"{start}: {counts} ({p_value}); about {_rounded(test.samples_needed)} would be needed to "
        f"tell the difference seen, {_size(test)}."
    )


def _counts(test: PairedTest) -> str:
    if test.method == MCNEMAR:
        return f"{test.lost:,} turned wrong and {test.won:,} right"
    return f"the error grew on {test.lost:,} and shrank on {test.won:,}"


def _size(test: PairedTest) -> str:
    return _amount(test, abs(test.difference))


def _amount(test: PairedTest, value: float) -> str:
    if test.method == MCNEMAR:
        return f"{100 * value:.2g} percentage points"
    return f"{value:.2g} in the mean absolute error"


def _p_text(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _rounded(value: int) -> str:
    """Return a number with two digits: an estimate from few samples has no more."""
    digits = max(0, len(str(value)) - 2)
    return f"{round(value, -digits):,}"
