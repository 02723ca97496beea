"""Every byte of a `.tflite` has a layer and a kind, and the sums are the file's."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from converter.errors import ModelFileError
from converter.recipe import PRESETS, TFLITE_PRESETS
from converter.requantizer import Requantizer
from converter.signature import Signature
from converter.size_anatomy import (
    BIASES,
    GRAPH,
    KINDS,
    LEFT_FLOAT,
    METADATA,
    OTHER_LAYERS,
    PADDING,
    SCALES,
    UNKNOWN,
    WEIGHTS,
    WHOLE_FILE,
    LayerBytes,
    SizeAnatomy,
    collect,
)
from converter.tflite_file import parse_model, read_tflite
from converter.tflite_size_anatomy import read_size_anatomy
from tests.converter.example_tflites import (
    File,
    Op,
    Options,
    features,
    write_classifier,
    write_custom,
    write_lookup,
    write_strings,
    write_two_by_two,
    write_two_signatures,
)

WRITERS = (write_classifier, write_two_by_two, write_two_signatures, write_custom, write_strings,
           write_lookup)  # fmt: skip
HIDDEN, LOGITS = 8 * 64, 64 * 3


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return write_classifier(tmp_path_factory.mktemp("size") / "net.tflite")


@pytest.fixture(scope="module")
def requantized(classifier):
    """The classifier by each recipe of litert-quantizer's."""
    file = read_tflite(classifier)
    worker = Requantizer(classifier, Signature(file.inputs, file.outputs), file.signature)
    files = {}
    for name, recipe in TFLITE_PRESETS.items():
        files[name] = classifier.with_name(f"{name}.tflite")
        files[name].write_bytes(worker.quantize(recipe, {"features": features(20)}))
    return files


@pytest.fixture(scope="module")
def converted(frozen_cnn, tmp_path_factory):
    """The convolutional classifier by each of TFLiteConverter's recipes."""
    from converter.shared_calibration import CalibrationMemory
    from converter.tflite_converter import convert

    folder, memory = tmp_path_factory.mktemp("converted"), CalibrationMemory()
    samples = {"image": np.random.default_rng(1).random((4, 8, 8, 1)).astype(np.float32)}
    files = {}
    for name, recipe in PRESETS.items():
        files[name] = folder / f"{name}.tflite"
        files[name].write_bytes(convert(frozen_cnn, recipe, samples, 1, memory))
    return files


def layer_bytes(anatomy, layer, kind):
    return sum(p.size_bytes for p in anatomy.parts if (p.layer, p.kind) == (layer, kind))


HEAVY = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MUL", "ADD")


def values_by_role(path):
    """Return the buffers of what stands second in an operator and third, by the schema alone."""
    model = parse_model(path)
    graph = model.subgraphs[0]
    codes = {int(getattr(schema.BuiltinOperator, name)) for name in HEAVY}
    data = {i: len(b.data) for i, b in enumerate(model.buffers) if b.data is not None}
    source = {
        int(op.outputs[0]): int(op.inputs[0])
        for op in graph.operators
        if len(op.inputs) == 1 and graph.tensors[op.inputs[0]].buffer in data
    }
    roles = ({}, {})
    for op in graph.operators:
        if model.operatorCodes[op.opcodeIndex].builtinCode in codes:
            for slot, index in enumerate(op.inputs[1:3]):
                tensor = graph.tensors[source.get(int(index), int(index))]
                if tensor.buffer in data:  # equal values may lie in one buffer: counted once
                    roles[slot][tensor.buffer] = (data[tensor.buffer], tensor.type)
    return roles


def total(buffers):
    return sum(size for size, _ in buffers.values())


@pytest.mark.parametrize("write", WRITERS)
def test_the_parts_of_a_file_sum_to_it_exactly(write, tmp_path):
    path = write(tmp_path / "model.tflite")
    anatomy = read_size_anatomy(path)
    assert anatomy.size_bytes == path.stat().st_size
    assert sum(part.size_bytes for part in anatomy.parts) == path.stat().st_size
    assert all(part.kind in KINDS for part in anatomy.parts)
    assert anatomy.kind_bytes(UNKNOWN) == 0


def test_a_small_model_as_worked_out_by_hand(classifier):
    anatomy = read_size_anatomy(classifier)
    assert layer_bytes(anatomy, "hidden", WEIGHTS) == 4 * HIDDEN
    assert layer_bytes(anatomy, "hidden", BIASES) == 4 * 64
    assert layer_bytes(anatomy, "logits", WEIGHTS) == 4 * LOGITS
    assert layer_bytes(anatomy, "logits", BIASES) == 4 * 3
    assert anatomy.kind_bytes(WEIGHTS, BIASES) == 4 * (HIDDEN + 64 + LOGITS + 3)
    assert anatomy.float32_bytes(WEIGHTS, BIASES) == anatomy.kind_bytes(WEIGHTS, BIASES)
    assert anatomy.kind_bytes(SCALES, LEFT_FLOAT, METADATA) == 0
    # The names alone: a length, the text and a zero for each of eight tensors.
    names = [t.name for t in parse_model(classifier).subgraphs[0].tensors]
    assert anatomy.kind_bytes(GRAPH) > sum(5 + len(name) for name in names)
    assert {part.layer for part in anatomy.parts} == {
        WHOLE_FILE, "serving_default_features:0", "hidden", "logits", "PartitionedCall:0"
    }  # fmt: skip
    assert anatomy.layers == 4


# Of the two weights and two biases: bytes for a value, and of the bias where it is stored anew.
@pytest.mark.parametrize(
    ("name", "weight_bits", "bias_bytes"),
    [("dynamic_range", 8, 4), ("float16", 16, 4), ("int8", 8, 4), ("int16x8", 8, 8),
     ("int4_weight_only", 4, 4), ("int8x4", 4, 4)],
)  # fmt: skip
def test_requantized_weights_take_what_their_type_says(requantized, name, weight_bits, bias_bytes):
    path = requantized[name]
    anatomy = read_size_anatomy(path)
    assert anatomy.size_bytes == path.stat().st_size
    weights = anatomy.kind_bytes(WEIGHTS)
    # What is below the quantizer's threshold is left in float.
    left = anatomy.kind_bytes(LEFT_FLOAT)
    assert left in {0, 4 * LOGITS, 4 * HIDDEN}
    assert weights == (HIDDEN + LOGITS - left // 4) * weight_bits // 8
    assert anatomy.kind_bytes(BIASES) == 67 * bias_bytes
    assert anatomy.float32_bytes(WEIGHTS, LEFT_FLOAT) == 4 * (HIDDEN + LOGITS)
    assert anatomy.float32_bytes(BIASES) == 4 * 67
    assert (anatomy.kind_bytes(SCALES) > 0) == (name != "float16")


@pytest.mark.parametrize("name", PRESETS)
def test_converted_files_sum_exactly_and_have_the_weights_that_the_schema_reads(converted, name):
    anatomy = read_size_anatomy(converted[name])
    assert anatomy.size_bytes == converted[name].stat().st_size
    assert anatomy.kind_bytes(UNKNOWN) == 0
    weights, biases = values_by_role(converted[name])
    assert anatomy.kind_bytes(WEIGHTS, LEFT_FLOAT) == total(weights)
    assert anatomy.kind_bytes(BIASES) == total(biases)
    assert anatomy.kind_bytes(METADATA) > 0
    # The same parameters in every file, whatever they are stored as.
    as_float = [read_size_anatomy(p).float32_bytes(WEIGHTS, BIASES, LEFT_FLOAT)
                for p in (converted[name], converted["float32"])]  # fmt: skip
    assert as_float[0] == as_float[1] == sum(map(total, values_by_role(converted["float32"])))


def test_what_dynamic_range_leaves_in_float_is_told_apart(converted):
    anatomy = read_size_anatomy(converted["dynamic_range"])
    weights, _ = values_by_role(converted["dynamic_range"])
    small = {i: found for i, found in weights.items() if found[1] == schema.TensorType.FLOAT32}
    assert 0 < len(small) < len(weights)
    assert anatomy.kind_bytes(LEFT_FLOAT) == total(small)


def test_unpacked_weights_belong_to_the_layer_that_computes_with_them(requantized):
    anatomy = read_size_anatomy(requantized["float16"])
    assert layer_bytes(anatomy, "hidden", WEIGHTS) == 2 * HIDDEN
    assert layer_bytes(anatomy, "logits", WEIGHTS) == 2 * LOGITS
    # What DEQUANTIZE gives is a table of the file, in the layer that it unpacks for.
    assert {p.layer for p in anatomy.parts} == {
        WHOLE_FILE, "serving_default_features:0", "hidden", "logits", "PartitionedCall:0"
    }  # fmt: skip


def test_scales_are_counted_with_their_zero_points_and_tables(requantized):
    path = requantized["int8"]
    graph = parse_model(path).subgraphs[0]
    vectors = sum(
        4 + 4 * len(q.scale) + 4 + 8 * len(q.zeroPoint)
        for q in (tensor.quantization for tensor in graph.tensors)
        if q is not None and q.scale is not None
    )
    scales = read_size_anatomy(path).kind_bytes(SCALES)
    assert vectors <= scales <= vectors + 40 * len(graph.tensors)


def test_whole_numbers_that_steer_an_operator_are_part_of_the_graph(tmp_path):
    anatomy = read_size_anatomy(write_lookup(tmp_path / "lookup.tflite"))
    # The table (10 x 4) and the dense layer (4 x 4) are weights, the axis of MEAN is not.
    assert anatomy.kind_bytes(WEIGHTS) == 4 * (40 + 16)
    assert layer_bytes(anatomy, "found", WEIGHTS) == 160
    assert anatomy.kind_bytes(BIASES) == 16


def test_layers_of_two_subgraphs_stay_apart(tmp_path):
    anatomy = read_size_anatomy(write_two_signatures(tmp_path / "two.tflite"))
    assert layer_bytes(anatomy, "hidden", WEIGHTS) == 4 * HIDDEN
    assert layer_bytes(anatomy, "hidden (subgraph 1)", WEIGHTS) == 4 * HIDDEN


def test_values_that_two_tensors_share_count_once(tmp_path):
    file = File()
    graph = file.graph()
    x = graph.tensor("x", (1, 4))
    y, z = graph.tensor("y", (1, 4)), graph.tensor("z", (1, 4))
    one = graph.constant("one", np.ones((1, 4), np.float32))
    two = graph.tensor("two", (1, 4))
    graph.table.tensors[two].buffer = graph.table.tensors[one].buffer
    for source, weight, result in ((x, one, y), (y, two, z)):
        options = schema.AddOptionsT()
        graph.operator(Op.ADD, [source, weight], [result], Options.AddOptions, options)
    file.add(graph, {"x": x}, {"z": z})
    path = file.write(tmp_path / "shared.tflite")
    anatomy = read_size_anatomy(path)
    assert anatomy.kind_bytes(WEIGHTS) == anatomy.float32_bytes(WEIGHTS) == 16
    assert anatomy.size_bytes == path.stat().st_size


def test_padding_and_what_nothing_leads_to_have_their_own_kinds(classifier, tmp_path):
    path = tmp_path / "longer.tflite"
    path.write_bytes(classifier.read_bytes() + bytes(12))
    before = read_size_anatomy(classifier)
    assert read_size_anatomy(path).kind_bytes(PADDING) == before.kind_bytes(PADDING) + 12
    path.write_bytes(classifier.read_bytes() + b"who put this here")
    assert read_size_anatomy(path).kind_bytes(UNKNOWN) == 17


def test_a_shape_that_the_bytes_do_not_bear_out_is_not_believed(tmp_path):
    file = File()
    graph = file.graph()
    x, y = graph.tensor("x", (1, 4)), graph.tensor("y", (1, 4))
    liar = graph.constant("liar", np.ones((1, 4), np.float32))
    graph.table.tensors[liar].shape = [2**31 - 1] * 8
    graph.operator(Op.ADD, [x, liar], [y], Options.AddOptions, schema.AddOptionsT())
    file.add(graph, {"x": x}, {"y": y})
    assert read_size_anatomy(file.write(tmp_path / "liar.tflite")).float32_bytes(WEIGHTS) == 16


@pytest.mark.parametrize("name", [b"", b"<b>x</b>", b"\xff\xfe", b"n" * 5000], ids=repr)
def test_any_name_survives_the_way_to_the_web_process(name, tmp_path):
    file = File()
    graph = file.graph()
    x, y = graph.tensor("x", (1, 4)), graph.tensor(name, (1, 4))
    weights = graph.constant("w", np.ones((1, 4), np.float32))
    graph.operator(Op.ADD, [x, weights], [y], Options.AddOptions, schema.AddOptionsT())
    file.add(graph, {"x": x}, {"y": y})
    path = file.write(tmp_path / "named.tflite")
    anatomy = read_size_anatomy(path)
    assert SizeAnatomy.from_json(anatomy.to_json()) == anatomy
    (layer,) = {part.layer for part in anatomy.parts if part.kind == WEIGHTS}
    assert 0 < len(layer) <= 1000


@pytest.mark.parametrize("keep", [0, 8, 40, 200, -1])
def test_a_file_cut_short_is_refused_by_name(classifier, keep, tmp_path):
    path = tmp_path / "short.tflite"
    path.write_bytes(classifier.read_bytes()[:keep])
    with pytest.raises(ModelFileError, match=r"short\.tflite: expected"):
        read_size_anatomy(path)


@given(places=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6))
def test_damaged_bytes_are_refused_or_sum_to_the_file(places, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "damaged_size.tflite"
    content = bytearray(write_two_signatures(path).read_bytes())
    for place, value in places:
        content[place % len(content)] = value
    path.write_bytes(content)
    with contextlib.suppress(ModelFileError):  # any other error fails
        anatomy = read_size_anatomy(path)
        assert sum(part.size_bytes for part in anatomy.parts) == len(content)


cells = st.builds(
    LayerBytes,
    st.sampled_from([WHOLE_FILE, *"abcdefgh"]),
    st.sampled_from(KINDS),
    st.integers(0, 10_000),
    st.integers(0, 40_000),
)


@given(found=st.lists(cells, max_size=40), most=st.integers(1, 9))
def test_collecting_keeps_every_byte_and_the_largest_layers(found, most):
    anatomy = collect(found, most)
    for kind in KINDS:
        of_kind = [cell for cell in found if cell.kind == kind]
        assert anatomy.kind_bytes(kind) == sum(cell.size_bytes for cell in of_kind)
        assert anatomy.float32_bytes(kind) == sum(cell.float32_bytes for cell in of_kind)
    named = {cell.layer for cell in found} - {WHOLE_FILE}
    assert anatomy.layers == len(named)
    shown = {part.layer for part in anatomy.parts} - {WHOLE_FILE, OTHER_LAYERS}
    assert len(shown) <= most
    sizes = {name: sum(c.size_bytes for c in found if c.layer == name) for name in named}
    left_out = [sizes[name] for name in named - shown]
    kept = [sizes[name] for name in shown]
    assert not left_out or not kept or len(named) <= most or min(kept) >= min(left_out)
    assert SizeAnatomy.from_json(anatomy.to_json()) == anatomy


@pytest.mark.parametrize(
    "change",
    [{"size_bytes": 1}, {"parts": [[0, "weights", -1, 0]]}, {"parts": [[0, "gold", 1, 0]]},
     {"parts": [[9, "weights", 1, 0]]}, {"parts": None}, {"names": 3}],
    ids=str,
)  # fmt: skip
def test_an_answer_that_does_not_sum_is_refused(classifier, change):
    with pytest.raises(ValueError, match=r"it has another form|do not sum"):
        SizeAnatomy.from_json({**read_size_anatomy(classifier).to_json(), **change})
