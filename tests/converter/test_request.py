"""A run's request: out of range is refused, the rest survives JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from converter.errors import DataError, RecipeError
from converter.given_variant import GivenVariant
from converter.latency import LatencyProtocol
from converter.model_options import ModelOptions
from converter.recipe import PRESETS, SELECT_TF_PRESET
from converter.request import DataOptions, RunRequest


def make_request(**changes):
    return RunRequest(model_path=Path("/models/a.keras"), model_name="a.keras", **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": 0}, "samples must be at least 1, found 0"),
        ({"calibration_samples": -1}, "calibration samples must be at least 0, found -1"),
        ({"runs": 0}, "runs must be at least 1, found 0"),
        ({"threads": 0}, "threads must be at least 1, found 0"),
        ({"seed": -1}, "seed must be at least 0, found -1"),
    ],
    ids=["samples", "calibration", "runs", "threads", "seed"],
)
def test_a_setting_out_of_range_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        make_request(**changes)


def test_two_recipes_of_one_name_are_refused_because_they_would_share_a_file():
    with pytest.raises(RecipeError, match="int8"):
        make_request(recipes=(PRESETS["int8"], PRESETS["int8"]))


def test_a_request_without_recipes_is_refused():
    with pytest.raises(RecipeError, match="recipe"):
        make_request(recipes=())


@pytest.mark.parametrize(
    "request_",
    [
        make_request(),
        make_request(
            data_path=Path("/data/d.npz"),
            data_name="d.npz",
            data_options=DataOptions(label_column="species", image_scale="-1..1"),
            recipes=(PRESETS["int8"], SELECT_TF_PRESET),
            samples=7,
            calibration_samples=0,
            runs=3,
            threads=2,
            seed=5,
            model_options=ModelOptions(
                signature="classify",
                input_tensors=("x:0",),
                output_tensors=("y:0", "z:0"),
                dimensions=(("x", (None, 64, 3)),),
                unroll=True,
            ),
        ),
    ],
    ids=["defaults", "everything set"],
)
def test_json_round_trip(request_):
    text = json.dumps(request_.to_json(), allow_nan=False)
    assert RunRequest.from_json(json.loads(text)) == request_


def test_the_json_form_is_a_copy():
    request_ = make_request()
    request_.to_json()["data_options"]["image_scale"] = "changed"
    assert request_.data_options.image_scale == "auto"


def test_the_protocol_follows_the_runs():
    assert make_request().protocol == LatencyProtocol()
    assert make_request(runs=7).protocol == LatencyProtocol.exactly(7)


def test_by_default_the_six_presets_are_built():
    assert [recipe.name for recipe in make_request().recipes] == list(PRESETS)


MINE = GivenVariant(path=Path("/uploads/ab.tflite"), name="../mine.tflite", sha256="ab" * 32)


def test_given_files_are_enough_for_a_request_and_survive_json():
    request = make_request(recipes=(), given_variants=(MINE,), recipes_asked=False)
    assert RunRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_a_request_of_an_older_version_has_no_given_files():
    values = make_request().to_json()
    del values["given_variants"], values["recipes_asked"]
    for recipe in values["recipes"]:
        del recipe["weight_bits"], recipe["weight_only"]
    assert RunRequest.from_json(values) == make_request()
