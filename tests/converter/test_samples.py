"""Samples: fitted to the inputs, labelled, split into disjoint seeded parts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import DataError
from converter.samples import (
    RawData,
    Samples,
    describe_samples,
    fit_samples,
    load_samples,
    random_samples,
    split_counts,
    split_samples,
)
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
        assert fit(np.eye(4), (None, 2, 2)).notes == (
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

    def test_nan_and_infinity_are_noted(self):
        notes = fit(np.array([[np.nan, 1.0], [np.inf, 0.0]]), (None, 2)).notes
        assert "x holds 2 values that are NaN or infinite." in notes

    def test_a_number_too_large_for_float32_is_noted(self):
        assert any("infinite" in note for note in fit(np.array([[1e300, 0.0]]), (None, 2)).notes)

    def test_constant_data_is_noted(self):
        assert any(
            "nothing can be learned" in note for note in fit(np.ones((3, 2)), (None, 2)).notes
        )


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


COUNTS = st.one_of(st.none(), st.integers(1, 300))


class TestSplit:
    @settings(max_examples=100, deadline=None)
    @given(
        st.integers(1, 300), COUNTS, st.one_of(st.none(), st.integers(0, 300)), st.integers(0, 9)
    )
    def test_parts_are_disjoint_and_no_larger_than_asked(
        self, count, evaluation, calibration, seed
    ):
        rows = np.arange(count)
        samples = Samples({"x": rows[:, None]}, {"y": rows * 10})
        split = split_samples(samples, evaluation, calibration, seed)
        one = set(split.calibration.inputs["x"].ravel())
        other = set(split.evaluation.inputs["x"].ravel())
        assert not one & other
        assert (one | other) <= set(rows)
        assert len(other) == len(split.evaluation) >= 1
        assert len(one) == len(split.calibration)
        assert evaluation is None or len(other) <= evaluation
        assert calibration is None or len(one) <= calibration
        for part in (split.calibration, split.evaluation):
            np.testing.assert_array_equal(part.labels["y"], part.inputs["x"].ravel() * 10)

    @settings(max_examples=50, deadline=None)
    @given(st.integers(1, 300), COUNTS, st.one_of(st.none(), st.integers(0, 300)))
    def test_less_than_asked_is_noted(self, count, evaluation, calibration):
        samples = Samples({"x": np.zeros((count, 1))})
        split = split_samples(samples, evaluation, calibration, 0)
        missing = [
            role
            for role, asked, found in (
                ("evaluation", evaluation, len(split.evaluation)),
                ("calibration", calibration, len(split.calibration)),
            )
            if asked is not None and found < asked
        ]
        assert [note.split()[1] for note in split.notes] == missing

    @settings(max_examples=50, deadline=None)
    @given(st.integers(0, 2**31))
    def test_the_same_seed_gives_the_same_parts(self, seed):
        samples = Samples({"x": np.arange(50)[:, None]})
        parts = [split_samples(samples, 20, 10, seed) for _ in range(2)]
        for role in ("calibration", "evaluation"):
            one, other = (getattr(part, role).inputs["x"] for part in parts)
            np.testing.assert_array_equal(one, other)

    def test_another_seed_gives_other_parts(self):
        samples = Samples({"x": np.arange(50)[:, None]})
        one, other = (
            split_samples(samples, 20, 10, seed).evaluation.inputs["x"] for seed in (0, 1)
        )
        assert one.tolist() != other.tolist()

    def test_the_parts_are_drawn_from_the_whole_file(self):
        # Files are often sorted by class: a head-and-tail cut would calibrate on one class alone.
        samples = Samples({"x": np.arange(1000)[:, None]})
        drawn = split_samples(samples, 500, 100, 0).calibration.inputs["x"]
        assert drawn.min() < 200
        assert drawn.max() > 800

    @pytest.mark.parametrize(
        ("available", "samples", "calibration", "expected"),
        [
            (360, None, None, (90, 270)),
            (5000, None, None, (100, 1000)),
            (200, 200, None, (10, 190)),
            (200, 150, None, (50, 150)),
            (1, None, None, (0, 1)),
            (1, None, 5, (0, 1)),
            (10, None, 0, (0, 10)),
            (10, 4, 100, (9, 1)),
        ],
    )
    def test_counts(self, available, samples, calibration, expected):
        assert split_counts(available, samples, calibration) == expected


class TestRandomSamples:
    SPECS = (
        spec((None, 4, 3), "float32", "a"),
        spec((2, 5), "int32", "b"),
        spec((), "float64", "c"),
        spec((None, 2), "bool", "d"),
        spec((None, 2), "float16", "e"),
        spec((None, 2), None, "f"),
    )

    def test_have_the_shapes_and_dtypes_of_the_inputs(self):
        samples = random_samples(self.SPECS, 7, 0)
        found = {name: (a.shape, str(a.dtype)) for name, a in samples.inputs.items()}
        assert found == {
            "a": ((7, 4, 3), "float32"),
            "b": ((7, 5), "int32"),
            "c": ((7,), "float64"),
            "d": ((7, 2), "bool"),
            "e": ((7, 2), "float32"),
            "f": ((7, 2), "float32"),
        }

    def test_are_seeded_and_in_range(self):
        one, same, other = (random_samples(self.SPECS, 50, seed) for seed in (3, 3, 4))
        for name, array in one.inputs.items():
            np.testing.assert_array_equal(array, same.inputs[name])
            assert array.tolist() != other.inputs[name].tolist()
            assert array.min() >= 0
            assert array.max() <= 1

    def test_say_that_they_are_random(self):
        assert "random" in random_samples(self.SPECS, 1, 0).notes[0]
        assert random_samples(self.SPECS, 1, 0).labels == {}


class TestDescribe:
    def test_ranges_leave_out_what_is_not_finite(self):
        samples = Samples(
            {
                "x": np.array([[np.nan, 2.0], [np.inf, 4.0]], np.float32),
                "n": np.full((2, 1), np.nan),
            },
            {"y": np.array([0, 1])},
            ("a note",),
        )
        found = json.loads(json.dumps(describe_samples(samples), allow_nan=False))
        assert found["inputs"][0] == {
            "name": "x",
            "shape": [2, 2],
            "dtype": "float32",
            "min": 2.0,
            "max": 4.0,
            "mean": 3.0,
        }
        assert found["inputs"][1]["min"] is None
        assert (found["samples"], found["labelled"], found["label_names"]) == (2, True, ["y"])
        assert found["notes"] == ["a note"]

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float64"])
    def test_every_dtype_can_be_described(self, dtype):
        found = describe_samples(Samples({"x": np.array([[0], [1]]).astype(dtype)}))["inputs"][0]
        assert (found["min"], found["max"], found["mean"]) == (0.0, 1.0, 0.5)


def test_load_samples_reads_and_fits_a_file(tmp_path):
    path = tmp_path / "stored"
    with path.open("wb") as stream:
        np.savez(stream, x=np.arange(12).reshape(3, 4), y=np.array([0, 1, 2]))
    samples = load_samples(path, "mine.npz", [spec((None, 2, 2))])
    assert samples.inputs["image"].shape == (3, 2, 2)
    assert samples.inputs["image"].dtype == np.float32
    assert samples.labels["y"].tolist() == [0, 1, 2]
    with pytest.raises(DataError, match=r"^mine\.npz: "):
        load_samples(path, "mine.npz", [spec((None, 5))])
