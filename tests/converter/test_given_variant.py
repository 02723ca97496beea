"""The row of a given file: a safe name that nothing else in the run has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.given_variant import GivenVariant, variant_names
from converter.recipe import PRESETS, TFLITE_PRESETS


def files(*names):
    return [GivenVariant(path=Path("/x"), name=name, sha256="ab") for name in names]


NAMES = {
    "plain": ("mine.tflite", "mine"),
    "upper case and spaces": ("My Model (v2).TFLITE", "my_model_v2"),
    "out of the folder": ("../../etc/passwd", "passwd"),
    "windows path": ("C:\\x\\net.tflite", "net"),
    "markup": ("<b>x<i>.tflite", "b_x_i"),
    "markdown": ("**a** [b](c) :tada:.tflite", "a_b_c_tada"),
    "accents": ("Modèle Ü.tflite", "modele_u"),
    "no letters": ("模型.tflite", "given"),
    "dots": ("...", "given"),
    "empty": ("", "given"),
    "hidden": (".tflite", "given"),
    "a preset's": ("int8.tflite", "given_int8"),
    "a requantizer's": ("int4_weight_only.tflite", "given_int4_weight_only"),
    "the original's": ("original.tflite", "given_original"),
    "the row of the model": ("as_given.tflite", "given_as_given"),
    "newline and nul": ("a\nb\0c.tflite", "a_b_c"),
    "another suffix": ("net.bin", "net_bin"),
}


@pytest.mark.parametrize(("name", "expected"), NAMES.values(), ids=NAMES)
def test_a_name_becomes_a_safe_file_name(name, expected):
    assert variant_names(files(name)) == [expected]


def test_a_name_that_is_too_long_is_cut():
    (name,) = variant_names(files("a" * 500 + ".tflite"))
    assert len(name) == 40


def test_names_that_come_twice_are_numbered():
    assert variant_names(files("m.tflite", "M.tflite", "m.tflite")) == ["m", "m_2", "m_3"]


def test_names_of_the_run_are_taken():
    assert variant_names(files("mine.tflite"), ["mine"]) == ["given_mine"]
    assert variant_names(files("mine.tflite"), ["mine", "given_mine"]) == ["given_mine_2"]


@settings(max_examples=150)
@given(st.lists(st.text(max_size=60), max_size=6), st.lists(st.sampled_from(["a", "b", "given"])))
def test_any_names_give_distinct_safe_ones(names, taken):
    found = variant_names(files(*names), taken)
    assert len(found) == len(names) == len({*found})
    assert not {*found} & {*taken, *PRESETS, *TFLITE_PRESETS, "original"}
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_]{0,47}", name) for name in found)


def test_it_survives_json():
    (file,) = files("m.tflite")
    assert GivenVariant.from_json(json.loads(json.dumps(file.to_json()))) == file
