"""The script that rebuilds a variant: it compiles for any name, and gives the same bytes."""

from __future__ import annotations

import ast
import hashlib
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.comparison import CALIBRATION_FILE
from converter.float_model import load_float_model
from converter.freezing import freeze
from converter.model_file import file_sha256, inspect_model
from converter.model_options import ModelOptions
from converter.rebuild_script import build_rebuild_script, script_name, write_rebuild_scripts
from converter.recipe import PRESETS, SELECT_TF_PRESET, Recipe
from converter.sample_arrays import save_npz
from converter.shared_calibration import CalibrationMemory
from converter.signature import TensorSpec
from converter.tflite_converter import convert
from tests.converter.example_comparisons import make_comparison, make_failed, make_variant
from tests.converter.example_models import images

HOSTILE = {
    "double quotes": 'a"b.keras',
    "docstring end": 'a""".keras',
    "docstring end and code": '"""\nimport os\nos.abort()\n"""',
    "single quotes": "a'b'''c.keras",
    "both quotes": "'\"'\"\"\"'''",
    "newlines": "a\nb\r\nc.keras",
    "backslashes": "a\\b\\",
    "one backslash": "\\",
    "escapes": "\\x41\\N{BULLET}\\u0041\\",
    "percent": "100%.keras %s %(prog)s %%",
    "dollar": "$load ${file} $$",
    "braces": "{module} {0} {{",
    "unicode": "模型 ü \u202e\u0000.keras",
    "lone surrogate": "\udcff.keras",
    "empty": "",
}


def script_of(comparison):
    return build_rebuild_script(comparison, comparison.variants[0])


def literals(source):
    """Return the constants that a script assigns at its top level."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
    }


def only_code_of(source):
    """Return what a script would run, without its texts, to compare two scripts."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


class TestSource:
    @pytest.mark.parametrize("recipe", [*PRESETS.values(), SELECT_TF_PRESET], ids=lambda r: r.name)
    @pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
    def test_compiles_and_runs_nothing_of_a_hostile_name(self, name, recipe):
        plain = script_of(make_comparison([make_variant(recipe)]))
        hostile = script_of(make_comparison([make_variant(recipe)], name=name))
        compile(hostile, "script.py", "exec")
        assert only_code_of(hostile) == only_code_of(plain)

    @settings(max_examples=100)
    @given(st.text(alphabet=st.sampled_from("\"'\\\n\r%${}x(\u2028é\0"), max_size=20))
    def test_compiles_for_any_name(self, name):
        plain = script_of(make_comparison([make_variant()]))
        hostile = script_of(make_comparison([make_variant()], name=name))
        assert only_code_of(hostile) == only_code_of(plain)

    @pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
    def test_can_be_written(self, tmp_path, name):
        comparison = make_comparison([make_variant("float32"), make_failed()], name=name)
        comparison.variants[1].sha256 = None
        write_rebuild_scripts(comparison, tmp_path)
        (script,) = tmp_path.iterdir()
        assert script.name == "rebuild_float32.py" == script_name(comparison.variants[0])
        compile(script.read_bytes(), "script.py", "exec")

    def test_holds_the_hashes_and_the_signature(self):
        comparison = make_comparison([make_variant("int8")])
        found = literals(script_of(comparison))
        assert found["MODEL_SHA256"] == comparison.model.sha256
        assert found["EXPECTED_SHA256"] == comparison.variants[0].sha256
        assert found["INPUTS"] == [("image", (1, 8, 8, 1), "float32")]
        assert found["OUTPUTS"] == ["probabilities"]

    @pytest.mark.parametrize(
        ("recipe", "present", "absent"),
        [
            (
                PRESETS["float32"],
                ["optimizations = []", "[tf.lite.OpsSet.TFLITE_BUILTINS]"],
                ["representative_dataset", "supported_types", 'add_argument("calibration"'],
            ),
            (
                PRESETS["float16"],
                ["[tf.lite.Optimize.DEFAULT]", "supported_types = [tf.float16]"],
                ["representative_dataset"],
            ),
            (
                PRESETS["int8_full"],
                [
                    "tf.lite.OpsSet.TFLITE_BUILTINS_INT8",
                    "inference_input_type = tf.int8",
                    "inference_output_type = tf.int8",
                    "representative_dataset = ",
                ],
                ["disable_per_channel"],
            ),
            (
                PRESETS["int16x8"],
                ["EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8, tf.lite.OpsSet."],
                [],
            ),
            (SELECT_TF_PRESET, ["tf.lite.OpsSet.SELECT_TF_OPS"], []),
            (Recipe(name="x", allow_custom_ops=True), ["allow_custom_ops = True"], []),
            (
                replace(PRESETS["int8"], name="x", per_channel=False),
                ["_experimental_disable_per_channel = True"],
                ["for_dense_layers"],
            ),
            (
                replace(PRESETS["int8"], name="x", per_channel_dense=False),
                ["_experimental_disable_per_channel_quantization_for_dense_layers = True"],
                [],
            ),
        ],
        ids=[
            "float32",
            "float16",
            "int8_full",
            "int16x8",
            "select_tf",
            "custom ops",
            "per tensor",
            "per tensor dense",
        ],
    )
    def test_sets_the_flags_of_the_recipe(self, recipe, present, absent):
        source = script_of(make_comparison([make_variant(recipe)]))
        assert [text for text in present if text not in source] == []
        assert [text for text in absent if text in source] == []

    def test_names_the_versions_it_needs(self):
        comparison = make_comparison([make_variant()])
        assert "tensorflow==2.21.0 keras==3.15.1" in script_of(comparison)
        comparison.settings["source"]["loader"] = "tf_keras"
        assert "tensorflow==2.21.0 tf_keras" in script_of(comparison)


FORMATS = {
    "keras": ("keras_file", "keras"),
    "two inputs": ("two_by_two_file", "keras"),
    "h5 of Keras 2": ("keras2_h5_file", "h5"),
    "SavedModel folder": ("saved_model_folder", "saved_model"),
    "SavedModel zip": ("saved_model_zip", "saved_model"),
    "frozen graph": ("frozen_graph_file", "frozen_graph"),
}


@pytest.mark.parametrize("recipe", [PRESETS["float32"], PRESETS["int8"]], ids=lambda r: r.name)
@pytest.mark.parametrize(("fixture", "form"), FORMATS.values(), ids=FORMATS)
def test_the_script_gives_the_bytes_of_the_run(
    request, tmp_path, monkeypatch, capsys, fixture, form, recipe
):
    path = request.getfixturevalue(fixture)
    facts = inspect_model(path)
    tensors = (facts.details.get("input_tensors", ()), facts.details.get("output_tensors", ()))
    options = ModelOptions(input_tensors=tuple(tensors[0]), output_tensors=tuple(tensors[1]))
    model = load_float_model(path, path.name, form, tmp_path, options)
    shapes = {spec.name: tuple(size or 1 for size in spec.shape) for spec in model.signature.inputs}
    outputs, _ = freeze(model, shapes, tmp_path / "frozen")
    random = np.random.default_rng(0)
    calibration = {
        name: images(3) if name == "image" else random.random((3, *shape[1:]), np.float32)
        for name, shape in shapes.items()
    }
    content = convert(tmp_path / "frozen", recipe, calibration, 1, CalibrationMemory())

    variant = make_variant(recipe, sha256=hashlib.sha256(content).hexdigest())
    comparison = make_comparison([variant], name=path.name)
    comparison.model.sha256 = file_sha256(path)
    comparison.model.inputs = [
        TensorSpec(spec.name, shapes[spec.name], spec.dtype) for spec in model.signature.inputs
    ]
    comparison.model.outputs = outputs
    comparison.settings["source"] = {
        "loader": model.loader,
        "raw_inputs": list(tensors[0]) or model.raw_inputs,
        "signature": facts.details.get("signature"),
        "output_tensors": list(tensors[1]),
    }
    save_npz(tmp_path / CALIBRATION_FILE, calibration)

    source = build_rebuild_script(comparison, variant)
    target = tmp_path / "rebuilt.tflite"
    given = [str(tmp_path / CALIBRATION_FILE)] if recipe.calibrate else []
    monkeypatch.setattr(sys, "argv", ["script.py", str(path), *given, "-o", str(target)])
    space = {"__name__": "script"}
    exec(compile(source, "script.py", "exec"), space)
    code = space["main"]()
    assert "identical to the run's file" in capsys.readouterr().out
    assert code == 0
    assert target.read_bytes() == content


def test_the_script_refuses_another_model(tmp_path, monkeypatch):
    source = script_of(make_comparison([make_variant("float32")]))
    other = tmp_path / "other.keras"
    other.write_bytes(b"another model")
    monkeypatch.setattr(sys, "argv", ["script.py", str(other), "-o", str(tmp_path / "x.tflite")])
    space = {"__name__": "script"}
    exec(compile(source, "script.py", "exec"), space)
    with pytest.raises(SystemExit, match="not the model of the run"):
        space["main"]()
