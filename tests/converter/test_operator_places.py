"""Operators are named with the layer that they come from, out of the converter's own locations."""

import pytest

from converter.operator_places import name_with_places, operator_place, without_location


@pytest.mark.parametrize(
    ("location", "operator", "place"),
    [
        ("odd_1/erfinv/Erfinv@__inference_pruned_238", "Erfinv", "odd_1/erfinv"),
        (
            "StatefulPartitionedCall/StatefulPartitionedCall/encoder/whiten/Svd@__inference_f_5",
            "Svd",
            "encoder/whiten",
        ),
        ("PartitionedCall/model/block/Svd_12", "Svd", "model/block"),
        ("MatrixDeterminant", "MatrixDeterminant", ""),
        # An operator that the person named: its name is all that there is.
        ("encoder/spread", "Svd", "encoder/spread"),
        ("", "Svd", ""),
        ("PartitionedCall@__inference_serve_1", "Svd", ""),
        ("a//b/Svd", "Svd", "a/b"),
        ("model/Svd(x)", "Svd", "model/Svd(x)"),
    ],
)
def test_place(location, operator, place):
    assert operator_place(location, operator) == place


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([], "Svd"),
        ([""], "Svd"),
        (["a"], "Svd (from 'a')"),
        (["b", "a", "b"], "Svd (from 'a', 'b')"),
        (["d", "b", "c", "a"], "Svd (from 'a', 'b' and 2 more)"),
        (["x" * 500], f"Svd (from '{'x' * 80}')"),
        (["line\nbreak"], "Svd (from 'line\\nbreak')"),
    ],
)
def test_name_with_places(places, words):
    assert name_with_places("Svd", places) == words


LOCATION = (
    'loc(callsite(fused["TensorListReserve:", "lstm (1)/while/TensorListReserve@__inference_f_3"] '
    'at callsite(fused["PartitionedCall:", "PartitionedCall@__inference_serve_5"] at unknown)))'
)


@pytest.mark.parametrize(
    ("line", "message", "place"),
    [
        (
            f"{LOCATION}: 'tf.TensorListReserve' op requires element_shape to be static",
            "'tf.TensorListReserve' op requires element_shape to be static",
            "lstm (1)/while/TensorListReserve",
        ),
        ("loc(unknown): something is wrong", "something is wrong", ""),
        ("something is wrong", "something is wrong", ""),
        ("loc(never closed: something", "loc(never closed: something", ""),
        ("", "", ""),
    ],
)
def test_without_location(line, message, place):
    assert without_location(line) == (message, place)
