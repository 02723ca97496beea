"""Pieces become a tree whose bytes sum to the file, whatever they claim; deflated ones too."""

from __future__ import annotations

import itertools
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.anatomy import CONTAINER, GRAPH, WEIGHTS
from converter.byte_pieces import Piece, build_tree, measure_deflated

REST = Piece(("rest",), CONTAINER, 0, 0, "between")
NAMES = st.sampled_from(["a", "b", "rest", ""])


def deflate(content):
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def by_name(node):
    return {child.name: child for child in node.children}


def test_pieces_of_one_path_are_one_part_and_gaps_are_the_rest():
    tree = build_tree("file", [
        Piece(("graph", "nodes"), GRAPH, 40, 50, "1 node", "nodes"),
        Piece(("graph", "nodes"), GRAPH, 10, 20, "1 node", "nodes"),
        Piece(("weights",), WEIGHTS, 50, 90, "float32 [10]"),
    ], 100, rest=REST)  # fmt: skip
    parts = by_name(tree)
    assert {name: part.size_bytes for name, part in parts.items()} == {
        "rest": 40, "graph": 20, "weights": 40,
    }  # fmt: skip
    (nodes,) = parts["graph"].children
    assert (nodes.detail, nodes.role) == ("2 nodes", GRAPH)
    assert (parts["weights"].detail, parts["rest"].detail) == ("float32 [10]", "between")


def test_bytes_that_two_claim_are_the_first_one_s():
    tree = build_tree("file", [Piece(("a",), WEIGHTS, 0, 60), Piece(("b",), WEIGHTS, 40, 80)], 70,
                      rest=REST)  # fmt: skip
    assert {name: part.size_bytes for name, part in by_name(tree).items()} == {"a": 60, "b": 10}


@given(
    pieces=st.lists(st.builds(
        lambda path, start, length: Piece(tuple(path), WEIGHTS, start, start + length),
        st.lists(NAMES, min_size=1, max_size=3), st.integers(0, 300), st.integers(-20, 300),
    ), max_size=12),
    size=st.integers(0, 400),
)  # fmt: skip
def test_whatever_is_claimed_the_tree_sums_to_the_file(pieces, size):
    tree = build_tree("file", pieces, size, rest=REST)
    assert tree.size_bytes == size
    for _, node in tree.walk():
        assert node.size_bytes >= 0
        if node.children:
            assert node.size_bytes == sum(child.size_bytes for child in node.children)


def test_a_deflated_part_has_the_bytes_that_were_read_for_it():
    noise = np.random.default_rng(0).bytes(20_000)
    content = noise + bytes(50_000) + noise[::-1]
    stream = deflate(content)
    measure = measure_deflated(stream)
    cuts = [0, 20_000, 70_000, len(content)]
    sizes = [measure(*cut) for cut in itertools.pairwise(cuts)]
    assert sum(sizes) == len(stream)
    # Noise cannot be packed, zeros take next to nothing.
    assert sizes[0] == pytest.approx(20_000, abs=200)
    assert sizes[1] < 400
    assert sizes[2] == pytest.approx(20_000, abs=200)


@given(content=st.binary(max_size=2000), cuts=st.lists(st.integers(0, 2000), max_size=6))
def test_ranges_beside_each_other_sum_to_the_stream(content, cuts):
    stream = deflate(content)
    measure = measure_deflated(stream)
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    sizes = [measure(start, end) for start, end in itertools.pairwise(places)]
    assert min(sizes) >= 0
    assert sum(sizes) == (len(stream) if content else 0)


@pytest.mark.parametrize("stream", [b"", b"no deflate", deflate(b"x" * 1000)[:-3]])
def test_a_damaged_stream_is_not_followed(stream):
    assert measure_deflated(stream) is None
