"""The map of sensitivity: what is measured, in which order, and what is left of an error."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.__main__ import main
from converter.analysed_run import files_of
from converter.budget import Figures
from converter.candidate_layers import CandidateLayer
from converter.errors import DataError
from converter.live_file import ask_to_stop, read_live
from converter.sensitivity import (
    ONLY,
    OTHERS,
    SENSITIVITY_FILE,
    Cell,
    Sensitivity,
    choices_of,
    load_sensitivity,
    measure_cells,
    plan_cells,
    rest_db,
)
from converter.sensitivity_run import measure_sensitivity
from tests.converter.example_tflites import features, write_classifier


def layer(number, *names, weights=100):
    return CandidateLayer(number=number, operator="CONV_2D", name=f"l{number}", scope=f"l{number};",
                          weights=weights, sources=(), from_input=False,
                          bytes_of=dict.fromkeys(("float32", *names), 10))  # fmt: skip


LAYERS = [layer(0, "int8", "weight_only_int8"), layer(1, "int8", weights=0),
          layer(2, "int8", "dynamic_int2")]  # fmt: skip


def test_each_operator_with_weights_is_planned_alone_and_left_out():
    planned = plan_cells(LAYERS)
    assert len(planned) == len(set(planned)) == 8
    assert {(n, p) for n, p, _ in planned} == {
        (0, "int8"), (0, "weight_only_int8"), (2, "int8"), (2, "dynamic_int2"),
    }  # fmt: skip
    sides = [side for *_, side in planned]
    assert sides == sorted(sides, key=[ONLY, OTHERS].index)
    assert planned[:2] == [(0, "int8", ONLY), (2, "int8", ONLY)]  # what most take comes first


def test_choices_are_this_one_or_all_others_that_take_the_precision():
    assert choices_of(LAYERS, 0, "int8", ONLY) == {0: "int8"}
    assert choices_of(LAYERS, 0, "int8", OTHERS) == {2: "int8"}
    assert choices_of(LAYERS, 2, "dynamic_int2", OTHERS) == {}


def test_it_can_be_left_at_any_time():
    asked = []

    def judge(choices):
        asked.append(choices)
        return str(choices), Figures(size_bytes=1, sqnr_db=1.0)

    steps = measure_cells(LAYERS, judge)
    next(steps)
    next(steps)
    steps.close()
    assert asked == [{0: "int8"}, {2: "int8"}]
    assert list(measure_cells([], judge)) == []


DB = st.floats(-40, 120)


@given(DB, DB)
def test_what_is_left_and_the_part_make_the_whole(whole, part):
    rest = rest_db(whole, part)
    if math.isnan(rest):
        assert part < whole
    elif math.isinf(rest):
        assert part == pytest.approx(whole, abs=0.01)
    else:
        again = -10 * math.log10(10 ** (-rest / 10) + 10 ** (-part / 10))
        assert again == pytest.approx(whole, abs=1e-3)


@pytest.mark.parametrize(("whole", "part"), [(math.nan, 3.0), (3.0, math.nan), (30.0, 20.0)])
def test_no_figure_is_made_up_where_there_is_none(whole, part):
    assert math.isnan(rest_db(whole, part))


def cell(number, precision, sqnr, side=ONLY, problem=None):
    return Cell(number=number, precision=precision, side=side, sha256=f"{number}{precision}{side}",
                figures=Figures(size_bytes=5, sqnr_db=sqnr, problem=problem))  # fmt: skip


def made(cells):
    return Sensitivity(
        layers=[each for each in LAYERS if each.has_weights], cells=cells, distinct=len(cells),
        planned=8, samples=10, refused={}, original_sha256="",
    )  # fmt: skip


def test_a_candidate_of_no_use_is_nan_with_its_reason_and_stays():
    found = made([cell(2, "dynamic_int2", 12.0, problem="7 of its output values are NaN")])
    assert math.isnan(found.cells[0].sqnr_db)
    assert found.cell(2, "dynamic_int2", ONLY).figures.problem.startswith("7 of")
    assert found.cell(0, "int8", ONLY) is None
    assert not found.is_whole


def test_weights_are_told_from_the_rest_only_where_both_were_measured():
    found = made([cell(0, "int8", 30.0), cell(0, "weight_only_int8", 33.0103),
                  cell(2, "int8", 20.0)])  # fmt: skip
    [parts] = found.parts()
    assert (parts.number, parts.precision) == (0, "int8")
    assert parts.activations_db == pytest.approx(33.01, abs=0.01)


def test_what_is_kept_is_what_was_found(tmp_path):
    found = made([cell(0, "int8", math.inf), cell(2, "int8", math.nan, OTHERS, "inf")])
    kept = load_sensitivity(found.save(tmp_path))
    assert repr(kept) == repr(found)


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"layers": 3}', "\0"])
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / SENSITIVITY_FILE).write_text(content)
    with pytest.raises(DataError, match=r"^sensitivity\.json: expected the sensitivity"):
        load_sensitivity(tmp_path / SENSITIVITY_FILE)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sensitivity")
    model = write_classifier(folder / "net.tflite")
    np.save(folder / "x.npy", features(60))
    assert main(["run", str(model), "--data", str(folder / "x.npy"), "--recipes", "int8",
                 "--samples", "40", "--calibration-samples", "10", "--runs", "1",
                 "--out", str(folder / "run")]) == 0  # fmt: skip
    return folder / "run"


def test_a_real_map_is_whole_and_alone_hurts_no_more_than_all(run_folder, tmp_path):
    found = measure_sensitivity(files_of(run_folder), run_folder, progress=tmp_path)
    assert found.is_whole
    assert found.planned == len(found.cells) == 2 * sum(len(x.bytes_of) - 1 for x in found.layers)
    assert found.distinct == len({c.sha256 for c in found.cells}) <= len(found.cells)
    int8 = [found.cell(x.number, "dynamic_int8", ONLY).sqnr_db for x in found.layers]
    int4 = [found.cell(x.number, "dynamic_int4", ONLY).sqnr_db for x in found.layers]
    assert all(a > b for a, b in zip(int8, int4, strict=True))
    assert found.parts()
    assert not list(run_folder.glob(".candidates-*"))
    json.dumps(found.to_json(), allow_nan=False)


def test_stopped_it_keeps_what_it_has(run_folder, tmp_path):
    def listen(stage, share):
        if share > 0.1:
            ask_to_stop(tmp_path)

    found = measure_sensitivity(files_of(run_folder), run_folder, progress=tmp_path,
                                listener=listen)  # fmt: skip
    assert 0 < len(found.cells) < found.planned
    assert not found.is_whole
    so_far = read_live(tmp_path, Sensitivity.from_json)
    assert so_far is None or so_far.cells == found.cells[: len(so_far.cells)]
