"""Which rows a run has: by what it starts from, what was asked, and what was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from converter.engine import LITERT, TENSORFLOW, choose_engine
from converter.given_variant import GivenVariant
from converter.model_file import ModelFile
from converter.recipe import (
    GIVEN,
    LITERT_QUANTIZER,
    PRESETS,
    SELECT_TF_PRESET,
    TFLITE_CONVERTER,
    TFLITE_DEFAULTS,
    TFLITE_PRESETS,
    find_recipes,
)
from converter.request import RunRequest
from converter.run_plan import expected_seconds, plan_rows

MINE = GivenVariant(path=Path("/x/mine.tflite"), name="mine.tflite", sha256="ab")


def request(*recipes, given=(), **more):
    return RunRequest(
        model_path=Path("/nowhere/m"), model_name="m", recipes=tuple(recipes),
        given_variants=tuple(given), **more,
    )  # fmt: skip


def model(**details):
    return ModelFile(Path("/nowhere/m"), "m", "tflite", "ab", 1000, details=details)


def rows(asked, engine=LITERT, **details):
    planned = plan_rows(asked, engine, model(**details))
    return {v.recipe: (v.engine, v.status) for v in planned.variants}, planned


def test_a_tensorflow_model_is_converted():
    found, planned = rows(request(*PRESETS.values(), SELECT_TF_PRESET), TENSORFLOW)
    assert set(found.values()) == {(TFLITE_CONVERTER, "ok")}
    assert len(planned.buildable) == 7


def test_a_float_tflite_is_quantized_and_float32_is_the_file_itself():
    found, _ = rows(request(*PRESETS.values()), stored_types=[])
    assert found.pop("float32") == (GIVEN, "ok")
    assert set(found.values()) == {(LITERT_QUANTIZER, "ok")}


def test_a_quantized_tflite_has_its_own_row_and_refuses_the_recipes_that_were_asked():
    asked = request(PRESETS["int8"], PRESETS["float32"])
    found, planned = rows(asked, stored_types=["int8"])
    assert found["as_given"] == (GIVEN, "ok")
    assert found["int8"] == (LITERT_QUANTIZER, "failed")
    assert found["float32"] == (GIVEN, "failed")
    reason = planned.variants[1].error
    assert reason.startswith("int8: the file is quantized already (int8)")
    assert reason in planned.variants[1].audit.notes[0]
    assert [recipe.name for _, recipe in planned.buildable] == ["as_given"]


def test_recipes_that_nobody_chose_are_left_out_of_it():
    asked = request(*find_recipes(list(TFLITE_DEFAULTS)), recipes_asked=False)
    assert list(rows(asked, stored_types=["int8"])[0]) == ["as_given"]
    assert "as_given" not in rows(asked, stored_types=[])[0]


def test_what_an_engine_cannot_do_is_a_row_with_its_reason():
    _, planned = rows(request(TFLITE_PRESETS["int4_weight_only"], PRESETS["int8"]), TENSORFLOW)
    assert [v.status for v in planned.variants] == ["failed", "ok"]
    assert "float32" in planned.variants[0].error
    _, planned = rows(request(SELECT_TF_PRESET), stored_types=[])
    assert "SELECT_TF_OPS" in planned.variants[0].error


def test_given_files_come_last_under_names_of_their_own():
    found, planned = rows(request(PRESETS["int8"], given=(MINE, MINE)), stored_types=[])
    assert list(found) == ["int8", "mine", "mine_2"]
    assert planned.variants[1].given_name == "mine.tflite"
    assert planned.variants[1].engine == GIVEN
    assert planned.variants[1].flags == {}


def test_given_files_are_enough_for_a_run():
    assert list(rows(request(given=(MINE,)), TENSORFLOW)[0]) == ["mine"]


def test_every_row_has_its_stages_in_the_progress(tmp_path):
    stages = expected_seconds(request(PRESETS["int8"], given=(MINE,)))
    for stage in ("convert int8", "read mine", "evaluate int8", "evaluate mine"):
        assert stages[stage] > 0
    assert any("mine, turn 1" in stage for stage in stages)


@pytest.mark.parametrize(
    ("content", "engine"),
    [
        (b"\x1c\0\0\0TFL3rest", LITERT),
        (b"TFL3", TENSORFLOW),
        (b"PK\x03\x04....", TENSORFLOW),
        (b"", TENSORFLOW),
    ],
    ids=["tflite", "too short", "zip", "empty"],
)
def test_eight_bytes_choose_the_engine(tmp_path, content, engine):
    path = tmp_path / "model"
    path.write_bytes(content)
    assert choose_engine(path) is engine


def test_a_folder_and_nothing_choose_tensorflow(tmp_path):
    assert choose_engine(tmp_path) is TENSORFLOW
    assert choose_engine(tmp_path / "missing") is TENSORFLOW
