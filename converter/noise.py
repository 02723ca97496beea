"""Was the machine quiet enough? Pure diagnoses of raw latency samples, each with its numbers.

A percentile of samples that drift, fall into two groups or were interrupted is a figure of the
machine, not of the model. Each diagnosis needs both an effect that matters and evidence that chance
does not give it: on quiet, skewed samples at most one measurement in a hundred is called noisy
(tests/converter/test_noise.py holds it).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

DRIFTING, UNSTEADY, BIMODAL = "drifting", "unsteady", "bimodal"
THROTTLED, CONTENDED, INTERRUPTED = "throttled", "contended", "interrupted"
NOISE_KINDS = (DRIFTING, UNSTEADY, BIMODAL, THROTTLED, CONTENDED, INTERRUPTED)

CHANCE = 0.005
"""Greatest probability that chance alone gives a trend."""
CHANGE = 0.10
"""Least relative change that matters for a trend."""
UNSTEADY_RATIO = 1.5
"""Slowest turn over fastest."""
LEAST_TURNS = 7
LEAST_RUNS = 40
_GROUP_SHARE, _GROUP_RATIO, _VALLEY = 0.1, 1.15, 0.5
_TAIL_SHARE = 0.01
_WAITED = 0.05

Turns = list[np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What the system tells of the turns of one candidate.

    Attributes:
        switches: Involuntary context switches (`ru_nivcsw`): the core was taken away.
        cpu_seconds: Processor time of the process.
        wall_seconds: Time that passed.
        mhz: Frequency of the fastest core before each turn; empty where the system tells none.
    """

    switches: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    mhz: tuple[float, ...] = ()

    def __add__(self, other: Usage) -> Usage:
        """Put two stretches together."""
        return Usage(
            switches=self.switches + other.switches,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            wall_seconds=self.wall_seconds + other.wall_seconds,
            mhz=self.mhz + other.mhz,
        )


@dataclass(frozen=True)
class Noise:
    """One diagnosis.

    Attributes:
        kind: One of `NOISE_KINDS`.
        sentence: What was seen, with its numbers, and what follows.
        evidence: The numbers by name.
    """

    kind: str
    sentence: str
    evidence: dict[str, float] = field(default_factory=dict)


def diagnose(
    samples_ms: np.ndarray, turn_runs: Sequence[int], usage: Usage | None = None, threads: int = 1
) -> list[Noise]:
    """Return what makes the samples of one candidate doubtful; empty where nothing does.

    Args:
        samples_ms: Shape `(runs,)`, milliseconds, in the order measured.
        turn_runs: Runs of each turn; they sum to `runs`.
        usage: What the system told of these turns.
        threads: Of the runtime; with one alone, waiting for the core can be told from working.

    Raises:
        ValueError: When the turns do not make up the samples.
    """
    samples = np.asarray(samples_ms, dtype=np.float64)
    counts = [count for count in turn_runs if count > 0]
    if sum(counts) != samples.size:
        raise ValueError(f"expected turns of {samples.size} runs in all, found {sum(counts)}")
    if samples.size == 0 or samples.min() <= 0:
        return []
    turns: Turns = np.split(samples, np.cumsum(counts)[:-1])
    used = usage or Usage()
    tests: list[Callable[[], Noise | None]] = [
        lambda: find_drift(turns),
        lambda: find_unsteadiness(turns),
        lambda: find_throttling(turns, used.mhz),
        lambda: find_two_groups(samples),
        lambda: find_contention(samples.size, used, threads),
        lambda: find_interruptions(samples, used),
    ]
    found = [noise for test in tests if (noise := test()) is not None]
    if DRIFTING in [noise.kind for noise in found]:
        # A trend moves the turns apart as well: said once.
        found = [noise for noise in found if noise.kind != UNSTEADY]
    return found


def find_drift(turns: Turns) -> Noise | None:
    """Look for a trend of the turns' medians.

    Mann-Kendall's test (Mann 1945, Kendall 1975, normal approximation with continuity correction)
    says whether there is one, the slope of Theil and Sen (Sen 1968) how large it is.
    """
    if len(turns) < LEAST_TURNS:
        return None
    medians = _medians(turns)
    first, second = np.triu_indices(len(medians), 1)
    steps = medians[second] - medians[first]
    score = float(np.sign(steps).sum())
    count = len(medians)
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    chance = 2 * NormalDist().cdf(-max(0.0, abs(score) - 1) / deviation)
    change = float(np.median(steps / (second - first))) * (count - 1) / float(np.median(medians))
    if chance > CHANCE or abs(change) < CHANGE:
        return None
    way = "slower" if change > 0 else "faster"
    return Noise(
        DRIFTING,
        f"The machine drifted: from the first turn to the last of {count} the median went from "
        f"{_ms(medians[0])} to {_ms(medians[-1])}, steadily {way} (trend {change:+.0%}, chance of "
        f"that {chance:.1g}); measure again on a machine at rest.",
        {"change": change, "chance": chance},
    )


def find_unsteadiness(turns: Turns) -> Noise | None:
    """Look for turns whose medians lie further apart than their own spread explains."""
    if len(turns) < 2:
        return None
    medians = _medians(turns)
    low, high = float(medians.min()), float(medians.max())
    if high < UNSTEADY_RATIO * low:
        return None
    errors = [_median_error(turn) for turn in turns]
    known = [error for error in errors if error is not None]
    # The range of ten normal values exceeds 7 of their deviations once in 10,000 times.
    if known and high - low < 7 * float(np.mean(known)):
        return None
    return Noise(
        UNSTEADY,
        f"The machine was noisy: between turns the median latency moved from {low:.3g} to "
        f"{high:.3g} ms; measure again on a quiet one before relying on it.",
        {"low_ms": low, "high_ms": high},
    )


def find_throttling(turns: Turns, mhz: Sequence[float] = ()) -> Noise | None:
    """Look for runs that slow down within each turn and recover in the pauses between.

    The last third of a turn is held against its first third; a sign test over the turns says
    whether they agree by chance. A falling frequency of the processor is told where it is known.
    """
    long = [turn for turn in turns if turn.size >= 9]
    if len(long) < LEAST_TURNS:
        return None
    ratios = np.array(
        [np.median(t[-(t.size // 3) :]) / np.median(t[: t.size // 3]) for t in long]
    )
    slower = int((ratios > 1).sum())
    chance = sum(math.comb(len(long), k) for k in range(slower, len(long) + 1)) / 2 ** len(long)
    ratio = float(np.median(ratios))
    if chance > CHANCE or ratio < 1 + CHANGE:
        return None
    fell = len(mhz) >= 2 and mhz[-1] < (1 - CHANGE) * mhz[0]
    clock = f" Its clock fell from {mhz[0]:.0f} to {mhz[-1]:.0f} MHz." if fell else ""
    return Noise(
        THROTTLED,
        f"The machine slowed down under load: in {slower} of {len(long)} turns the last third of "
        f"the runs was slower than the first, by {ratio - 1:.0%} on the median turn, as a "
        f"processor does that is too hot or out of credit.{clock} In steady use the model will be "
        "slower than the median says.",
        {"ratio": ratio, "chance": chance, "turns": slower},
    )


def find_two_groups(samples: np.ndarray) -> Noise | None:
    """Look for two groups with a valley between them.

    The logarithms are cut in two where the variance between the groups is greatest (Otsu 1979). A
    single hill, skewed or not, is highest between the halves it is cut into; two groups have fewer
    than half as many runs there as around the sparser of their medians, by three deviations.
    """
    if samples.size < LEAST_RUNS:
        return None
    ordered = np.sort(np.log(samples))
    fast, slow = np.split(ordered, [_otsu_cut(ordered)])
    if min(fast.size, slow.size) < _GROUP_SHARE * ordered.size:
        return None
    low, high = float(np.median(fast)), float(np.median(slow))
    third = (high - low) / 3
    if high - low < math.log(_GROUP_RATIO):
        return None
    around = min(_count(ordered, middle - third / 2, third) for middle in (low, high))
    between = _count(ordered, low + third, third)
    if between > _VALLEY * around or around - between < 3 * math.sqrt(around + between):
        return None
    share = slow.size / ordered.size
    return Noise(
        BIMODAL,
        f"The runs fall into two groups: {1 - share:.0%} around {_ms(math.exp(low))} and "
        f"{share:.0%} around {_ms(math.exp(high))}, with {between} runs in the middle between "
        f"them against {around} around the sparser one; no single figure describes both.",
        {"low_ms": math.exp(low), "high_ms": math.exp(high), "share": share},
    )


def find_contention(runs: int, usage: Usage, threads: int = 1) -> Noise | None:
    """Look for time in which the process was ready and another one had the core."""
    if threads != 1 or usage.wall_seconds <= 0 or usage.switches == 0:
        return None
    waited = 1 - usage.cpu_seconds / usage.wall_seconds
    if waited < _WAITED:
        return None
    return Noise(
        CONTENDED,
        f"Other processes took the core away {usage.switches:,} times in {runs:,} runs, and "
        f"{waited:.0%} of the time passed without this one running; end them and measure again.",
        {"switches": usage.switches, "waited": waited},
    )


def find_interruptions(samples: np.ndarray, usage: Usage) -> Noise | None:
    """Look for single runs far off the rest: more than 1.5 medians and 10 deviations away."""
    if samples.size < LEAST_RUNS:
        return None
    median = float(np.median(samples))
    spread = 1.4826 * float(np.median(np.abs(samples - median)))
    slow = samples[samples > max(1.5 * median, median + 10 * spread)]
    if slow.size < max(2, _TAIL_SHARE * samples.size):
        return None
    seen = ", which nothing that the system tells explains"
    if usage.switches >= slow.size / 2:
        seen = f", and the core was taken away {usage.switches:,} times meanwhile"
    return Noise(
        INTERRUPTED,
        f"{slow.size:,} of {samples.size:,} runs took more than 1.5 times the median ({_ms(median)}"
        f"), up to {_ms(float(slow.max()))}{seen}: the median holds, p99 is the machine's.",
        {"runs": slow.size, "median_ms": median, "max_ms": float(slow.max())},
    )


def _medians(turns: Turns) -> np.ndarray:
    return np.array([np.median(turn) for turn in turns])


def _median_error(turn: np.ndarray) -> float | None:
    """Return the standard error of a median as for normal samples; None for few runs."""
    if turn.size < 3:
        return None
    return 1.2533 * float(turn.std(ddof=1)) / math.sqrt(turn.size)


def _otsu_cut(ordered: np.ndarray) -> int:
    """Return how many of the sorted values belong to the lower of two groups."""
    lower = np.arange(1, ordered.size)
    sums = np.cumsum(ordered)
    means = sums[:-1] / lower
    others = (sums[-1] - sums[:-1]) / (ordered.size - lower)
    return int(np.argmax(lower * (ordered.size - lower) * (others - means) ** 2)) + 1


def _count(ordered: np.ndarray, start: float, width: float) -> int:
    first, last = np.searchsorted(ordered, [start, start + width])
    return int(last - first)


def _ms(value: float) -> str:
    return f"{value:.3g} ms"
