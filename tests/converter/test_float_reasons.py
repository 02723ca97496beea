"""Why operators stay in float: the tables against the converter itself, the rest by hand."""

from __future__ import annotations

import numpy as np
import pytest

from converter.audit import audit_file, count_operators
from converter.float_reasons import (
    ALL,
    LEAST_WEIGHTS,
    NO_INT8_FORM,
    NO_INT16_FORM,
    NOT_KNOWN,
    border_reasons,
    float_reasons,
)
from converter.recipe import LITERT_QUANTIZER, PRESETS, TFLITE_CONVERTER, TFLITE_PRESETS
from converter.shared_calibration import CalibrationMemory
from converter.tflite_converter import convert
from converter.tflite_file import Operator, Tensor, read_tflite

INT8, INT16, DYNAMIC = (PRESETS[name] for name in ("int8", "int16x8", "dynamic_range"))


def tensor(dtype="float32", shape=(1, 4), *, constant=False, scales=0):
    return Tensor("t", shape, dtype, constant, scales > 0, scales, 16 if constant else 0)


def operator(name, inputs, outputs):
    return Operator(name, False, tuple(inputs), tuple(outputs))


FLOAT, WHOLE = tensor(), tensor("int32")


def why(name, recipe, *inputs, engine=TFLITE_CONVERTER, quantizable=None):
    one = operator(name, inputs or [FLOAT], [tensor()])
    (row,) = float_reasons([one], recipe, engine, quantizable)
    assert (row["operator"], row["count"]) == (name, 1)
    return row["reason"]


@pytest.fixture(scope="module")
def many_operators(tmp_path_factory):
    """A model with one output for each operator of the tables."""
    import tensorflow as tf

    kernel = tf.ones((2, 2, 2, 1, 2))
    calls = {
        "ATAN2": lambda x: tf.atan2(x, x + 1),
        "CEIL": tf.math.ceil,
        "COMPLEX_ABS": lambda x: tf.abs(tf.signal.rfft(x)),  # RFFT2D stands before it
        "CONV_3D": lambda x: tf.nn.conv3d(tf.reshape(x, (1, 4, 4, 4, 1)), kernel, [1] * 5, "SAME"),
        "COS": tf.cos,
        "CUMSUM": lambda x: tf.cumsum(x, 1),
        "ELU": tf.nn.elu,
        "FLOOR": tf.floor,
        "FLOOR_DIV": lambda x: tf.math.floordiv(x, x + 1),
        "FLOOR_MOD": lambda x: tf.math.floormod(x, x + 1),
        "LOCAL_RESPONSE_NORMALIZATION": tf.nn.local_response_normalization,
        "NEG": tf.negative,
        "POW": lambda x: tf.pow(x, 3.5),
        "ROUND": tf.round,
        "SEGMENT_SUM": lambda x: tf.math.segment_sum(tf.reshape(x, (2, 32)), [0, 1]),
        "SIGN": tf.sign,
        "SIN": tf.sin,
        "SQUARE": tf.square,
        "DEPTH_TO_SPACE": lambda x: tf.nn.depth_to_space(x, 2),
        "DIV": lambda x: x / (x + 1),
        "HARD_SWISH": lambda x: x * tf.nn.relu6(x + 3) / 6,
        "L2_NORMALIZATION": lambda x: tf.math.l2_normalize(x, -1),
        "LOG_SOFTMAX": tf.nn.log_softmax,
        "ONE_HOT": lambda x: tf.one_hot([[1, 2]], 4, on_value=x[0, 0, 0, 0]),
        "SPACE_TO_DEPTH": lambda x: tf.nn.space_to_depth(x, 2),
        "SQRT": tf.sqrt,
        "TOPK_V2": lambda x: tf.math.top_k(x, 3)[0],
        # Operators that have integer forms of both kinds: they must be absent from the tables.
        "TANH": tf.tanh,
        "MEAN": lambda x: tf.reduce_mean(x, 1),
    }
    assert calls.keys() | {"RFFT2D"} >= NO_INT16_FORM
    module = tf.Module()
    module.serve = tf.function(
        lambda x: {name.lower(): call(x) for name, call in calls.items()}, autograph=False
    )
    call = module.serve.get_concrete_function(tf.TensorSpec((1, 4, 4, 4), tf.float32, name="x"))
    folder = tmp_path_factory.mktemp("many") / "model"
    tf.saved_model.save(module, str(folder), signatures={"serving_default": call})
    samples = {"x": np.random.default_rng(0).random((4, 4, 4, 4), np.float32) + 0.1}
    memory = CalibrationMemory()

    def build(recipe):
        path = folder.parent / f"{recipe.name}.tflite"
        path.write_bytes(convert(folder, recipe, samples, 1, memory))
        return read_tflite(path)

    return build


@pytest.mark.parametrize(
    ("recipe", "table"), [(INT8, NO_INT8_FORM), (INT16, NO_INT16_FORM)], ids=["int8", "int16x8"]
)
def test_the_tables_are_what_the_converter_leaves_in_float(recipe, table, many_operators):
    file = many_operators(recipe)
    assert set(audit_file(file, recipe).float_op_names) == table


class TestWhy:
    def test_nothing_is_explained_of_a_file_that_was_to_be_float(self):
        one = operator("SIN", [FLOAT], [FLOAT])
        assert float_reasons([one], PRESETS["float32"], TFLITE_CONVERTER) == []

    def test_no_integer_form(self):
        assert why("SIN", INT8) == "TFLiteConverter has no int8 form of it"
        assert why("SQRT", INT16) == "TFLiteConverter has no int16 form of it"

    def test_what_the_file_does_not_tell_is_not_known(self):
        assert why("SQRT", INT8) == f"nothing in the file was quantized; {NOT_KNOWN}"

    def test_neighbours_and_others_of_its_kind_tell_what_they_can(self):
        stored, edge = tensor("int8", scales=1), tensor()
        weights = tensor("int8", constant=True, scales=3)
        file = [
            operator("CONV_2D", [stored, weights], [stored]),
            operator("DEQUANTIZE", [stored], [edge]),
            operator("RELU_N1_TO_1", [edge], [FLOAT]),
            operator("CONV_2D", [FLOAT, tensor(constant=True)], [tensor()]),
            operator("RANK", [tensor()], [tensor()]),
        ]
        found = {r["operator"]: r["reason"] for r in float_reasons(file, INT8, TFLITE_CONVERTER)}
        assert found.keys() == {"RELU_N1_TO_1", "CONV_2D", "RANK"}  # the first conv is integer
        assert "went around it" in found["RELU_N1_TO_1"]
        assert (
            found["CONV_2D"] == f"others of its kind compute on integers in this file; {NOT_KNOWN}"
        )
        assert found["RANK"] == f"it lies among operators left in float; {NOT_KNOWN}"

    def test_whole_numbers_have_no_scale(self):
        assert why("CAST", INT8, WHOLE) == (
            "it turns int32 into float or back, which no scale describes"
        )

    def test_dynamic_range(self):
        large = tensor(shape=(LEAST_WEIGHTS // 8, 8), constant=True)
        small = tensor(shape=(LEAST_WEIGHTS // 8 - 1, 8), constant=True)
        bias = tensor(shape=(4096,), constant=True)
        stored = tensor("int8", constant=True, scales=1)
        assert NOT_KNOWN in why("FULLY_CONNECTED", DYNAMIC, FLOAT, large)
        assert "fewer than 1,024 elements" in why("FULLY_CONNECTED", DYNAMIC, FLOAT, small, bias)
        assert "does not turn constants" in why("MUL", DYNAMIC, FLOAT, bias)
        assert "no weights" in why("SOFTMAX", DYNAMIC)
        hybrid = operator("CONV_2D", [FLOAT, stored], [FLOAT])
        assert float_reasons([hybrid], DYNAMIC, TFLITE_CONVERTER) == []  # as it was asked

    @pytest.mark.parametrize("recipe", [PRESETS["float16"], TFLITE_PRESETS["int8_weight_only"]])
    def test_recipes_about_storage_are_told_in_one_row(self, recipe):
        half = tensor("float16", constant=True)
        file = [
            operator("DEQUANTIZE", [half], [FLOAT]),
            *[operator(name, [FLOAT], [tensor()]) for name in ("CONV_2D", "ADD")],
        ]
        (row,) = float_reasons(file, recipe, LITERT_QUANTIZER)
        assert (row["operator"], row["count"]) == (ALL, 2)
        assert row["reason"].startswith("the recipe changes how weights are stored")

    def test_litert_quantizer_is_asked_what_it_has_rules_for(self):
        asked = {"engine": LITERT_QUANTIZER, "quantizable": {"CONV_2D"}}
        weights = tensor(constant=True)
        assert why("SIN", INT8, **asked) == (
            "litert-quantizer has no rule for it with 8-bit activations"
        )
        assert "16-bit" in why("SIN", INT16, **asked)
        assert NOT_KNOWN in why("CONV_2D", INT8, **asked)
        assert "no rule for its weights" in why("MUL", DYNAMIC, FLOAT, weights, **asked)
        assert NOT_KNOWN in why("CONV_2D", DYNAMIC, FLOAT, weights, **asked)
        assert NOT_KNOWN in why("SIN", INT8, engine=LITERT_QUANTIZER)

    def test_reasons_are_counted_the_commonest_first(self):
        ops = [operator(name, [FLOAT], [tensor()]) for name in ("COS", "SIN", "SIN")]
        assert [
            (r["operator"], r["count"]) for r in float_reasons(ops, INT8, TFLITE_CONVERTER)
        ] == [
            ("SIN", 2),
            ("COS", 1),
        ]


class TestBorders:
    def test_of_ends_that_were_to_be_integers(self):
        stored = tensor("int8", scales=1)
        ends = [operator("QUANTIZE", [tensor()], [stored])]
        (row,) = border_reasons(ends, PRESETS["int8_full"])
        assert row["reason"] == "at an input that is float32, though int8 was asked"

    def test_of_weights_that_are_widened(self):
        weights = tensor("int8", constant=True, scales=1)
        ends = [operator("DEQUANTIZE", [weights], [tensor()])]
        (row,) = border_reasons(ends, INT8)
        assert row["reason"].startswith("it widens stored weights")

    @pytest.mark.parametrize("ends", [[], [operator("QUANTIZE", [], [])]])
    def test_without_borders_or_with_damaged_ones_there_is_nothing_to_tell(self, ends):
        assert border_reasons(ends, INT8) == []

    def test_names_of_a_stranger_are_cut(self):
        made = tensor()
        stranger = operator("N" * 500, [FLOAT], [made])
        border = operator("QUANTIZE", [made], [tensor("int8", scales=1)])
        (row,) = border_reasons([stranger, border], INT8)
        assert len(row["reason"]) < 100


def test_counts_name_flex_operators():
    ops = [Operator("FlexDet", True, (FLOAT,), (FLOAT,))] * 2
    audit = count_operators(ops)
    assert (audit.flex_ops, audit.flex_op_names) == (2, {"FlexDet": 2})
