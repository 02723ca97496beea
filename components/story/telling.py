"""What a story says, in words: each figure with its uncertainty, each product with its factors."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from components.format import (
    format_bytes,
    format_count,
    format_date,
    format_ms,
    format_ratio,
    shorten,
)
from components.palette import custom_names, recipe_color
from components.report.gaps import list_gaps, list_limits
from components.report.headline import Figure, headline_figures
from converter.comparison import REFERENCE, Comparison, Variant
from converter.latency import LatencyStats
from converter.savings import Savings, count_savings
from converter.verdict import judge, size_ratio

_MOST_GAPS = 6
_FEW_HOURS = 10


@dataclass(frozen=True, kw_only=True)
class PictureRow:
    """One of the two models in the picture.

    Attributes:
        name: As people read it.
        color: As `#rrggbb`.
        size_bytes: Of its file.
        p50_ms: Median latency; None where it was not timed.
    """

    name: str
    color: str
    size_bytes: int
    p50_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Story:
    """Everything that is shown, as text and numbers.

    Attributes:
        title: The model's name.
        sentence: What the run comes to.
        figures: Three, each with how sure it is.
        rows: The original and the variant, for the picture.
        meaning: What it means for so many people, each with its arithmetic.
        not_measured: What the run cannot tell.
        conditions: Machine, data and date in one line.
    """

    title: str
    sentence: str
    figures: list[Figure]
    rows: list[PictureRow]
    meaning: list[str]
    not_measured: list[str]
    conditions: str

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        return cls(**{
            **values,
            "figures": [Figure(**each) for each in values["figures"]],
            "rows": [PictureRow(**each) for each in values["rows"]],
        })  # fmt: skip


def tell_story(
    comparison: Comparison,
    variant: Variant,
    samples_ms: Mapping[str, np.ndarray],
    *,
    users: int,
    inferences: int,
) -> Story:
    """Return the story of one variant.

    Args:
        comparison: The run's result.
        variant: One that was converted.
        samples_ms: Raw latency samples by candidate.
        users: People who get the model.
        inferences: Inferences of each.
    """
    verdict = judge(comparison)
    sentence = verdict.sentence if verdict.recipe == variant.recipe else _own(comparison, variant)
    figures = headline_figures(comparison, variant, samples_ms)
    savings = count_savings(comparison, variant, users=users, inferences=inferences)
    custom = custom_names([v.recipe for v in comparison.variants])
    rows = [
        PictureRow(name=comparison.original.removeprefix("the "), color=recipe_color(REFERENCE),
                   size_bytes=comparison.model.size_without_optimizer_bytes,
                   p50_ms=_median(comparison.reference.latency)),
        PictureRow(name=variant.recipe, color=recipe_color(variant.recipe, custom),
                   size_bytes=int(variant.size_bytes or 0), p50_ms=_median(variant.latency)),
    ]
    return Story(
        title=shorten(comparison.model.name, 60), sentence=sentence, figures=_three(figures),
        rows=rows,
        meaning=[*describe_savings(savings, comparison.original),
                 *describe_memory(comparison, variant)],
        not_measured=_not_measured(comparison, variant), conditions=_conditions(comparison),
    )


def _median(stats: LatencyStats | None) -> float | None:
    return None if stats is None else stats.p50_ms


def _own(comparison: Comparison, variant: Variant) -> str:
    ratio = size_ratio(comparison, variant)
    word = "smaller" if ratio >= 1 else "larger"
    factor = format_ratio(max(ratio, 1 / ratio)) if ratio > 0 else "about"
    return f"{variant.recipe} makes the model {factor} {word} than {comparison.original}."


def _three(figures: Sequence[Figure]) -> list[Figure]:
    """Return size, speed and what it costs: accuracy where there is one, else closeness."""
    cost = [f for f in figures[2:] if f.label == "Accuracy"] or list(figures[2:])
    return [*figures[:2], *cost[:1]]


def describe_savings(savings: Savings, original: str) -> list[str]:
    """Return what savings mean, as sentences in which the arithmetic stands."""
    users = format_count(savings.users)
    less = "less" if savings.bytes_each >= 0 else "more"
    found = [
        f"Downloads: {users} × ({format_bytes(savings.original_bytes)} − "
        f"{format_bytes(savings.variant_bytes)}) = {format_bytes(abs(savings.bytes_all))} {less} "
        f"to transfer and to keep on devices."
    ]
    if savings.hours is None:
        return [*found, "Time: not told, because one of the two was not timed."]
    runs = savings.users * savings.inferences
    each_ms = savings.hours / runs * 3.6e6
    word = "less" if savings.hours >= 0 else "more"
    text = (
        f"Processor time: {users} × {format_count(savings.inferences)} inferences × "
        f"{format_ms(abs(each_ms))} = {_hours(abs(savings.hours))} {word} than {original}"
    )
    if savings.hours_interval is not None:
        low, high = savings.hours_interval
        text += f" (from the medians' 95 % intervals: {_signed(low)} to {_signed(high)} saved)"
    return [*found, f"{text}, if their devices were as this machine."]


def describe_memory(comparison: Comparison, variant: Variant) -> list[str]:
    """Return what a variant needs beside the float32 file; nothing where either is not known."""
    plain = next((v for v in comparison.variants if v.recipe == "float32"), None)
    if plain is None or plain is variant:
        return []
    before, after = (_model_memory(each) for each in (plain, variant))
    if before is None or after is None:
        return []
    word = "less" if after <= before else "more"
    return [
        f"Memory: {format_bytes(before)} for the float32 file − {format_bytes(after)} = "
        f"{format_bytes(abs(before - after))} {word} on each device, above the bare runtime; one "
        "process each, measured once."
    ]


def _model_memory(variant: Variant) -> int | None:
    peak, bare = variant.peak_memory_bytes, variant.runtime_memory_bytes
    return None if peak is None or bare is None else peak - bare


def _hours(hours: float) -> str:
    if hours < 1 / 60:
        return f"{hours * 3600:.2g} s"
    if hours < 1:
        return f"{hours * 60:.1f} min"
    return f"{hours:.1f} h" if hours < _FEW_HOURS else f"{hours:,.0f} h"


def _signed(hours: float) -> str:
    return f"−{_hours(-hours)}" if hours < 0 else _hours(hours)


def _not_measured(comparison: Comparison, variant: Variant) -> list[str]:
    gaps = [
        f"{gap.title}: {gap.reason}"
        for gap in list_gaps(comparison)
        if variant.recipe in gap.owners or REFERENCE in gap.owners
    ]
    return [*list_limits(comparison), *gaps][:_MOST_GAPS]


def _conditions(comparison: Comparison) -> str:
    environment, data = comparison.environment, comparison.data
    return (
        f"{environment.get('cpu', 'unknown processor')}, {environment.get('threads', 1)} "
        f"thread(s); "
        f"{format_count(data.evaluation_samples)} evaluation samples of "
        f"{shorten(data.name or 'random data', 40)}; {format_date(comparison.created)}"
    )
