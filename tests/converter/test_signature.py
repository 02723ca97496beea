"""Names, shapes and dtypes."""

from __future__ import annotations

import json
import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.signature import Signature, TensorSpec, format_shape, unique_names

SPECS = [
    TensorSpec("image", (None, 28, 28, 1), "float32"),
    TensorSpec("unknown", None, None),
    TensorSpec("scalar", (), "int32"),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_spec_survives_json(spec):
    assert TensorSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_signature_survives_json():
    signature = Signature(tuple(SPECS), (SPECS[0],))
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature


@pytest.mark.parametrize(
    ("shape", "batch"), [((8, 3), 8), ((None, 3), 1), ((), 1), (None, 1)], ids=str
)
def test_the_batch_size_is_the_fixed_leading_dimension(shape, batch):
    assert Signature((TensorSpec("x", shape, "float32"),), ()).batch_size == batch


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((None, 28, 1), "(None, 28, 1)"),
        (("samples", 4), "(samples, 4)"),
        ((), "()"),
        (None, "unknown"),
    ],
    ids=str,
)
def test_shapes_for_people(shape, text):
    assert format_shape(shape) == text


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["image"], ["image"]),
        (["x:0", "x:1"], ["x", "x_2"]),
        (["my input"], ["my_input"]),
        (["a", "a", "a_2"], ["a", "a_2", "a_2_2"]),
        (["a_2", "a", "a"], ["a_2", "a", "a_3"]),
        (["1st"], ["input_1st"]),
        (["", "///", "输入"], ["input", "input_2", "input_3"]),
        (["serving_default_x:0"], ["serving_default_x"]),
        (["model/dense/BiasAdd"], ["model_dense_BiasAdd"]),
    ],
    ids=[
        "plain",
        "tensor numbers",
        "space",
        "duplicates",
        "taken already",
        "digit first",
        "nothing usable",
        "prefix kept",
        "scopes",
    ],
)
def test_names_become_identifiers(names, expected):
    assert unique_names(names, "input") == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_names_become_distinct_ascii_identifiers(names):
    found = unique_names(names, "input")
    assert len(found) == len(names)
    assert len(set(found)) == len(found)
    assert all(name.isidentifier() and name.isascii() for name in found)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True).filter(
            lambda name: not keyword.iskeyword(name) and name != "self"
        ),
        unique=True,
        max_size=6,
    )
)
def test_names_that_are_identifiers_already_stay(names):
    assert unique_names(names, "input") == names
