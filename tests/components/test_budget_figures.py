"""The frontier of a budget search and the map of sensitivity: what stands where, what nowhere."""

from __future__ import annotations

import json
import math

import pytest

from components.figures.frontier import AGREEMENT, SQNR, build_frontier_figure
from components.figures.sensitivity import build_sensitivity_figure
from converter.budget import Budget, Figures
from converter.budget_solution import Findings
from converter.candidate_layers import CandidateLayer
from converter.candidate_search import Evaluation
from converter.precision import PRECISIONS
from converter.sensitivity import ONLY, OTHERS, Cell, Sensitivity

NAMES = ("float16", "dynamic_int8", "dynamic_int2")


def layer(number, names=NAMES):
    return CandidateLayer(number=number, operator="<b>CONV_2D</b>", name=f"<i>{number}</i>",
                          scope="", weights=10, sources=(), from_input=False,
                          bytes_of=dict.fromkeys(("float32", *names), 4))  # fmt: skip


def evaluation(number, choice, size, sqnr, agreement=0.9, problem=None):
    return Evaluation(choice, f"sha{number}", Figures(
        size_bytes=size, sqnr_db=sqnr, agreement=agreement, problem=problem), number)  # fmt: skip


FOUND = [
    evaluation(1, (), 9000, math.inf, 1.0),
    evaluation(2, ((0, "dynamic_int8"), (1, "dynamic_int8")), 3000, 30.0, 0.99),
    evaluation(3, ((0, "dynamic_int8"), (1, "float16")), 4000, 35.0, 0.98),
    evaluation(4, ((0, "dynamic_int2"),), 2000, math.nan, None, "<b>NaN</b>"),
    evaluation(5, ((1, "dynamic_int8"),), 5000, 10.0, 0.5),
]


def findings(found=FOUND, **limits):
    return Findings(
        budget=Budget(**(limits or {"least_sqnr_db": 20.0})), original=FOUND[0].figures,
        found=list(found), repeats=2, layers=[layer(0), layer(1)], samples=(10, 10),
        least_bytes=1500,
    )  # fmt: skip


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_each_candidate_stands_where_it_was_measured_and_nan_nowhere():
    shown = traces(build_frontier_figure(findings()))
    assert list(shown["one precision for all"].x) == [9.0, 3.0]
    assert list(shown["one precision for all"].y) == [200.0, 30.0]  # exact outputs: at the top
    assert (list(shown["holds the budget"].x), list(shown["holds the budget"].y)) == ([4.0], [35.0])
    assert list(shown["breaks the budget"].x) == [5.0]
    assert (list(shown["frontier"].x), list(shown["frontier"].y)) == (
        [3.0, 4.0, 9.0], [30.0, 35.0, 200.0],
    )  # fmt: skip


def test_files_of_one_precision_are_told_from_mixed_ones():
    found = findings()
    assert [found.uniform_precision(e) for e in FOUND] == [
        "float32", "dynamic_int8", None, None, None,
    ]  # fmt: skip
    assert found.uniform_holding == [FOUND[1], FOUND[0]]
    assert found.unusable == [FOUND[3]]


def test_by_agreement_the_frontier_is_another():
    shown = traces(build_frontier_figure(findings(), AGREEMENT))
    assert list(shown["frontier"].x) == [3.0, 9.0]
    assert list(shown["frontier"].y) == [0.99, 1.0]


def test_the_best_is_named_and_the_limits_are_drawn():
    figure = build_frontier_figure(
        findings(least_sqnr_db=20.0, most_size_bytes=8000), SQNR, [("<s>best</s>", FOUND[2])]
    )
    texts = [a.text for a in figure.layout.annotations]
    assert "at least 20 dB" in texts
    assert "at most 8.00 kB" in texts
    assert "<s>best</s>" not in texts
    assert "best so far" in traces(figure)
    assert [shape.x0 for shape in figure.layout.shapes] == [8.0, 1.5, 0]


@pytest.mark.parametrize("measure", [SQNR, AGREEMENT])
@pytest.mark.parametrize("found", [[], FOUND[:1], [FOUND[3]], FOUND * 200])
def test_no_few_and_many_candidates_are_strict_json_with_a_description(found, measure):
    figure = build_frontier_figure(findings(found), measure)
    content = figure.to_json()
    json.dumps(json.loads(content), allow_nan=False)
    assert "<b>NaN" not in content
    assert figure.layout.meta["alt"].startswith("File size against")


def sensitivity(count, cells=None):
    layers = [layer(n, NAMES if n % 2 else NAMES[:2]) for n in range(count)]
    made = [
        Cell(number=x.number, precision=name, side=ONLY, sha256=f"{x.number}{name}",
             figures=Figures(size_bytes=1, sqnr_db=math.nan if name == "dynamic_int2" else 20.0 + i,
                             problem="<b>NaN</b>" if name == "dynamic_int2" else None))
        for x in layers for i, name in enumerate(x.bytes_of) if name != "float32"
    ]  # fmt: skip
    return Sensitivity(
        layers=layers, cells=made if cells is None else cells, distinct=3, planned=2 * len(made),
        samples=10, refused={}, original_sha256="",
    )  # fmt: skip


def test_the_map_shows_each_place_marks_nan_and_leaves_what_changes_nothing_empty():
    figure = build_sensitivity_figure(sensitivity(2), ONLY)
    heat, useless, absent = figure.data
    assert [list(row) for row in heat.z] == [[21.0, 22.0, None], [21.0, 22.0, None]]
    assert (list(useless.x), list(useless.y)) == ([2], [1])
    assert (list(absent.x), list(absent.y)) == ([2], [0])
    assert "changes nothing" in heat.text[0][2]
    assert "NaN" in heat.text[1][2]
    assert "<b>NaN</b>" not in heat.text[1][2]
    assert "<b>conv" not in heat.text[0][0]
    assert not [text for text in figure.layout.yaxis.ticktext if "<b>" in text]
    assert [*figure.layout.xaxis.ticktext] == [PRECISIONS[name].label for name in NAMES]


@pytest.mark.parametrize("count", [1, 60, 300])
@pytest.mark.parametrize("side", [ONLY, OTHERS])
def test_few_and_many_layers_are_strict_json_with_a_description(count, side):
    figure = build_sensitivity_figure(sensitivity(count), side)
    json.dumps(json.loads(figure.to_json()), allow_nan=False)
    assert f"{count} layers by" in figure.layout.meta["alt"]
    assert figure.layout.height < 2500
    # Rows of 60 layers stay high enough to be read and to be hit with a finger.
    if count <= 60:
        assert (figure.layout.height - 220) / count >= 20


def test_a_map_of_nothing_yet_is_empty():
    figure = build_sensitivity_figure(sensitivity(2, cells=[]), ONLY)
    assert all(value is None for row in figure.data[0].z for value in row)
    assert "0 places measured" in figure.layout.meta["alt"]
