"""Charts of variants of different runs show each one's own figures, against its own original."""

# ruff: noqa: RUF001 - the sign is what a person reads

from __future__ import annotations

import numpy as np
import pytest

from components.figures.latency import spread_of
from components.figures.side_by_side import (
    Entry,
    build_accuracies_figure,
    build_drifts_figure,
    build_latencies_figure,
    build_sizes_figure,
    build_tradeoffs_figure,
    not_placed,
)
from components.palette import pair_style
from tests.pages.synthetic import fail, make_comparison, make_hard_case, make_regression

BUILDERS = (build_sizes_figure, build_drifts_figure, build_latencies_figure,
            build_accuracies_figure, build_tradeoffs_figure)


def entries_of(*runs, names=("int8", "float16")):
    found = []
    for letter, (comparison, samples) in zip("ABCDEF", runs, strict=False):
        found += [
            Entry(letter=letter, comparison=comparison, variant=comparison.variant(name),
                  spread=spread_of(samples.get(name)), index=len(found) + number)
            for number, name in enumerate(names)
        ]
    return found


def labels(figure):
    return list(figure.layout.yaxis.ticktext)


@pytest.fixture
def two():
    after, samples = make_comparison()
    after.model.size_without_optimizer_bytes *= 2
    after.variant("int8").size_bytes = 50_000
    return entries_of(make_comparison(), (after, samples))


def test_each_row_is_a_variant_of_a_run(two):
    for build in BUILDERS[:4]:
        assert labels(build(two)) == ["A int8", "A float16", "B int8", "B float16"]


def test_sizes_are_each_file_s_own_and_ratios_those_to_its_own_original(two):
    figure = build_sizes_figure(two)
    assert list(figure.data[0].x) == [115_904, 209_120, 50_000, 209_120]
    texts = [annotation.text for annotation in figure.layout.annotations]
    assert "3.8× smaller" in texts[0]  # 439,412 / 115,904
    assert "17.6× smaller" in texts[2]  # 878,824 / 50,000


def test_every_pair_has_a_colour_and_a_mark_of_its_own():
    styles = [pair_style(index) for index in range(6)]
    assert len({color for color, _ in styles}) == len({mark for _, mark in styles}) == 6


def test_latency_draws_the_raw_samples_of_each(two):
    boxes = [trace for trace in build_latencies_figure(two).data if trace.type == "box"]
    _, samples = make_comparison()
    medians = [pytest.approx(np.median(samples[entry.variant.recipe])) for entry in two]
    assert [box.median[0] for box in boxes] == medians


def test_the_frontier_is_that_of_all_that_is_shown(two):
    figure = build_tradeoffs_figure(two)
    (frontier,) = [trace for trace in figure.data if trace.name == "Pareto frontier"]
    # B's int8 is smaller than A's at the same latency and drift; the two float16 are equal.
    assert len(frontier.x) == 3


def test_what_cannot_be_placed_is_named():
    run = make_hard_case()
    entries = entries_of(run, names=("int8_full", "int16x8", "float32_select_tf", "float32"))
    assert not_placed(entries) == ["A int8_full", "A int16x8", "A float32_select_tf"]
    for build in BUILDERS:
        assert build(entries).layout.meta["alt"]


def test_failures_and_nothing_at_all_still_draw():
    comparison, _ = make_comparison()
    for variant in list(comparison.variants):
        fail(comparison, variant.recipe, "no")
    for entries in (entries_of((comparison, {})), []):
        for build in BUILDERS[:4] if entries else BUILDERS[4:]:
            assert "none measured" in build(entries).layout.meta["alt"]


def test_regressions_are_held_by_their_error():
    figure = build_accuracies_figure(entries_of(make_regression()))
    assert "RMSE" in figure.layout.xaxis.title.text
    assert list(figure.data[0].x) == pytest.approx([18.2 + 0.0391 * 60, 18.2 + 4.4e-4 * 60])
