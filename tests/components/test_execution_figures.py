"""Charts of the execution environment: the figures in their places, names as text."""

from __future__ import annotations

import json

import pytest

from components.figures.execution import (
    MOST_TENSORS,
    build_delegation_figure,
    build_import_figure,
    build_lifetimes_figure,
    build_spans_figure,
    build_start_figure,
    duration,
)
from converter.delegation import Delegation
from converter.start_cost import LITERT, TENSORFLOW, ImportCost, StartCosts
from converter.tensor_lifetimes import Lifetimes, TensorLife
from tests.pages.synthetic import make_comparison, make_hard_case

COSTS = StartCosts(
    imports=[ImportCost(package=LITERT, seconds=[0.005, 0.004, 0.3], resident_bytes=[9, 10, 11]),
             ImportCost(package=TENSORFLOW, seconds=[2.5, 2.6, 2.4], resident_bytes=[70, 60, 80])],
    files=[], created="2026-01-01T00:00:00+00:00", cpu="x",
)  # fmt: skip


def lifetimes(count):
    tensors = [
        TensorLife(name=f"<b>{i}</b>", dtype="int8", shape=(1, i + 1), size_bytes=i + 1,
                   first=i - 1, last=min(i, count - 1))
        for i in range(count + 1)
    ]  # fmt: skip
    live = [tensors[i].size_bytes + tensors[i + 1].size_bytes for i in range(count)]
    return Lifetimes(operators=["<i>CONV</i>"] * count, layers=["l"] * count, tensors=tensors,
                     live_bytes=live)  # fmt: skip


@pytest.mark.parametrize("make", [make_comparison, make_hard_case])
def test_every_chart_is_strict_json_with_a_description(make):
    comparison, _ = make()
    figures = [build_delegation_figure(comparison), build_start_figure(comparison)]
    figures += [build_lifetimes_figure(lifetimes(n), "#123456") for n in (1, 300)]
    figures += [build_spans_figure(lifetimes(n), "#123456") for n in (1, 300)]
    figures += [build_import_figure(COSTS, memory=memory) for memory in (False, True)]
    for figure in figures:
        content = json.loads(figure.to_json())
        json.dumps(content, allow_nan=False)
        assert len(figure.layout.meta["alt"]) > 20
        del content["layout"]["meta"]  # the description is no label
        assert "<b>0</b>" not in json.dumps(content)
        assert "<i>CONV" not in json.dumps(content)


def test_delegated_and_left_operators_add_up():
    comparison, _ = make_comparison()
    for variant in comparison.variants:
        variant.delegation = Delegation(operators=9, delegated=7, partitions=2,
                                        left_names={"MEAN": 2})  # fmt: skip
    taken, left = build_delegation_figure(comparison).data
    assert [a + b for a, b in zip(taken.x, left.x, strict=True)] == [9] * len(comparison.variants)
    assert list(left.base) == list(taken.x)
    assert "2 MEAN" in left.customdata[0]


def test_the_peak_has_a_colour_of_its_own_and_its_name():
    found = lifetimes(5)
    figure = build_lifetimes_figure(found, "#123456")
    assert list(figure.data[0].y) == found.live_bytes
    colors = list(figure.data[0].marker.color)
    assert [c != "#123456" for c in colors].index(True) == found.peak_operator
    assert colors.count("#123456") == 4


def test_spans_reach_from_birth_to_last_use_and_are_bounded():
    (bars,) = build_spans_figure(lifetimes(3), "#123456").data
    spans = list(zip(bars.base, (b + x for b, x in zip(bars.base, bars.x, strict=True)),
                     strict=True))  # fmt: skip
    # Operators 1 to 3, half a place to each side; the input lives from the first operator on.
    assert spans == [pytest.approx(s) for s in [(0.55, 1.45), (0.55, 2.45), (1.55, 3.45),
                                                (2.55, 3.45)]]  # fmt: skip
    assert len(build_spans_figure(lifetimes(300), "#123456").data[0].y) == MOST_TENSORS


def test_imports_are_medians_with_their_own_units():
    assert list(build_import_figure(COSTS, memory=False).data[0].x) == [0.005, 2.5]
    assert list(build_import_figure(COSTS, memory=True).data[0].x) == [10, 70]
    assert (duration(0.005), duration(2.54)) == ("5.00 ms", "2.5 s")
