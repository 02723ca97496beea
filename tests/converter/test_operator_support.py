"""The report on operations holds: it says what the converter then does, of models known to be odd.

The judge is TFLiteConverter itself, asked otherwise than the report's evidence was got: with every
kind of operator allowed, so that the file names what it could not take.
"""

from __future__ import annotations

import numpy as np
import pytest

from converter.converter_refusals import find_refusals
from converter.errors import ConversionError
from converter.graph_nodes import GRAPH_FILE, load_nodes
from converter.operator_evidence import PROBE, TARGETS, Evidence
from converter.operator_fates import (
    BUILTIN,
    CONVERTED,
    CUSTOM,
    EXPECTED,
    FLOAT,
    FOLDED,
    FUSED,
    PROBLEMS,
    SELECT_TF,
    TAKEN,
    UNKNOWN,
    UNSUPPORTED,
)
from converter.operator_support import build_report
from converter.operator_table import format_report
from converter.operator_trace import FileOperator
from converter.tflite_file import read_tflite
from tests.converter import odd_operations

REFUSED = {
    "error_function": ({"Erf"}, set()),
    "arc_cosine": ({"Erf"}, {"Acosh", "Svd"}),
    "text_inside": ({"AsString", "StringLength"}, set()),
    "loop_with_error_function": ({"Erf", "AsString", "StringLength"}, set()),
    "float_kernels_only": (set(), set()),
    "taken_apart": (set(), set()),
}
RECIPES = {target.name: target.recipe for target in TARGETS}


class Frozen:
    """A model frozen as a run does it, and converted in this process when somebody asks."""

    def __init__(self, folder, nodes):
        self.folder, self.nodes, self._known = folder, nodes, {}

    def evidence(self, *names):
        for name in names:
            if name not in self._known:
                self._known[name] = self._convert(name)
        return [self._known[name] for name in names]

    def _convert(self, name):
        from converter.shared_calibration import CalibrationMemory
        from converter.tflite_converter import convert

        samples = {"x": np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)}
        try:
            content = convert(self.folder, RECIPES[name], samples, 1, CalibrationMemory())
        except ConversionError as error:
            refusals = tuple(find_refusals(error.details))
            return Evidence(
                target=name, source=PROBE, converts=False, reason=str(error), refusals=refusals
            )
        path = self.folder / f"{name}.tflite"
        path.write_bytes(content)
        operators = [FileOperator.of(o) for o in read_tflite(path).operators]
        return Evidence(
            target=name, source=PROBE, converts=True, allocates=True, runs=True,
            operators=tuple(operators),
        )

    def report(self, *names):
        return build_report("odd", self.nodes, self.evidence(*names))


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    from converter.float_model import load_float_model
    from converter.freezing import freeze

    folder = tmp_path_factory.mktemp("odd_operations")
    known = {}

    def make(name):
        if name not in known:
            path = getattr(odd_operations, name)(folder)
            work = folder / f"work_{name}"
            work.mkdir()
            model = load_float_model(path, name, "saved_model", work)
            target = folder / f"frozen_{name}"
            freeze(model, {"x": (1, 8)}, target)
            known[name] = Frozen(target, load_nodes(target / GRAPH_FILE))
        return known[name]

    return make


def states(report, target):
    """Return the states of each kind of operation on a target."""
    return {row.op: {fate.state for fate, _ in row.fates[target]} for row in report.rows}


def in_state(report, target, state):
    return {op for op, found in states(report, target).items() if state in found}


def what_the_converter_could_not_take(folder):
    """Return the TensorFlow and the custom operators of a file in which every kind is allowed."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    ops = tf.lite.OpsSet
    converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS, ops.SELECT_TF_OPS]
    converter.allow_custom_ops = True
    path = folder / "everything.tflite"
    path.write_bytes(converter.convert())
    names = {o.name for o in read_tflite(path).operators if o.is_custom}
    flex = {name.removeprefix("Flex") for name in names if name.startswith("Flex")}
    return flex, {name for name in names if not name.startswith("Flex")}


@pytest.mark.parametrize("name", list(REFUSED))
def test_it_names_exactly_what_the_converter_cannot_take(frozen, name):
    model = frozen(name)
    report = model.report("float32", "float32_select_tf")
    flex, custom = what_the_converter_could_not_take(model.folder)
    assert (flex, custom) == REFUSED[name], "the model is not what this test takes it for"
    assert in_state(report, "float32", SELECT_TF) == flex
    assert in_state(report, "float32", CUSTOM) == custom
    assert in_state(report, "float32_select_tf", CUSTOM) == custom
    if not custom:
        assert in_state(report, "float32_select_tf", SELECT_TF) == flex
    assert not in_state(report, "float32", UNKNOWN)


@pytest.mark.parametrize("name", ["error_function", "arc_cosine", "loop_with_error_function"])
def test_what_is_expected_of_another_target_is_what_it_then_does(frozen, name):
    model = frozen(name)
    expected = model.report("float32")
    found = model.report("float32", "int8_full", "int16x8")
    flex, custom = REFUSED[name]
    for target in ("int8_full", "int16x8"):
        for state, kinds in ((SELECT_TF, flex), (CUSTOM, custom)):
            assert in_state(expected, target, state) == kinds
            assert in_state(found, target, state) == kinds
        rows = {row.op: row.fates[target] for row in expected.rows}
        assert {rows[op][0][0].source for op in flex | custom} == {EXPECTED}
        others = {fate.state for op, fates in rows.items() for fate, _ in fates
                  if op not in flex | custom}
        assert others == {UNKNOWN}, "nothing is expected of what was not refused"


@pytest.mark.parametrize("name", ["float_kernels_only", "taken_apart"])
@pytest.mark.parametrize("target", ["int8_full", "int16x8"])
def test_what_stays_float_is_what_the_interpreter_computes_on_floats(frozen, name, target):
    from ai_edge_litert.interpreter import Interpreter

    model = frozen(name)
    report = model.report(target)
    interpreter = Interpreter(str(model.folder / f"{target}.tflite"))
    kinds = {d["index"]: np.dtype(d["dtype"]).kind for d in interpreter.get_tensor_details()}
    floats = {
        op["op_name"]
        for op in interpreter._get_ops_details()
        if op["op_name"] not in {"QUANTIZE", "DEQUANTIZE", "DELEGATE"}
        and any(kinds[int(i)] in "fc" for i in (*op["inputs"], *op["outputs"]) if i >= 0)
    }
    told = {
        name
        for row in report.rows
        for fate, _ in row.fates[target]
        if fate.state == FLOAT
        for name in fate.detail.split(", ")
    }
    assert told == floats
    assert floats, "the model has lost what this test is about"
    assert "MatMul" in in_state(report, target, BUILTIN)


def test_operations_that_are_taken_apart_name_the_operators(frozen):
    report = frozen("taken_apart").report("float32")
    fate, _ = next(row for row in report.rows if row.op == "RFFT").fates["float32"][0]
    assert fate.state == BUILTIN
    assert "RFFT2D" in fate.detail


def test_a_body_of_a_loop_is_told_with_its_layer(frozen):
    report = frozen("loop_with_error_function").report("float32")
    row = next(row for row in report.rows if row.op == "Erf")
    assert row.count == 1
    assert report.rows.index(row) < 3, "problems come first"
    assert {fate.state for fate, _ in row.fates["float32"]} == {SELECT_TF}
    assert "while" in row.places


def test_others_are_not_called_converted_where_nothing_was(frozen):
    report = frozen("error_function").report("float32")
    assert in_state(report, "float32", TAKEN) >= {"Pow", "FloorMod", "MatMul"}
    assert not in_state(report, "float32", CONVERTED)
    assert not in_state(report, "float32", BUILTIN)


def test_a_classifier_is_fused_and_folded_as_its_file_shows(frozen_cnn):
    nodes = load_nodes(frozen_cnn / GRAPH_FILE)
    model = Frozen(frozen_cnn, nodes)
    model._known["float32"] = _as_converted(frozen_cnn)
    report = build_report("cnn", nodes, model.evidence("float32"))
    rows = {row.op: row.fates["float32"] for row in report.rows}
    file = read_tflite(frozen_cnn / "cnn_float32.tflite")
    convolutions = sum(operator.name == "CONV_2D" for operator in file.operators)
    assert sum(n for fate, n in rows["Conv2D"] if fate.state == BUILTIN) == convolutions
    assert {fate.state for fate, _ in rows["BiasAdd"]} == {FUSED}
    assert not report.untried or "float32" not in report.untried
    # As many operators as the file has are told to be somebody's.
    details = [fate.detail for fates in rows.values() for fate, _ in fates]
    told = {name for detail in details for name in detail.split(", ")}
    assert {operator.name for operator in file.operators} <= told
    assert not any(fate.state in PROBLEMS for fates in rows.values() for fate, _ in fates)


def _as_converted(folder):
    from converter.shared_calibration import CalibrationMemory
    from converter.tflite_converter import convert

    path = folder / "cnn_float32.tflite"
    path.write_bytes(convert(folder, RECIPES["float32"], {}, 1, CalibrationMemory()))
    operators = [FileOperator.of(o) for o in read_tflite(path).operators]
    return Evidence(target="float32", source=PROBE, converts=True, allocates=True, runs=True,
                    operators=tuple(operators))


class TestReport:
    def test_a_kernel_that_fails_is_named_by_its_node(self, frozen):
        model = frozen("float_kernels_only")
        (known,) = model.evidence("float32")
        number = next(i for i, o in enumerate(known.operators) if o.name == "CUMSUM")
        reason = f"float32: LiteRT cannot prepare the file (Node number {number} (CUMSUM) failed)."
        broken = Evidence(target="float32", source=PROBE, converts=True, allocates=False,
                          runs=False, reason=reason, operators=known.operators)
        report = build_report("odd", model.nodes, [broken])
        assert in_state(report, "float32", UNSUPPORTED) == {"Cumsum"}
        other = Evidence(target="float32", source=PROBE, converts=True, allocates=False, runs=False,
                         reason=reason.replace("CUMSUM", "ADD"), operators=known.operators)
        assert not in_state(build_report("odd", model.nodes, [other]), "float32", UNSUPPORTED)

    def test_nothing_is_told_of_what_was_not_tried(self, frozen):
        report = build_report("odd", frozen("error_function").nodes, [])
        assert len(report.untried) == len(TARGETS)
        assert all(fate.state == UNKNOWN for row in report.rows
                   for fates in row.fates.values() for fate, _ in fates)
        assert not any(row.way for row in report.rows)

    def test_a_crash_blames_no_operation(self, frozen):
        crash = Evidence(target="int8", source=PROBE, converts=False, reason="it crashed.",
                         advice="Unroll it.")
        report = build_report("odd", frozen("float_kernels_only").nodes, [crash])
        assert set().union(*states(report, "int8").values()) == {UNKNOWN}
        assert next(t for t in report.targets if t.name == "int8").way == "Unroll it."

    def test_the_way_round_is_one_that_was_seen(self, frozen):
        model = frozen("error_function")
        blind = {r.op: r.way for r in model.report("float32").rows}
        seen = {r.op: r.way for r in model.report("float32", "float32_select_tf").rows}
        assert "should take it (probe it)" in blind["Erf"]
        assert "float32_select_tf takes it" in seen["Erf"]
        assert not blind["Pow"]
        custom = {r.op: r.way for r in frozen("arc_cosine").report("float32").rows}
        assert "Select TF does not know it" in custom["Acosh"]

    def test_float_on_an_integer_target_is_held_against_targets_that_run(self, frozen):
        report = frozen("float_kernels_only").report("float32", "int8_full")
        row = next(row for row in report.rows if row.op == "Cumsum")
        assert row.way.startswith("int8_full can be run here with it in float")

    def test_it_survives_json_and_is_printed_whole(self, frozen):
        report = frozen("arc_cosine").report("float32", "float32_select_tf")
        values = report.to_json()
        assert [t["name"] for t in values["targets"]] == [target.name for target in TARGETS]
        svd = next(o for o in values["operations"] if o["op"] == "Svd")
        assert svd["targets"]["float32"][0]["state"] == CUSTOM
        text = format_report(report)
        assert "Acosh" in text
        assert "does not convert (probe)" in text
        assert "As for float32." not in text  # the two refuse different operations

    def test_an_empty_graph_is_an_empty_report(self):
        assert build_report("none", [], []).rows == ()
        assert "operation" in format_report(build_report("none", [], []))

    def test_constants_are_folded_and_random_numbers_are_not(self):
        from converter.graph_nodes import GraphNode

        nodes = [
            GraphNode("shape", "Const"),
            GraphNode("dice", "RandomUniform", ("shape",), is_stateful=True),
            GraphNode("half", "Mul", ("shape", "shape")),
            GraphNode("x", "Placeholder"),
            GraphNode("size", "Shape", ("x",)),
            GraphNode("round", "Mul", ("size", "half")),
            GraphNode("a", "Abs", ("b",)),
            GraphNode("b", "Neg", ("a",)),  # a cycle, as TensorFlow 1's loops have
        ]
        known = Evidence(target="float32", source=PROBE, converts=True, operators=())
        report = build_report("made up", nodes, [known])
        assert in_state(report, "float32", FOLDED) == {"Mul", "Shape"}
        assert in_state(report, "float32", CONVERTED) == {"RandomUniform", "Abs", "Neg"}
