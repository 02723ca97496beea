"""Memory by level: every figure has its condition, and one that is missing its reason."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from components.figures.memory import build_memory_figure
from components.format import MISSING
from components.memory_words import memory_levels
from converter.arena_memory import ArenaMemory
from converter.arena_plan import ArenaPlan
from converter.comparison import Audit
from tests.components.test_execution_figures import lifetimes
from tests.pages.synthetic import make_comparison

ARENA = ArenaMemory(
    builtin_bytes=70_000, scratch_tensors=3, scratch_bytes=5_000, default_bytes=700_000,
    first_run_bytes=160,
)  # fmt: skip
FOUND = replace(lifetimes(5), plan=ArenaPlan(activation_bytes=640))


def variant(**changes):
    comparison, _ = make_comparison()
    return replace(comparison.variant("int8"), **{"arena": ARENA, **changes})


def words(levels):
    return {level.name: level.condition for level in levels}


def test_every_level_has_its_figure_and_its_condition():
    own = variant()
    levels = memory_levels(own, FOUND)
    process = own.peak_memory_bytes - own.runtime_memory_bytes
    assert [level.size_bytes for level in levels] == [11, 640, 70_000, 700_000, process]
    assert [level.is_measured for level in levels] == [False, False, True, True, True]
    told = words(levels)
    assert all(text.endswith(".") for text in told.values())
    assert "3 scratch tensors of kernels (5.00 kB together" in told["Built-in kernels"]
    assert "XNNPACK off" in told["Built-in kernels"]
    assert "160 B more" in told["LiteRT's choice"]


def test_what_is_kept_and_other_sizes_are_told():
    plain = words(memory_levels(variant(), FOUND))["Arena by plan"]
    assert "kept from one inference" not in plain
    assert "larger or smaller" not in plain
    kept = replace(FOUND, plan=ArenaPlan(activation_bytes=640, kept_bytes=2_000))
    levels = memory_levels(variant(arena=replace(ARENA, own_shapes=False)), kept)
    assert levels[1].size_bytes == 2640
    assert "2.00 kB of it are kept" in levels[1].condition
    assert "larger or smaller inputs" in levels[1].condition


@pytest.mark.parametrize(
    ("changes", "name", "reason"),
    [
        ({"arena": None}, "Built-in kernels", "older than the figure; run it again."),
        ({"arena": None}, "LiteRT's choice", "older than the figure; run it again."),
        ({"arena": None, "runnable": False}, "LiteRT's choice", "the file was not run here."),
        ({"arena": replace(ARENA, builtin_bytes=None),
          "audit": Audit(notes=["arena.builtin_bytes is null: it <b>crashed</b>."])},
         "Built-in kernels", "Not measured: it <b>crashed</b>."),
        ({"arena": ArenaMemory(), "audit": Audit(notes=["arena is null: no books."])},
         "Built-in kernels", "Not measured: no books."),
        ({"peak_memory_bytes": None,
          "audit": Audit(notes=["peak_memory_bytes is null: this system does not tell it."])},
         "Process", "Not measured: this system does not tell it."),
    ],
)  # fmt: skip
def test_a_figure_that_is_missing_has_its_reason(changes, name, reason):
    [level] = [each for each in memory_levels(variant(**changes), FOUND) if each.name == name]
    assert level.size_bytes is None
    assert level.condition.endswith(reason)


@pytest.mark.parametrize("arena", [ARENA, None, replace(ARENA, default_bytes=10**12)])
def test_the_chart_holds_every_level_and_is_strict_json(arena):
    levels = memory_levels(variant(arena=arena), FOUND)
    figure = build_memory_figure(levels, "#123456")
    json.dumps(json.loads(figure.to_json()), allow_nan=False)
    assert [c != "#123456" for c in figure.data[0].marker.color] == [True] * 2 + [False] * 3
    assert all(level.name in figure.layout.meta["alt"] for level in levels)
    shown = [note.text for note in figure.layout.annotations]
    assert shown.count(MISSING) == (2 if arena is None else 0)


def test_the_chart_of_nothing_is_drawn():
    empty = replace(lifetimes(1), live_bytes=[0])
    levels = memory_levels(
        variant(arena=None, peak_memory_bytes=None), replace(empty, plan=ArenaPlan())
    )
    assert build_memory_figure(levels, "#123456").layout.meta["alt"]
