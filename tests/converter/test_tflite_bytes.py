"""Every byte of a `.tflite` has one part, and the parts say what lies there."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.errors import ModelFileError
from converter.tflite_bytes import read_byte_parts
from converter.tflite_file import parse_model
from tests.converter.example_tflites import (
    write_classifier,
    write_custom,
    write_lookup,
    write_strings,
    write_two_by_two,
    write_two_signatures,
)

WRITERS = (write_classifier, write_two_by_two, write_two_signatures, write_custom, write_strings,
           write_lookup)  # fmt: skip


def covers(parts, size):
    """Whether the parts lie one behind the other from the first byte to the last."""
    ends = [0, *(part.end for part in parts)]
    return ends[-1] == size and [part.start for part in parts] == ends[:-1]


def bytes_of(parts):
    sizes = Counter()
    for part in parts:
        sizes[part.kind] += part.size_bytes
    return sizes


@pytest.mark.parametrize("write", WRITERS)
def test_the_parts_sum_to_the_file_exactly_and_nothing_is_unknown(write, tmp_path):
    path = write(tmp_path / "model.tflite")
    parts = read_byte_parts(path)
    assert covers(parts, path.stat().st_size)
    assert "unknown" not in bytes_of(parts)


def test_a_converted_file_s_parts_are_what_the_schema_reads(tflite_file):
    content, model = tflite_file.read_bytes(), parse_model(tflite_file)
    parts = read_byte_parts(tflite_file)
    assert covers(parts, len(content))
    assert "unknown" not in bytes_of(parts)
    read = {
        part.owner: content[part.start + 4 : part.end]
        for part in parts
        if part.kind in {"Tensor.name", "Buffer.data"}
    }
    tensors = model.subgraphs[0].tensors
    for index, tensor in enumerate(tensors):
        name = read[("subgraphs", 0), ("tensors", index)]
        assert name == tensor.name + b"\0"
    values = {i: bytes(b.data) for i, b in enumerate(model.buffers) if b.data is not None}
    found = {owner[0][1]: content for owner, content in read.items() if owner[0][0] == "buffers"}
    assert found == {index: data for index, data in values.items() if index in found}
    # Equal values may lie in the file once; all others have a part of their own.
    assert set(values.values()) == set(found.values())


@pytest.mark.parametrize("keep", [0, 7, 8, 40, 200, -1])
def test_a_file_cut_short_is_refused_by_name(keep, tmp_path):
    path = write_classifier(tmp_path / "model.tflite")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelFileError, match=r"model\.tflite: expected"):
        read_byte_parts(path)


@given(places=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6))
def test_damaged_bytes_are_refused_or_still_counted_once(places, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "damaged.tflite"
    content = bytearray(write_two_signatures(path).read_bytes())
    for place, value in places:
        content[place % len(content)] = value
    path.write_bytes(content)
    with contextlib.suppress(ModelFileError):  # any other error fails
        assert covers(read_byte_parts(path), len(content))


def test_bytes_that_no_offset_leads_to_are_unknown_unless_zero(tmp_path):
    path = write_classifier(tmp_path / "model.tflite")
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + bytes(12))
    assert read_byte_parts(path)[-1].kind == "padding"
    path.write_bytes(path.read_bytes() + b"who put this here")
    last = read_byte_parts(path)[-1]
    assert (last.kind, last.start, last.size_bytes) == ("unknown", size, 12 + 17)
