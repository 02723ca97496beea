"""The script that quantizes a given file again: safe for any name, true to the recipe."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.quantizer_recipe import quantizer_rules
from converter.rebuild_script import (
    build_rebuild_script,
    has_rebuild_script,
    write_rebuild_scripts,
)
from converter.recipe import AS_GIVEN, FURTHER_PRESETS, GIVEN, LITERT_QUANTIZER, TFLITE_PRESETS
from converter.signature import TensorSpec
from tests.converter.example_comparisons import make_comparison, make_variant

HOSTILE = [
    'a"""\nimport os\nos.abort()\n"""',
    "'\"'\"\"\"'''",
    "\\",
    "%s %%",
    "$file {x}",
    "\udcff",
]


def comparison_of(recipe, name="net.tflite", key="serving_default"):
    variant = make_variant(recipe, engine=LITERT_QUANTIZER)
    comparison = make_comparison([variant], name=name)
    comparison.model.format = "tflite"
    comparison.environment["litert_quantizer"] = "0.11.0"
    comparison.settings["source"] = {"original": "tflite", "loader": "litert", "signature": key}
    return comparison


def script_of(comparison):
    return build_rebuild_script(comparison, comparison.variants[0])


def literals(source):
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
    }


def only_code_of(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


@pytest.mark.parametrize(
    "recipe", [*TFLITE_PRESETS.values(), *FURTHER_PRESETS.values()], ids=lambda r: r.name
)
def test_holds_the_recipe_the_hashes_and_the_ends(recipe):
    comparison = comparison_of(recipe)
    found = literals(script_of(comparison))
    assert found["RECIPE"] == quantizer_rules(recipe)
    assert found["MODEL_SHA256"] == comparison.model.sha256
    assert found["EXPECTED_SHA256"] == comparison.variants[0].sha256
    assert (found["INPUTS"], found["OUTPUTS"]) == (["image"], ["probabilities"])
    assert ('add_argument("calibration"' in script_of(comparison)) is recipe.needs_samples
    collects = recipe.needs_samples and not recipe.calibrate
    assert ("    ranges = collect(" in script_of(comparison)) is collects
    assert ("    ranges = calibrate(content, quantizer, load" in script_of(comparison)) is (
        recipe.calibrate
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_changes_no_code(name):
    plain, hostile = (comparison_of(TFLITE_PRESETS["int8"], n) for n in ("net.tflite", name))
    hostile.settings["source"]["signature"] = name
    hostile.model.inputs = [TensorSpec(name, (1, 8, 8, 1), "float32")]
    assert only_code_of(script_of(hostile)) == only_code_of(script_of(plain))


@settings(max_examples=60)
@given(st.text(alphabet=st.sampled_from("\"'\\\n\r%${}x(\u2028é\0"), max_size=20))
def test_no_name_at_all_does(name):
    plain = script_of(comparison_of(TFLITE_PRESETS["int8"]))
    assert only_code_of(script_of(comparison_of(TFLITE_PRESETS["int8"], name))) == only_code_of(
        plain
    )


def test_what_was_given_has_no_script(tmp_path):
    mine = make_variant("int8", engine=GIVEN, flags={}, given_name="mine.tflite")
    itself = make_variant(AS_GIVEN, engine=GIVEN)
    made = make_variant("float32")
    assert [has_rebuild_script(variant) for variant in (mine, itself, made)] == [False, False, True]
    write_rebuild_scripts(make_comparison([mine, itself, made]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rebuild_float32.py"]
