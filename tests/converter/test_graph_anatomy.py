"""Ranges of protobufs against what protobuf itself reads; variables against TensorFlow's reader."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.graph_anatomy import frozen_graph_pieces, saved_model_pieces
from converter.proto_ranges import read_fields
from converter.saved_model_file import parse_saved_model
from converter.variable_bundle import (
    OBJECT_GRAPH,
    BundleEntry,
    read_bundle_index,
    read_full_names,
)


def test_functions_and_nodes_lie_where_protobuf_writes_them(saved_model_folder):
    content = (saved_model_folder / "saved_model.pb").read_bytes()
    (graph,) = parse_saved_model("model", content).meta_graphs
    pieces = saved_model_pieces(content)
    functions = {p.path[-1]: p for p in pieces if p.path[0] == "functions"}
    written = {f.signature.name: f for f in graph.graph_def.library.function}
    assert set(functions) == set(written)
    for name, piece in functions.items():
        (field,) = read_fields(content, piece.start, piece.end)
        there = content[field.inside : field.end]
        assert type(written[name]).FromString(there) == written[name]
        assert piece.detail == f"{len(written[name].node_def):,} nodes"
    nodes = [p for p in pieces if p.path == ("main graph",)]
    assert len(nodes) == len(graph.graph_def.node)
    signatures = [p for p in pieces if p.path == ("signatures",)]
    assert len(signatures) == len(graph.signature_def)
    places = sorted((p.start, p.end) for p in pieces)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(places))


def test_a_frozen_graph_s_constants_hold_their_values(frozen_graph_file):
    content = frozen_graph_file.read_bytes()
    constants = {p.path[-1]: p for p in frozen_graph_pieces(content) if p.path[0] == "constants"}
    sizes = sorted(piece.end - piece.start for piece in constants.values())
    assert sizes[-1] > 4 * 3 * 4  # the weights, 4 x 3 of float32, with dtype and shape
    kinds = {p.path[-1] for p in frozen_graph_pieces(content) if p.path[0] == "operations"}
    assert {"MatMul", "Softmax", "Sum", "Placeholder"} <= kinds


@pytest.mark.parametrize("folder", ["saved_model_folder", "keras2_saved_model"])
def test_the_index_lists_what_tensorflow_s_reader_lists(folder, request):
    import tensorflow as tf

    path = request.getfixturevalue(folder) / "variables"
    entries = read_bundle_index((path / "variables.index").read_bytes())
    wanted = tf.train.list_variables(str(path / "variables"))
    assert [(e.key, list(e.shape)) for e in entries] == [(key, shape) for key, shape in wanted]
    data = (path / "variables.data-00000-of-00001").read_bytes()
    reader = tf.train.load_checkpoint(str(path / "variables"))
    for entry in entries:
        if entry.key != OBJECT_GRAPH:
            assert data[entry.start : entry.end] == reader.get_tensor(entry.key).tobytes()
    (graph,) = [entry for entry in entries if entry.key == OBJECT_GRAPH]
    names = read_full_names(data[graph.start : graph.end])
    assert any("kernel" in name for name in names.values())
    assert set(names) <= {entry.key for entry in entries}


@pytest.mark.parametrize(
    ("key", "optimizer", "counter"),
    [
        ("layer/kernel/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE", True, False),
        ("optimizer/_variables/1/.ATTRIBUTES/VARIABLE_VALUE", True, False),
        ("keras_api/metrics/0/total/.ATTRIBUTES/VARIABLE_VALUE", False, True),
        ("save_counter/.ATTRIBUTES/VARIABLE_VALUE", False, True),
        ("my_optimizer/kernel/.ATTRIBUTES/VARIABLE_VALUE", False, False),
        ("dense/kernel", False, False),
    ],
)
def test_what_a_variable_is_for_is_told_by_its_place(key, optimizer, counter):
    entry = BundleEntry(key, 0, 0, 4, "float32", (1,))
    assert (entry.is_optimizer, entry.is_counter) == (optimizer, counter)


@given(content=st.binary(max_size=200))
def test_bytes_that_are_no_message_end_in_one_kind_of_error(content):
    for read in (lambda: list(read_fields(content)), lambda: read_bundle_index(content)):
        try:
            read()
        except ValueError:
            continue
    assert isinstance(saved_model_pieces(content), list)
    assert isinstance(frozen_graph_pieces(content), list)
    assert isinstance(read_full_names(content), dict)


@pytest.mark.parametrize("keep", [0, 40, 60, -1])
def test_an_index_cut_short_is_refused(saved_model_folder, keep):
    content = (saved_model_folder / "variables/variables.index").read_bytes()[:keep]
    with pytest.raises(ValueError, match=r"index|block|entry|number"):
        read_bundle_index(content)


def test_an_index_whose_blocks_lie_outside_is_refused():
    footer = b"\xff\xff\x03\x10" * 2 + bytes(32) + struct.pack("<Q", 0xDB4775248B80FB57)
    with pytest.raises(ValueError, match="outside"):
        read_bundle_index(footer)
