"""The planner worked out from a file: by hand, by its rules, and against LiteRT's own addresses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given
from hypothesis import strategies as st

from converter.arena_memory import ArenaMemory
from converter.arena_plan import (
    ALIGNMENT,
    PlannedTensor,
    high_water_mark,
    place_tensors,
    plan_arena,
    planned_tensors,
)
from converter.comparison import Comparison
from converter.op_cut import OperatorGraph
from converter.pipeline import run_comparison
from converter.recipe import find_recipes
from converter.request import RunRequest
from converter.sample_models import list_samples
from converter.tensor_lifetimes import find_lifetimes
from tests.converter import example_tflites as examples

SLACK_BYTES, NOTES_BYTES = 4096, 1024
"""Of a call, and of each operator: what is noted beside the arena."""


def tensor(index, size, first, last):
    return PlannedTensor(index=index, size_bytes=size, first=first, last=last)


def test_a_plan_worked_out_by_hand():
    tensors = [
        tensor(0, 100, 0, None),  # the input, kept: at 0
        tensor(1, 300, 0, 1),  # the largest: after the input, at 128
        tensor(2, 200, 1, 2),  # beside 1: after it, at 448
        tensor(3, 250, 2, 3),  # 1 is gone: in its place, at 128
        tensor(4, 10, 3, None),  # beside 3 alone: after it, at 384
        tensor(5, 0, 0, None),  # nothing to place
    ]
    assert place_tensors(tensors) == {0: 0, 1: 128, 2: 448, 3: 128, 4: 384}
    assert high_water_mark(tensors) == 448 + 200
    assert place_tensors([]) == {}
    assert high_water_mark([]) == 0


def test_the_smallest_gap_that_fits_is_taken():
    # Always there: 0..1000, a gap of 192 where 7 is gone, 1216.., a gap of 64, then the end.
    tensors = [
        tensor(0, 1024, 0, None),
        tensor(1, 512, 0, 1), tensor(2, 448, 0, 9), tensor(3, 64, 2, 9), tensor(4, 60, 3, 9),
    ]  # fmt: skip
    places = place_tensors(tensors)
    assert places[3] == 1024  # where 1 was
    assert places[4] == 1024 + 64


lives = st.tuples(st.integers(0, 500), st.integers(0, 12), st.integers(0, 12), st.booleans())


@given(st.lists(lives, max_size=25))
def test_no_two_that_live_together_share_a_byte(drawn):
    tensors = [
        tensor(i, size, min(a, b), None if kept else max(a, b))
        for i, (size, a, b, kept) in enumerate(drawn)
    ]
    places = place_tensors(tensors)
    for one in tensors:
        assert (one.index in places) == (one.size_bytes > 0)
        for other in tensors:
            if one.index >= other.index or not (one.size_bytes and other.size_bytes):
                continue
            ends = [math.inf if t.last is None else t.last for t in (one, other)]
            if one.first <= ends[1] and other.first <= ends[0]:
                a, b = places[one.index], places[other.index]
                assert a + one.size_bytes <= b or b + other.size_bytes <= a
    assert all(offset % ALIGNMENT == 0 for offset in places.values())
    last = {t.index: math.inf if t.last is None else t.last for t in tensors}
    live = [
        sum(t.size_bytes for t in tensors if t.first <= n <= last[t.index]) for n in range(13)
    ]
    assert max(live) <= high_water_mark(tensors) <= sum(t.size_bytes + 63 for t in tensors)


def open_builtin(content):
    interpreter = Interpreter(
        model_content=content, num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )  # fmt: skip
    named = interpreter._interpreter.NumTensors(0)
    interpreter.allocate_tensors()
    return interpreter, named


def addresses(interpreter):
    """Return each tensor's address and bytes by index; NumPy copies a single number out: None."""
    found = {}
    for detail in interpreter.get_tensor_details():
        try:
            values = np.asarray(interpreter.tensor(detail["index"])())
        except ValueError:  # without memory
            continue
        place = values.__array_interface__["data"][0] if values.ndim else None
        found[detail["index"]] = (place, values.nbytes)
    return found


def scratch_of(graph, operator):
    """Return address and bytes of each scratch tensor of an operator, cut out alone."""
    if operator.reason is not None:
        return []
    interpreter, named = open_builtin(graph.cut(operator, {}))
    return [found for index, found in addresses(interpreter).items() if index >= named]


def check_against_litert(path: Path):
    """Hold every place of the plan, with the kernels' scratch, against LiteRT's own."""
    graph = OperatorGraph(path)
    own, scratch, hidden = planned_tensors(graph), [], set()
    for operator in graph.operators:
        for place, size in scratch_of(graph, operator):
            scratch.append(tensor(10_000 + len(scratch), size, operator.number, operator.number))
            hidden |= {scratch[-1].index} if place is None else set()
    hidden |= {t.index for t in own if not graph.tensors[t.index].shape}
    interpreter, named = open_builtin(path.read_bytes())
    real = addresses(interpreter)
    places = place_tensors([*own, *scratch])
    mine = sorted(
        (places[t.index], t.size_bytes) for t in (*own, *scratch)
        if t.index in places and t.index not in hidden
    )  # fmt: skip
    wanted = {t.index for t in own if t.size_bytes} - hidden
    theirs = sorted(
        found for index, found in real.items()
        if (index in wanted or index >= named) and found[0] is not None
    )  # fmt: skip
    assert len(mine) >= 3
    # Of two of one size that begin together either may be the first: places count, not names.
    base = theirs[0][0] - mine[0][0]
    assert mine == [(place - base, size) for place, size in theirs]
    return high_water_mark([*own, *scratch])


@pytest.mark.parametrize("write", [examples.write_classifier, examples.write_two_by_two])
def test_every_offset_is_litert_s_own_for_a_file_without_scratch(write, tmp_path):
    path = write(tmp_path / "net.tflite")
    assert check_against_litert(path) == plan_arena(OperatorGraph(path)).activation_bytes


OPERATIONS = {
    "reshape": lambda x: tf.reshape(x, [8, 2, 12]),
    "squeeze": lambda x: tf.squeeze(x, 0),
    "expand_dims": lambda x: tf.expand_dims(x, 1),
    "add": lambda x: x + 3.0,
    "add itself": lambda x: x + x,
    "subtract from": lambda x: 3.0 - x,
    "multiply": lambda x: x * tf.constant(np.arange(12, dtype=np.float32)),
    "divide": lambda x: x / (tf.abs(x) + 1),
    "softmax": tf.nn.softmax,
    "relu": tf.nn.relu,
    "tanh": tf.tanh,
    "sigmoid": tf.sigmoid,
    "exp": tf.exp,
    "maximum": lambda x: tf.maximum(x, 0.5),
    "pad": lambda x: tf.pad(x, [[0, 0], [1, 1], [0, 0]]),
    "concatenate": lambda x: tf.concat([x, tf.sin(x)], 1),
    "used twice": lambda x: tf.reshape(x, [1, 192]) + tf.reshape(tf.cos(x), [1, 192]),
    "reshape, read before and after": lambda x: tf.concat(
        [tf.reshape(x, [1, 192]), tf.reshape(tf.cos(x), [1, 192])], 1),
    "mean": lambda x: tf.reduce_mean(x, 1),
    "chain": lambda x: tf.nn.softmax(tf.reshape(tf.expand_dims(x + 1.0, 0), [16, 12])) * 2.0,
    "residual": lambda x: tf.sin(tf.cos(x) + 1.0) + x,
}


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_places_are_shared_as_litert_shares_them(name, tmp_path):
    operation = OPERATIONS[name]

    @tf.function(input_signature=[tf.TensorSpec([1, 16, 12])])
    def whole(x):
        return tf.abs(operation(tf.sin(x)))

    path = tmp_path / "net.tflite"
    function = whole.get_concrete_function()
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())
    check_against_litert(path)


QUANTIZED = ["float32", "float16", "dynamic_range", "int8", "int16x8"]
SAMPLES = {
    "digits_cnn": QUANTIZED, "digits_mobilenet": QUANTIZED, "wine_two_inputs": QUANTIZED,
    "cancer_mlp": QUANTIZED, "sunspots_lstm": ["float32", "float16", "int8"],
}  # fmt: skip


@pytest.fixture(scope="module", params=list(SAMPLES))
def sample_run(request, tmp_path_factory):
    """Return a run of a sample model and its folder."""
    folder = tmp_path_factory.mktemp("run")
    sample = next(s for s in list_samples() if s.name == request.param)
    run_comparison(RunRequest(
        model_path=sample.model_path, model_name=sample.model_path.name,
        data_path=sample.data_path, data_name=sample.data_path.name,
        recipes=tuple(find_recipes(SAMPLES[request.param])),
        runs=1, samples=4, calibration_samples=4,
    ), folder / "out")  # fmt: skip
    comparison = Comparison.load(folder / "out" / "comparison.json")
    assert [v.recipe for v in comparison.usable] == SAMPLES[request.param]
    return comparison, folder / "out"


def test_of_sample_models_plan_and_measurement_agree(sample_run):
    comparison, folder = sample_run
    for variant in comparison.usable:
        path = folder / variant.file
        graph = OperatorGraph(path)
        plan, arena = plan_arena(graph), variant.arena
        bound = find_lifetimes(graph).peak_bytes
        assert bound - plan.kept_bytes <= plan.activation_bytes <= plan.total_bytes
        least = most = plan.total_bytes
        if variant.recipe == "dynamic_range":  # some of its scratch is kept, which no file tells
            most += arena.scratch_bytes
        elif len(graph.operators) < 100:
            least = most = check_against_litert(path) + plan.kept_bytes
        else:  # hundreds of one size, of which any may come first
            least, most = 0.95 * least, 1.05 * most
        notes = SLACK_BYTES + NOTES_BYTES * len(graph.operators)
        assert least <= arena.builtin_bytes <= most + notes, variant.recipe
        assert arena.own_shapes
        assert arena.default_bytes > 0
        assert arena.first_run_bytes >= 0
        assert (arena.scratch_bytes > 0) == (arena.scratch_tensors > 0)
        assert ArenaMemory.from_json(vars(arena)) == arena


def test_what_xnnpack_packs_is_seen(sample_run):
    """It copies the weights of convolutions and matrices into its own order."""
    comparison, _ = sample_run
    found = comparison.variant("float32")
    assert found.arena.default_bytes > comparison.model.parameter_bytes
    assert found.arena.builtin_bytes < found.arena.default_bytes
