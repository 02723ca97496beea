"""Every flag of a recipe against real conversions: each badge, with counts known by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converter.audit import audit_file, note_identical_files
from converter.comparison import Variant
from converter.recipe import (
    BUILTINS,
    BUILTINS_INT8,
    INT16X8,
    LITERT_QUANTIZER,
    PRESETS,
    SELECT_TF,
    Recipe,
)
from converter.shared_calibration import CalibrationMemory
from converter.tflite_converter import convert
from converter.tflite_file import content_sha256, read_tflite
from converter.toggles import effect_note, toggles_asked

INT8 = PRESETS["int8"]
INT16 = PRESETS["int16x8"]
DYNAMIC = PRESETS["dynamic_range"]
SINE = "sine"
PLAIN = "plain"
# 40 x 32 = 1,280 weights reach dynamic range's 1,024; 32 x 4 = 128 do not.
LARGE, SMALL = 40 * 32, 32 * 4


@pytest.fixture(scope="module")
def convert_layers(tmp_path_factory):
    """Return a function from a model's name and a recipe to the variant's file.

    The model: dense 40 x 32, then sin (of `sine`) or relu (of `plain`), then dense 32 x 4.
    """
    import tensorflow as tf

    random = np.random.default_rng(5)
    first = tf.constant(random.normal(size=(40, 32)).astype(np.float32))
    second = tf.constant(random.normal(size=(32, 4)).astype(np.float32))
    samples = {"x": random.random((8, 40), np.float32)}
    folder = tmp_path_factory.mktemp("layers")
    memories = {}

    def layers(between):
        return lambda x: {"y": tf.matmul(between(tf.matmul(x, first)), second)}

    for name, between in ((SINE, tf.sin), (PLAIN, tf.nn.relu)):
        module = tf.Module()
        module.serve = tf.function(layers(between), autograph=False)
        call = module.serve.get_concrete_function(tf.TensorSpec((1, 40), tf.float32, name="x"))
        tf.saved_model.save(module, str(folder / name), signatures={"serving_default": call})
        memories[name] = CalibrationMemory()

    def build(name, recipe):
        path = folder / f"{name}_{recipe.name}.tflite"
        if not path.exists():
            path.write_bytes(convert(folder / name, recipe, samples, 1, memories[name]))
        return path

    return build


@pytest.fixture
def audited(convert_layers):
    """Return a function from a model's name and a recipe to the audit of its file."""
    return lambda name, recipe: audit_file(read_tflite(convert_layers(name, recipe)), recipe)


def effects(audit):
    return {row["flag"]: row["effect"] for row in audit.flags}


def found(audit, flag):
    return next(row["found"] for row in audit.flags if row["flag"] == flag)


class TestTookEffect:
    def test_all_that_is_asked_of_a_model_with_integer_kernels_alone(self, audited):
        audit = audited(PLAIN, INT8)
        assert effects(audit) == {
            "Optimize.DEFAULT (weights)": "yes",
            "Calibration (activations)": "yes",
        }
        # Both dense layers; relu is part of the first. What stays: the two ends.
        assert found(audit, "Calibration (activations)") == "2 of 2 operators compute on integers"
        assert audit.tensor_types == {
            "activations": {"int8": 3, "float32": 2},
            "weights": {"int8": LARGE + SMALL},
        }

    def test_of_int16x8_is_seen_in_the_activations(self, audited):
        audit = audited(PLAIN, INT16)
        assert effects(audit)["Activations int16, weights int8"] == "yes"
        assert audit.tensor_types["activations"] == {"int16": 3, "float32": 2}

    def test_of_one_end_alone(self, audited):
        audit = audited(PLAIN, replace(INT8, name="ends", inference_input_type="uint8"))
        assert effects(audit)["inference_input_type"] == "yes"
        assert "inference_output_type" not in effects(audit)
        assert found(audit, "inference_input_type") == "1 of 1 inputs are uint8"


class TestPartly:
    def test_where_an_operator_has_no_integer_form(self, audited):
        audit = audited(SINE, INT8)
        assert effects(audit)["Calibration (activations)"] == "partly"
        assert found(audit, "Calibration (activations)") == (
            "2 of 3 operators compute on integers; left in float: 1 SIN"
        )
        assert audit.float_reasons == [
            {"operator": "SIN", "count": 1, "reason": "TFLiteConverter has no int8 form of it"}
        ]
        assert [(row["operator"], row["count"], row["reason"]) for row in audit.border_reasons] == [
            ("QUANTIZE", 1, "at an input that is float32, as asked"),
            ("DEQUANTIZE", 1, "before SIN, which takes float"),
            ("QUANTIZE", 1, "after SIN, which gives float"),
            ("DEQUANTIZE", 1, "at an output that is float32, as asked"),
        ]

    def test_where_the_integers_asked_for_alone_do_not_do(self, audited):
        # The same file as the preset's: the converter says nothing and leaves the sine in float.
        audit = audited(SINE, replace(PRESETS["int8_full"], inference_input_type="float32"))
        assert effects(audit)["Integer operators only"] == "partly"
        assert effects(audit)["TFLITE_BUILTINS_INT8"] == "partly"

    def test_where_weights_are_too_few_for_dynamic_range(self, audited):
        audit = audited(SINE, DYNAMIC)
        share = LARGE / (LARGE + SMALL)
        assert 0.9 < share < 0.91  # nearly all weights is all that can be had
        assert effects(audit) == {"Optimize.DEFAULT (weights)": "yes"}
        # Of the two dense layers the first has integer weights, which needs no reason.
        assert [(row["operator"], row["count"], row["reason"]) for row in audit.float_reasons] == [
            ("SIN", 1, "it has no weights, and without calibration activations stay float"),
            (
                "FULLY_CONNECTED",
                1,
                "its weights have fewer than 1,024 elements, which are passed over",
            ),
        ]


class TestNoEffect:
    def test_where_there_is_nothing_in_the_model_for_it(self, audited):
        audit = audited(PLAIN, Recipe(name="flex", supported_ops=(BUILTINS, SELECT_TF)))
        assert effects(audit) == {"SELECT_TF_OPS": "no"}
        assert audit.notes == [
            "SELECT_TF_OPS had no effect: 0 operators need the Flex delegate; every operator has "
            "a builtin one."
        ]

    def test_of_dense_layers_where_per_channel_is_off_for_all(self, audited):
        recipe = replace(INT8, name="off", per_channel=False, per_channel_dense=False)
        audit = audited(PLAIN, recipe)
        assert effects(audit)["Per-channel off"] == "yes"
        assert effects(audit)["Per-channel off in dense layers"] == "no"

    def test_where_the_file_is_the_same_without_the_flag(self, convert_layers):
        # A model of integer kernels alone: nothing is left for "integers only" to forbid.
        strict = replace(INT8, name="strict", supported_ops=(BUILTINS_INT8,))
        plain, narrow = variants = [
            Variant(
                recipe=recipe.name,
                flags=recipe.to_json(),
                content_sha256=content_sha256(convert_layers(PLAIN, recipe)),
                audit=audit_file(read_tflite(convert_layers(PLAIN, recipe)), recipe),
            )
            for recipe in (INT8, strict)
        ]
        before = [dict(row) for row in plain.audit.flags]
        assert effects(narrow.audit)["Integer operators only"] == "yes"
        note_identical_files(variants)
        assert plain.audit.flags == before
        assert (plain.audit.same_as, narrow.audit.same_as) == (["strict"], ["int8"])
        assert effects(narrow.audit) == {
            "Optimize.DEFAULT (weights)": "yes",
            "Calibration (activations)": "yes",
            "TFLITE_BUILTINS_INT8": "no",
            "Integer operators only": "no",
        }
        assert "the file is the same as int8, which does not ask for it" in found(
            narrow.audit, "Integer operators only"
        )
        assert sum("Integer operators only had no effect" in n for n in narrow.audit.notes) == 1

    def test_is_not_said_of_files_that_differ(self, convert_layers):
        flags = replace(INT8, name="int8_ends", inference_output_type="int8")
        variants = [
            Variant(
                recipe=recipe.name,
                flags=recipe.to_json(),
                content_sha256=content_sha256(convert_layers(PLAIN, recipe)),
                audit=audit_file(read_tflite(convert_layers(PLAIN, recipe)), recipe),
            )
            for recipe in (INT8, flags)
        ]
        note_identical_files(variants)
        assert [variant.audit.same_as for variant in variants] == [[], []]
        assert set(effects(variants[1].audit).values()) == {"yes"}


class TestIgnored:
    def test_calibration_of_a_model_that_stays_in_float(self, tmp_path):
        import tensorflow as tf

        module = tf.Module()
        module.serve = tf.function(lambda x: {"y": tf.sin(x)}, autograph=False)
        call = module.serve.get_concrete_function(tf.TensorSpec((1, 4), tf.float32, name="x"))
        tf.saved_model.save(module, str(tmp_path / "m"), signatures={"serving_default": call})
        path = tmp_path / "m.tflite"
        samples = {"x": np.ones((2, 4), np.float32)}
        path.write_bytes(convert(tmp_path / "m", INT8, samples, 1, CalibrationMemory()))
        assert effects(audit_file(read_tflite(path), INT8)) == {
            "Optimize.DEFAULT (weights)": "no",  # it has none
            "Calibration (activations)": "ignored",
        }

    def test_int16_activations_beside_supported_types_int8(self, audited, convert_layers):
        recipe = replace(INT16, name="both", supported_types=("int8",))
        audit = audited(PLAIN, recipe)
        assert effects(audit)["Activations int16, weights int8"] == "ignored"
        assert effects(audit)["supported_types int8"] == "yes"
        assert "int16" not in audit.tensor_types["activations"]
        # What it is ignored for: the file is that of int8.
        assert content_sha256(convert_layers(PLAIN, recipe)) == content_sha256(
            convert_layers(PLAIN, INT8)
        )
        assert any("was ignored" in note for note in audit.notes)

    def test_int8_operators_where_float_ones_are_allowed(self, audited, convert_layers):
        recipe = replace(INT8, name="allowed", supported_ops=(BUILTINS, BUILTINS_INT8))
        assert effects(audited(SINE, recipe))["TFLITE_BUILTINS_INT8"] == "ignored"
        assert content_sha256(convert_layers(SINE, recipe)) == content_sha256(
            convert_layers(SINE, INT8)
        )

    def test_flex_operators_beside_supported_types_int8(self, audited):
        recipe = replace(
            INT8, name="flex8", supported_ops=(BUILTINS, SELECT_TF), supported_types=("int8",)
        )
        assert effects(audited(PLAIN, recipe))["SELECT_TF_OPS"] == "ignored"

    def test_supported_types_by_litert_quantizer(self, convert_layers):
        recipe = replace(INT8, name="typed", supported_types=("int8",))
        file = read_tflite(convert_layers(PLAIN, INT8))
        assert effects(audit_file(file, recipe, LITERT_QUANTIZER)) == {
            "Quantized weights": "yes",
            "Calibration (activations)": "yes",
            "supported_types int8": "ignored",
        }

    def test_is_not_said_where_the_file_shows_the_flag_at_work(self, convert_layers):
        recipe = replace(INT16, name="both", supported_types=("int8",))
        file = read_tflite(convert_layers(PLAIN, INT16))  # as if a later converter honoured it
        assert effects(audit_file(file, recipe))["Activations int16, weights int8"] == "yes"


class TestToggles:
    def test_every_field_of_a_recipe_is_a_toggle(self):
        """A recipe that differs from the defaults in one field alone sets another toggle."""
        for changes, key in (
            ({"supported_ops": (INT16X8, BUILTINS)}, f"supported_ops={INT16X8}"),
            ({"supported_ops": (BUILTINS_INT8,)}, f"supported_ops={BUILTINS_INT8}"),
            ({"supported_ops": (BUILTINS, SELECT_TF)}, "supported_ops=SELECT_TF_OPS"),
            ({"supported_types": ("int8",)}, "supported_types=int8"),
            ({"inference_input_type": "int8"}, "inference_input_type"),
            ({"inference_output_type": "int8"}, "inference_output_type"),
            ({"per_channel": False}, "per_channel"),
            ({"per_channel_dense": False}, "per_channel_dense"),
            ({"allow_custom_ops": True}, "allow_custom_ops"),
            ({"weight_bits": 4}, "weight_bits"),
        ):
            more = toggles_asked(replace(INT8, **changes).to_json()) - toggles_asked(INT8.to_json())
            assert key in more, changes
        only = replace(DYNAMIC, weight_only=True).to_json()
        assert toggles_asked(only) - toggles_asked(DYNAMIC.to_json()) == {"weight_only"}
        half = PRESETS["float16"].to_json()
        assert toggles_asked(half) - toggles_asked(DYNAMIC.to_json()) == {"supported_types=float16"}
        sparse = replace(DYNAMIC, optimizations=("DEFAULT", "EXPERIMENTAL_SPARSITY")).to_json()
        assert toggles_asked(sparse) - toggles_asked(DYNAMIC.to_json()) == {
            "optimizations=EXPERIMENTAL_SPARSITY"
        }
        assert toggles_asked(INT8.to_json()) == {"optimizations=DEFAULT", "calibrate"}
        assert toggles_asked(PRESETS["float32"].to_json()) == toggles_asked({}) == set()

    def test_a_flag_that_took_effect_needs_no_note(self):
        row = {"flag": "A", "found": "b"}
        assert effect_note({**row, "effect": "yes"}) == ""
        assert effect_note({**row, "effect": "partly"}) == "A took effect only partly: b."
