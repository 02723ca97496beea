"""The audit: what real conversions hold, and flags that changed nothing are said to have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from converter.audit import audit_file, count_operators, note_identical_files
from converter.comparison import Variant
from converter.recipe import (
    BUILTINS,
    GIVEN,
    INT16X8,
    LITERT_QUANTIZER,
    PRESETS,
    SELECT_TF,
    SELECT_TF_PRESET,
    TFLITE_PRESETS,
    Recipe,
)
from converter.shared_calibration import CalibrationMemory
from converter.tflite_converter import convert
from converter.tflite_file import Operator, Tensor, TfliteFile, read_tflite
from tests.converter.example_comparisons import make_variant
from tests.converter.example_models import images


def tensor(dtype="float32", *, constant=False, scales=0, elements=4):
    return Tensor(
        name="t",
        shape=(elements,),
        dtype=dtype,
        is_constant=constant,
        is_quantized=scales > 0,
        scales=scales,
        size_bytes=elements if constant else 0,
    )


def operator(name, inputs, outputs, *, custom=False):
    return Operator(name, custom, tuple(inputs), tuple(outputs))


INT8, FLOAT, INT32 = tensor("int8", scales=1), tensor(), tensor("int32")
WEIGHTS8 = tensor("int8", constant=True, scales=3)


class TestCounts:
    @pytest.mark.parametrize(
        ("one", "expected"),
        [
            (operator("CONV_2D", [INT8, WEIGHTS8], [INT8]), {"integer_ops": 1}),
            (
                operator(
                    "CONV_2D", [tensor("int16", scales=1), WEIGHTS8], [tensor("int16", scales=1)]
                ),
                {"integer_ops": 1},
            ),
            (operator("CONV_2D", [FLOAT, tensor(constant=True)], [FLOAT]), {"float_ops": 1}),
            (operator("CONV_2D", [FLOAT, WEIGHTS8], [FLOAT]), {"float_ops": 1, "hybrid_ops": 1}),
            (operator("GATHER", [FLOAT, INT32], [FLOAT]), {"float_ops": 1}),
            (operator("QUANTIZE", [FLOAT], [INT8]), {"border_ops": 1}),
            (operator("DEQUANTIZE", [INT8], [FLOAT]), {"border_ops": 1}),
            (operator("QUANTIZE", [INT8], [tensor("uint8", scales=1)]), {"integer_ops": 1}),
            (operator("FlexDet", [FLOAT], [FLOAT], custom=True), {"flex_ops": 1}),
            (operator("Mine", [FLOAT], [FLOAT], custom=True), {"custom_ops": 1}),
            (operator("SHAPE", [INT32], [INT32]), {}),
        ],
        ids=[
            "int8",
            "int16",
            "float",
            "hybrid",
            "float with indices",
            "quantize",
            "dequantize",
            "requantize",
            "flex",
            "custom",
            "indices alone",
        ],
    )
    def test_of_one_operator(self, one, expected):
        audit = count_operators([one])
        kinds = ("integer_ops", "float_ops", "flex_ops", "custom_ops", "border_ops", "hybrid_ops")
        assert {kind: getattr(audit, kind) for kind in kinds if getattr(audit, kind)} == expected
        assert audit.total_ops == 1

    @pytest.mark.parametrize("name", ["VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"])
    def test_variables_make_a_file_stateful(self, name):
        assert count_operators([operator(name, [], [FLOAT])]).is_stateful
        assert not count_operators([operator("ADD", [FLOAT], [FLOAT])]).is_stateful

    def test_float_operators_are_named_most_frequent_first(self):
        ops = [operator(name, [FLOAT], [FLOAT]) for name in ("ADD", "MUL", "MUL")]
        assert list(count_operators(ops).float_op_names.items()) == [("MUL", 2), ("ADD", 1)]


@pytest.fixture(scope="module")
def audited(frozen_cnn, tmp_path_factory):
    """Return a function from a recipe to the audit of the classifier converted by it."""
    folder = tmp_path_factory.mktemp("audited")
    memory = CalibrationMemory()
    done = {}

    def build(recipe):
        if recipe.name not in done:
            path = folder / f"{recipe.name}.tflite"
            path.write_bytes(convert(frozen_cnn, recipe, {"image": images(8)}, 1, memory))
            done[recipe.name] = audit_file(read_tflite(path), recipe)
        return done[recipe.name]

    return build


def effects(audit):
    return {flag["flag"]: flag["effect"] for flag in audit.flags}


class TestRealConversions:
    def test_float32_is_float_alone_and_was_asked_nothing(self, audited):
        audit = audited(PRESETS["float32"])
        assert audit.float_ops == audit.total_ops > 0
        assert (audit.integer_ops, audit.border_ops, audit.hybrid_ops) == (0, 0, 0)
        assert (audit.flags, audit.notes) == ([], [])

    def test_dynamic_range_stores_large_weights_as_integers(self, audited):
        audit = audited(PRESETS["dynamic_range"])
        assert audit.hybrid_ops == 1
        assert audit.integer_ops == 0
        # 3,072 of 3,408 weights stand in the dense layer; the other tensors are too small.
        assert audit.flags[0]["found"].startswith("90.1% of 3408 weights")

    def test_float16_stores_every_weight_in_half(self, audited):
        audit = audited(PRESETS["float16"])
        assert effects(audit) == {
            "Optimize.DEFAULT (weights)": "yes",
            "supported_types float16": "yes",
        }
        assert audit.integer_ops == 0
        assert audit.notes == []
        assert set(audit.tensor_types["weights"]) == {"float16"}
        assert audit.tensor_types["activations"].keys() == {"float32"}

    def test_int8_has_integer_operators_between_two_borders(self, audited):
        audit = audited(PRESETS["int8"])
        assert audit.border_ops == 2
        assert audit.float_ops == 0
        assert audit.border_reasons == [
            {
                "operator": "QUANTIZE",
                "count": 1,
                "reason": "at an input that is float32, as asked",
            },
            {
                "operator": "DEQUANTIZE",
                "count": 1,
                "reason": "at an output that is float32, as asked",
            },
        ]
        assert audit.integer_ops == audit.total_ops - 2
        assert set(effects(audit).values()) == {"yes"}

    def test_int8_full_is_integer_alone(self, audited):
        audit = audited(PRESETS["int8_full"])
        assert audit.integer_ops == audit.total_ops
        assert audit.border_ops == audit.float_ops == 0
        assert effects(audit) == {
            "Optimize.DEFAULT (weights)": "yes",
            "Calibration (activations)": "yes",
            "TFLITE_BUILTINS_INT8": "yes",
            "Integer operators only": "yes",
            "inference_input_type": "yes",
            "inference_output_type": "yes",
        }
        assert audit.border_reasons == audit.float_reasons == []

    def test_int16x8_computes_on_integers(self, audited):
        audit = audited(PRESETS["int16x8"])
        assert audit.integer_ops > 0
        assert effects(audit)["Calibration (activations)"] == "yes"

    def test_one_scale_a_tensor_where_per_channel_is_off(self, audited):
        recipe = replace(PRESETS["int8"], name="per_tensor", per_channel=False)
        assert effects(audited(recipe))["Per-channel off"] == "yes"

    def test_one_scale_a_dense_layer_where_it_is_off_for_those_alone(self, audited):
        recipe = replace(PRESETS["int8"], name="per_tensor_dense", per_channel_dense=False)
        assert effects(audited(recipe))["Per-channel off in dense layers"] == "yes"

    def test_flags_that_changed_nothing_are_said_to_have(self, audited):
        recipe = Recipe(
            name="vain",
            optimizations=("EXPERIMENTAL_SPARSITY",),
            supported_ops=(BUILTINS, SELECT_TF),
            allow_custom_ops=True,
        )
        audit = audited(recipe)
        assert effects(audit) == {
            "SELECT_TF_OPS": "no",
            "Custom ops allowed": "no",
            "EXPERIMENTAL_SPARSITY": "no",
        }
        for flag in effects(audit):
            assert any(note.startswith(f"{flag} had no effect") for note in audit.notes)

    def test_strict_int8_that_converts_and_stays_in_float_is_noted(self, tmp_path):
        import numpy as np
        import tensorflow as tf

        # TFLiteConverter gives a float file here and no error at all.
        module = tf.Module()
        module.serve = tf.function(lambda x: {"y": tf.sin(x)}, autograph=False)
        concrete = module.serve.get_concrete_function(tf.TensorSpec((1, 4), tf.float32, name="x"))
        tf.saved_model.save(module, str(tmp_path / "m"), signatures={"serving_default": concrete})
        samples = {"x": np.random.default_rng(0).random((4, 4), np.float32)}
        path = tmp_path / "m.tflite"
        recipe = PRESETS["int8_full"]
        path.write_bytes(convert(tmp_path / "m", recipe, samples, 1, CalibrationMemory()))
        audit = audit_file(read_tflite(path), recipe)
        assert effects(audit)["Integer operators only"] != "yes"
        assert any("1 SIN" in note for note in audit.notes)
        (why,) = audit.float_reasons
        assert (why["operator"], why["count"]) == ("SIN", 1)
        assert why["reason"] == "TFLiteConverter has no int8 form of it"

    def test_why_operators_compute_in_float_is_told_where_the_file_tells_it(self, audited):
        assert audited(PRESETS["float32"]).float_reasons == []
        assert audited(PRESETS["int8"]).float_reasons == []
        (half,) = audited(PRESETS["float16"]).float_reasons
        assert (half["operator"], half["count"]) == ("all", audited(PRESETS["float32"]).float_ops)
        audit = audited(PRESETS["dynamic_range"])
        assert sum(r["count"] for r in audit.float_reasons) == audit.float_ops - audit.hybrid_ops
        reasons = {r["operator"]: r["reason"] for r in audit.float_reasons}
        assert "fewer than 1,024" in reasons["CONV_2D"]
        assert "it has no weights" in reasons["SOFTMAX"]

    def test_integer_ends_of_int16x8(self, audited):
        recipe = Recipe(
            name="int16_ends",
            optimizations=("DEFAULT",),
            supported_ops=(INT16X8,),
            calibrate=True,
            inference_input_type="int16",
            inference_output_type="int16",
        )
        found = effects(audited(recipe))
        assert found["inference_input_type"] == found["inference_output_type"] == "yes"
        assert found["Activations int16, weights int8"] == "yes"


def make_file(operators, constants=(), ends=(("x", "float32"), ("y", "float32"))):
    from converter.signature import TensorSpec

    inputs, outputs = (TensorSpec(name, (1, 4), dtype) for name, dtype in ends)
    return TfliteFile((inputs,), (outputs,), tuple(operators), tuple(constants))


class TestWhatAConverterMayGetWrong:
    def test_calibration_that_left_everything_in_float(self):
        file = make_file([operator("ADD", [FLOAT], [FLOAT])], [tensor(constant=True)])
        audit = audit_file(file, PRESETS["int8"])
        assert effects(audit) == {
            "Optimize.DEFAULT (weights)": "no",  # there are none of a size that it takes
            "Calibration (activations)": "ignored",
        }
        assert any(
            "0 of 1 operators compute on integers; left in float: 1 ADD" in note
            for note in audit.notes
        )

    def test_float_operators_left_between_integers(self):
        file = make_file(
            [
                operator("CONV_2D", [INT8, WEIGHTS8], [INT8]),
                operator("DEQUANTIZE", [INT8], [FLOAT]),
                operator("ERF", [FLOAT], [FLOAT]),
                operator("QUANTIZE", [FLOAT], [INT8]),
            ],
            [WEIGHTS8],
        )
        audit = audit_file(file, PRESETS["int8_full"])
        assert effects(audit)["Integer operators only"] == "partly"
        assert any("1 ERF" in note for note in audit.notes)

    def test_ends_of_another_type(self):
        file = make_file([operator("ADD", [INT8], [INT8])], [WEIGHTS8])
        audit = audit_file(file, PRESETS["int8_full"])
        assert effects(audit)["inference_input_type"] == "ignored"
        assert effects(audit)["inference_output_type"] == "ignored"
        assert any("0 of 1 inputs are int8; x is float32" in note for note in audit.notes)
        assert any("0 of 1 outputs are int8; y is float32" in note for note in audit.notes)
        half = make_file([operator("ADD", [INT8], [INT8])], [WEIGHTS8], (("x", "int8"), ("y", "f")))
        found = effects(audit_file(half, PRESETS["int8_full"]))
        assert (found["inference_input_type"], found["inference_output_type"]) == ("yes", "ignored")

    def test_weights_too_small_for_dynamic_range(self):
        small = tensor(constant=True)
        file = make_file([operator("FULLY_CONNECTED", [FLOAT, small], [FLOAT])], [small])
        audit = audit_file(file, PRESETS["dynamic_range"])
        assert effects(audit) == {"Optimize.DEFAULT (weights)": "no"}
        assert "0.0% of 4 weights" in audit.notes[0]

    def test_scales_a_channel_in_spite_of_per_channel_off(self):
        file = make_file([operator("CONV_2D", [INT8, WEIGHTS8], [INT8])], [WEIGHTS8])
        recipe = replace(PRESETS["int8"], name="x", per_channel=False)
        assert effects(audit_file(file, recipe)) == {
            "Optimize.DEFAULT (weights)": "yes",
            "Calibration (activations)": "yes",
            "Per-channel off": "ignored",
        }

    def test_large_weights_left_in_float_were_ignored(self):
        large = tensor(constant=True, elements=2000)
        file = make_file([operator("FULLY_CONNECTED", [FLOAT, large], [FLOAT])], [large])
        audit = audit_file(file, PRESETS["dynamic_range"])
        assert effects(audit) == {"Optimize.DEFAULT (weights)": "ignored"}
        assert audit.notes[0].startswith("Optimize.DEFAULT (weights) was ignored")

    def test_of_litert_quantizer_is_told_in_its_own_words(self):
        four_bits = tensor("int4", constant=True, scales=1)
        file = make_file([operator("CONV_2D", [FLOAT, four_bits], [FLOAT])], [four_bits, WEIGHTS8])
        audit = audit_file(file, TFLITE_PRESETS["int4_weight_only"], LITERT_QUANTIZER)
        assert effects(audit) == {
            "Quantized weights": "yes",
            "4-bit weights": "partly",
            "Weights only": "yes",
        }
        assert "50.0% of 8 weights are stored as 4-bit integers" in audit.notes[0]

    def test_what_litert_quantizer_skipped_is_no_matter_of_size(self):
        file = make_file([operator("ADD", [FLOAT], [FLOAT])], [tensor(constant=True)])
        audit = audit_file(file, PRESETS["dynamic_range"], LITERT_QUANTIZER)
        assert effects(audit) == {"Quantized weights": "ignored"}
        assert "1,024" not in audit.notes[0]

    def test_weights_that_are_computed_with_as_integers_are_told(self):
        file = make_file([operator("CONV_2D", [INT8, WEIGHTS8], [INT8])], [WEIGHTS8])
        audit = audit_file(file, TFLITE_PRESETS["int8_weight_only"], LITERT_QUANTIZER)
        assert effects(audit)["Weights only"] == "ignored"

    def test_operators_without_kernel_are_named_once(self):
        mine, known = (
            operator(name, [FLOAT], [FLOAT], custom=True)
            for name in ("Mine", "TFLite_Detection_PostProcess")
        )
        audit = count_operators([mine, known, mine])
        assert audit.missing_kernels == ["Mine"]
        assert audit.custom_ops == 3

    def test_flex_operators_take_effect(self):
        file = make_file([operator("FlexDet", [FLOAT], [FLOAT], custom=True)])
        assert effects(audit_file(file, SELECT_TF_PRESET)) == {"SELECT_TF_OPS": "yes"}

    @pytest.mark.parametrize("recipe", [*PRESETS.values(), SELECT_TF_PRESET], ids=lambda r: r.name)
    def test_a_file_without_operators_is_audited(self, recipe):
        audit = audit_file(make_file([]), recipe)
        assert audit.total_ops == 0
        assert "yes" not in {
            e
            for flag, e in effects(audit).items()
            if flag.startswith(("Optimize", "Calibration", "Integer", "TFLITE", "Activations"))
        }


class TestIdenticalFiles:
    def test_are_noted_on_the_later_one(self):
        one = make_variant("float32", content_sha256="aa")
        other = make_variant("float16", content_sha256="bb")
        same = make_variant("dynamic_range", content_sha256="aa")
        before = [list(one.audit.notes), list(other.audit.notes)]
        note_identical_files([one, other, same])
        assert [one.audit.notes, other.audit.notes] == before
        assert "the same as float32" in same.audit.notes[-1]
        assert "changed nothing" in same.audit.notes[-1]

    def test_a_given_file_had_no_flags_that_could_change_nothing(self):
        made = make_variant("int8", content_sha256="aa")
        mine = replace(make_variant("int8", content_sha256="aa", engine=GIVEN), recipe="mine")
        note_identical_files([made, mine])
        assert mine.audit.notes[-1].startswith("The file holds the same as int8")
        assert "changed nothing" not in mine.audit.notes[-1]

    def test_failed_variants_equal_nothing(self):
        failed = [Variant(recipe=name, flags={}) for name in ("int8", "int16x8")]
        note_identical_files(failed)
        assert [variant.audit.notes for variant in failed] == [[], []]
