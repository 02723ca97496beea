"""95 % intervals of figures that were measured on samples, each with its method's source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

Array = np.ndarray
Interval = tuple[float, float]

Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution: two-sided 95 %."""
SEED = 20_260_101
RESAMPLES = 1000
"""Of a bootstrap; fewer, at least `LEAST_RESAMPLES`, where there are very many samples."""
LEAST_RESAMPLES = 200
_MOST_DRAWS = 10_000_000
_CHUNK_DRAWS = 1_000_000


def wilson_interval(successes: float, trials: int) -> Interval:
    """Return the 95 % Wilson score interval of a proportion (Wilson 1927).

    Args:
        successes: Number of successes; tied predictions contribute fractions.
        trials: Number of trials, at least 1.

    Raises:
        ValueError: When there is no trial.
    """
    if trials < 1:
        raise ValueError("expected at least one trial, found none")
    share = successes / trials
    denominator = 1 + Z95**2 / trials
    centre = (share + Z95**2 / (2 * trials)) / denominator
    half = Z95 * math.sqrt(share * (1 - share) / trials + Z95**2 / (4 * trials**2)) / denominator
    # Rounding must not push an end beyond the estimate: error bars have no negative length.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def paired_difference_interval(lost: int, won: int, samples: int) -> Interval:
    """Return the 95 % interval of a difference of two proportions of the same samples.

    The adjusted Wald interval of Bonett and Price (2012), which counts one more sample in each of
    the two cells that differ, so that it has a width even where no sample differs.

    Args:
        lost: Samples on which the first alone is right.
        won: Samples on which the second alone is right.
        samples: All samples, at least 1.

    Returns:
        Bounds of the second proportion minus the first.
    """
    p_lost, p_won = (lost + 1) / (samples + 2), (won + 1) / (samples + 2)
    difference = p_won - p_lost
    half = Z95 * math.sqrt((p_lost + p_won - difference**2) / (samples + 2))
    return max(-1.0, difference - half), min(1.0, difference + half)


def auc_interval(auc: float, positives: int, negatives: int) -> Interval:
    """Return the 95 % score interval of an area under the ROC curve (Newcombe 2006, method 5).

    All areas A with |auc - A| <= z sqrt(V(A)), V(A) = A (1 - A) (1 + n (1 - A) / (2 - A) +
    n A / (1 + A)) / (positives negatives), n = (positives + negatives) / 2 - 1. Unlike a bootstrap
    it has a width where the two classes are separated without an error.

    Args:
        auc: The area, 0 to 1.
        positives: Samples of the second class, at least 1.
        negatives: Samples of the first class, at least 1.
    """
    n = (positives + negatives) / 2 - 1

    def beyond(area: float) -> bool:
        spread = 1 + n * (1 - area) / (2 - area) + n * area / (1 + area)
        variance = area * (1 - area) * spread / (positives * negatives)
        return abs(auc - area) > Z95 * math.sqrt(max(variance, 0.0))

    return _edge(auc, 0.0, beyond), _edge(auc, 1.0, beyond)


def _edge(inside: float, end: float, beyond: Callable[[float], bool]) -> float:
    """Return where, between a point inside and an end of the range, the interval ends."""
    if not beyond(end):
        return end
    for _ in range(60):
        middle = (inside + end) / 2
        if beyond(middle):
            end = middle
        else:
            inside = middle
    return inside


def bootstrap_weights(cells: Array) -> Iterator[Array]:
    """Yield how often a seeded bootstrap draws each cell, shape `(resamples of the chunk, cells)`.

    Drawing `n` samples with replacement and counting them by cell is one multinomial draw, so what
    depends on counts alone (a confusion matrix) costs no more for many samples.

    Args:
        cells: How many samples are alike in each cell, shape `(cells,)`; ones for single samples.
    """
    random = np.random.default_rng(SEED)
    total = int(cells.sum())
    resamples = max(LEAST_RESAMPLES, min(RESAMPLES, _MOST_DRAWS // max(1, len(cells))))
    chunk = max(1, _CHUNK_DRAWS // max(1, len(cells)))
    for start in range(0, resamples, chunk):
        yield random.multinomial(total, cells / total, size=min(chunk, resamples - start))


class StreamedBootstrap:
    """A seeded bootstrap of samples that come block by block, in memory of a fixed size.

    How many of a resample's draws fall into the next block is a binomial draw, and how they are
    spread over it a multinomial one: together the same as drawing from all samples at once.

    Args:
        samples: All that will come, at least 1.
    """

    def __init__(self, samples: int) -> None:
        self.resamples = max(LEAST_RESAMPLES, min(RESAMPLES, _MOST_DRAWS // samples))
        self.block = max(1, _CHUNK_DRAWS // self.resamples)
        """Samples that should be drawn at once at most."""
        self._random = np.random.default_rng(SEED)
        self._coming = samples
        self._left = np.full(self.resamples, samples)

    def draw(self, count: int) -> Array:
        """Return how often each of the next samples is drawn, shape `(resamples, count)`.

        Raises:
            ValueError: When more samples come than were announced.
        """
        if count > self._coming:
            raise ValueError(f"expected at most {self._coming} more samples, found {count}")
        here = self._random.binomial(self._left, count / self._coming)
        self._left -= here
        self._coming -= count
        return self._random.multinomial(here, np.full(count, 1 / count))


def percentile_interval(statistics: Array, estimate: float) -> Interval | None:
    """Return the 2.5 and 97.5 % percentiles of a bootstrap (Efron 1979), widened to the estimate.

    Args:
        statistics: One for each resample; those that are not finite are left out.
        estimate: The figure on the samples themselves.
    """
    finite = statistics[np.isfinite(statistics)]
    if not finite.size or not math.isfinite(estimate):
        return None
    low, high = np.percentile(finite, [2.5, 97.5])
    return min(float(low), estimate), max(float(high), estimate)
