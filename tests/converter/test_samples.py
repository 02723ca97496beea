"""Samples: read, drawn at random, split into disjoint seeded parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import DataError
from converter.samples import (
    Samples,
    load_samples,
    random_samples,
    split_counts,
    split_samples,
)
from converter.signature import TensorSpec


def spec(shape, dtype="float32", name="image"):
    return TensorSpec(name, shape, dtype)


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
