"""Arrays brought into the shapes and dtypes of a model's inputs, or refused with the reason."""

from __future__ import annotations

import math

import numpy as np
import pytest

from converter.errors import DataError
from converter.sample_fitting import fit_samples
from converter.samples import RawData
from converter.signature import TensorSpec


def spec(shape, dtype="float32", name="image"):
    return TensorSpec(name, shape, dtype)


def fit(array, shape, dtype="float32", labels=None):
    raw = RawData({"image": np.asarray(array)}, {} if labels is None else {"y": labels})
    return fit_samples(raw, "data.npz", [spec(shape, dtype)])


class TestShapes:
    @pytest.mark.parametrize(
        ("found", "declared", "fitted"),
        [
            ((5, 28, 28, 1), (None, 28, 28, 1), (5, 28, 28, 1)),
            ((28, 28, 1), (None, 28, 28, 1), (1, 28, 28, 1)),
            ((5, 784), (None, 28, 28, 1), (5, 28, 28, 1)),
            ((5, 28, 28), (None, 28, 28, 1), (5, 28, 28, 1)),
            ((5,), (None, 1), (5, 1)),
            ((5, 7), (None, None, 1), (5, 7, 1)),
            ((5, 7, 1), (None, None, 1), (5, 7, 1)),
            ((5, 9, 9, 3), (None, None, None, 3), (5, 9, 9, 3)),
            ((5, 4), (8, 4), (5, 4)),
            ((5,), (None,), (5,)),
            ((5,), (), (5,)),
            ((5, 1), (), (5,)),
            ((5, 3, 2), None, (5, 3, 2)),
        ],
        ids=str,
    )
    def test_arrays_are_brought_into_the_shape_of_the_input(self, found, declared, fitted):
        samples = fit(np.random.default_rng(0).random(found), declared)
        assert samples.inputs["image"].shape == fitted

    def test_the_values_keep_their_order(self):
        array = np.arange(12.0).reshape(2, 6)
        found = fit(array, (None, 3, 2)).inputs["image"]
        np.testing.assert_array_equal(found.ravel(), array.ravel())

    @pytest.mark.parametrize(
        ("found", "declared"),
        [
            ((5, 27, 28, 1), (None, 28, 28, 1)),
            ((5, 3, 28, 28), (None, 28, 28, 1)),
            ((5, 9, 9, 1), (None, None, None, 3)),
            ((5, 7, 2), (None, None, 1)),
            ((), (None, 4)),
            ((), (None,)),
            ((), None),
        ],
        ids=str,
    )
    def test_what_cannot_fit_is_refused_with_file_expected_and_found(self, found, declared):
        with pytest.raises(DataError, match=r"^data\.npz: expected .*found") as refused:
            fit(np.zeros(found), declared)
        if declared is not None:
            assert str(found).rstrip(",)") in str(refused.value)

    def test_a_reshape_is_noted(self):
        assert fit(np.eye(4, dtype=np.float32), (None, 2, 2)).notes == (
            "x of shape (4, 4) was reshaped to (4, 2, 2).",
        )


class TestDtypes:
    @pytest.mark.parametrize(
        ("found", "wanted", "expected"),
        [
            ("float64", "float32", "float32"),
            ("uint8", "float32", "float32"),
            ("bool", "float32", "float32"),
            (">f4", "float32", "float32"),
            ("float32", "float64", "float64"),
            ("float32", "float16", "float32"),
            ("float32", "bfloat16", "float32"),
            ("int64", "int32", "int32"),
            ("float32", "int32", "int32"),
            ("uint8", "uint8", "uint8"),
            ("int64", "bool", "bool"),
            ("float32", None, "float32"),
        ],
    )
    def test_numbers_are_brought_into_the_dtype_of_the_input(self, found, wanted, expected):
        array = np.array([[0, 1], [1, 0]]).astype(found)
        fitted = fit(array, (None, 2), wanted).inputs["image"]
        assert fitted.dtype == expected
        assert fitted.tolist() == [[0, 1], [1, 0]]

    @pytest.mark.parametrize(
        ("values", "wanted", "message"),
        [
            ([[0.5]], "int32", "whole numbers"),
            ([[300]], "uint8", "between 0 and 255"),
            ([[-1.0]], "uint8", "between 0 and 255"),
            ([[2**40]], "int32", "between -2147483648 and 2147483647"),
            ([[math.inf]], "int32", "expected"),
            ([[math.nan]], "int32", "NaN"),
            ([["a"]], "float32", "expected numbers"),
            ([[1j]], "float32", "expected numbers"),
        ],
        ids=["fraction", "too large", "negative", "beyond int32", "inf", "NaN", "text", "complex"],
    )
    def test_values_that_the_dtype_cannot_hold_are_refused(self, values, wanted, message):
        with pytest.raises(DataError, match=message):
            fit(np.array(values), (None, 1), wanted)

    @pytest.mark.parametrize("dtype", ["string", "resource", "variant", "qint8"])
    def test_an_input_that_takes_no_numbers_is_refused(self, dtype):
        with pytest.raises(DataError, match=dtype):
            fit(np.zeros((2, 1)), (None, 1), dtype)

    @pytest.mark.parametrize(
        ("found", "wanted", "note"),
        [
            ("float64", "float32", "x holds float64 values and is fed as float32."),
            ("uint8", "float32", "x holds uint8 values and is fed as float32."),
            ("float64", "int32", "x holds float64 values and is fed as int32."),
            ("float32", "float32", None),
            (">f4", "float32", None),
        ],
    )
    def test_a_cast_is_noted(self, found, wanted, note):
        notes = fit(np.ones((2, 1)).astype(found), (None, 1), wanted).notes
        assert notes == (() if note is None else (note,))

    @pytest.mark.parametrize(("largest", "warned"), [(2**24, False), (2**24 + 1, True)])
    def test_integers_that_float32_rounds_are_noted(self, largest, warned):
        notes = fit(np.array([[0], [-largest]]), (None, 1)).notes
        assert any("rounds" in note for note in notes) == warned


class TestSeveralInputs:
    SPECS = (spec((None, 2), name="left"), spec((None, 3), name="right"))

    def test_keep_the_order_of_the_model(self):
        raw = RawData({"right": np.zeros((4, 3)), "left": np.zeros((4, 2))})
        assert list(fit_samples(raw, "d.npz", self.SPECS).inputs) == ["left", "right"]

    def test_of_different_lengths_are_refused(self):
        raw = RawData({"right": np.zeros((4, 3)), "left": np.zeros((5, 2))})
        with pytest.raises(DataError, match="left: 5, right: 4"):
            fit_samples(raw, "d.npz", self.SPECS)

    def test_the_message_names_the_input(self):
        raw = RawData({"right": np.zeros((4, 9)), "left": np.zeros((4, 2))})
        with pytest.raises(DataError, match=r"expected right of shape \(samples, 3\)"):
            fit_samples(raw, "d.npz", self.SPECS)


class TestLabels:
    @pytest.mark.parametrize(
        ("labels", "expected"),
        [
            (np.array([2, 0, 1]), [2, 0, 1]),
            (np.array([[2], [0], [1]]), [2, 0, 1]),
            (np.array(["dog", "cat", "dog"]), [1, 0, 1]),
            (np.array([True, False, True]), [True, False, True]),
            (np.eye(3), np.eye(3).tolist()),
        ],
        ids=["indices", "column", "texts", "booleans", "one-hot"],
    )
    def test_are_fitted(self, labels, expected):
        assert fit(np.eye(3), (None, 3), labels=labels).labels["y"].tolist() == expected

    @pytest.mark.parametrize(
        "labels", [np.array(["dog", "cat", "dog"]), np.array([b"dog", b"cat", b"dog"])], ids=str
    )
    def test_texts_are_named_in_the_order_of_their_indices(self, labels):
        samples = fit(np.eye(3, dtype=np.float32), (None, 3), labels=labels)
        assert samples.labels["y"].tolist() == [1, 0, 1]
        assert samples.class_names == {"y": ("cat", "dog")}
        assert samples.notes == (
            "The texts in y, in alphabetical order, are the classes: cat = 0, dog = 1.",
        )

    def test_many_texts_are_listed_in_few_words(self):
        names = np.array([f"{n:03d}" + "x" * 500 for n in range(300)])
        (note,) = fit(np.zeros((300, 1), np.float32), (None, 1), labels=names).notes
        assert "and 288 more" in note
        assert len(note) < 600

    @pytest.mark.parametrize(
        ("labels", "found"),
        [
            (np.zeros(2), "found 2"),
            (np.zeros(4), "found 4"),
            (np.array(1.0), "found 1"),
            (np.zeros(0), "found 0"),
            (np.array([1j, 0, 0]), "complex"),
            (np.array(["2020-01-01"] * 3, dtype="datetime64[D]"), "datetime"),
        ],
        ids=["too few", "too many", "scalar", "none", "complex", "dates"],
    )
    def test_that_do_not_fit_are_refused(self, labels, found):
        with pytest.raises(DataError, match=found) as refused:
            fit(np.eye(3), (None, 3), labels=labels)
        assert "in y" in str(refused.value)


def test_no_sample_is_refused():
    with pytest.raises(DataError, match="at least one sample, found none"):
        fit(np.zeros((0, 2)), (None, 2))
