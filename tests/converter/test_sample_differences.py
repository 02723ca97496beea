"""Samples held against each other: flips, ties, margins, NaN, and the file that keeps them."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from converter.assessment import Assessor
from converter.comparison import Reference, Variant
from converter.drift import DriftSums, measure_drift
from converter.error_distribution import describe_errors
from converter.sample_differences import DifferenceCollector, SampleDifferences, compare_samples
from converter.sample_file import MOST_ROWS, load_sample_file, rows_for, save_sample_file


def compare(reference, candidate, *, classes=True, labels=None):
    reference, candidate = np.array(reference, float), np.array(candidate, float)
    places = np.arange(len(reference))
    return compare_samples(
        reference, candidate, classes=classes, rows=places + 100, samples=places,
        labels=None if labels is None else np.array(labels),
    )  # fmt: skip


def collect(*blocks, most=1000):
    collector = DifferenceCollector(most)
    for block in blocks:
        collector.add(block)
    return collector


@given(seed=st.integers(0, 99), most=st.integers(1, 40), blocks=st.integers(1, 9))
def test_what_is_kept_block_by_block_is_what_would_be_kept_of_all(seed, most, blocks):
    random = np.random.default_rng(seed)
    r, y = random.random((2, 90, 3)).round(1)
    whole = compare(r, y)
    cut = [whole.take(part) for part in np.array_split(np.arange(90), blocks)]
    kept = collect(*cut, most=most)
    assert kept.samples == 90
    expected = whole.most_telling(most)
    for field in fields(SampleDifferences):
        np.testing.assert_array_equal(
            getattr(kept.most_telling(), field.name), getattr(expected, field.name)
        )
    assert kept.class_pairs(1000) == collect(whole).class_pairs(1000)


class TestClasses:
    @pytest.mark.parametrize(
        ("reference", "candidate", "flipped", "tied", "variant_class"),
        [
            ([0.2, 0.8], [0.4, 0.6], False, False, 1),
            ([0.2, 0.8], [0.6, 0.4], True, False, 0),
            ([0.2, 0.8], [0.5, 0.5], False, True, 0),
            ([0.5, 0.5], [0.6, 0.4], False, False, 0),
            ([0.2, 0.8], [math.nan, 0.8], True, False, -1),
        ],
        ids=["same", "flip", "a tie is no flip", "undecided original", "NaN"],
    )
    def test_of_one_sample(self, reference, candidate, flipped, tied, variant_class):
        found = compare([reference], [candidate])
        assert (bool(found.flipped[0]), bool(found.tied[0])) == (flipped, tied)
        assert found.variant_class[0] == variant_class

    def test_confidence_and_margin_are_the_highest_and_its_lead(self):
        found = compare([[0.1, 0.7, 0.2]], [[0.5, 0.3, 0.2]], labels=[1])
        assert found.reference_confidence[0] == pytest.approx(0.7)
        assert found.reference_margin[0] == pytest.approx(0.5)
        assert found.variant_margin[0] == pytest.approx(0.2)
        assert found.error[0] == pytest.approx(0.4)
        assert (found.label[0], found.row[0]) == (1, 100)

    def test_one_probability_column_is_two_classes(self):
        found = compare([[0.9]], [[0.4]])
        assert (found.reference_class[0], found.variant_class[0]) == (1, 0)
        assert found.flipped[0]

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 2**32 - 1))
    def test_class_pairs_equal_the_confusion_matrix_of_scikit_learn(self, samples, classes, seed):
        random = np.random.default_rng(seed)
        r, y = random.random((samples, classes)), random.random((samples, classes))
        pairs = collect(compare(r, y)).class_pairs(1000)
        found = np.zeros((classes, classes), int)
        found[pairs["reference"], pairs["variant"]] = pairs["samples"]
        expected = confusion_matrix(r.argmax(1), y.argmax(1), labels=np.arange(classes))
        assert found.tolist() == expected.tolist()
        assert collect(compare(r, y)).class_pairs(1)["left_out"] == samples - expected.max()


class TestValues:
    def test_are_told_where_the_error_is_largest(self):
        found = compare([[1.0, 2.0]], [[1.1, 5.0]], classes=False, labels=[[7.0, 8.0]])
        assert (found.reference_value[0], found.variant_value[0], found.label[0]) == (2, 5, 8)
        assert found.reference_class[0] == -1


class TestOrder:
    def test_nan_is_the_worst_and_then_the_largest_error(self):
        found = compare([[0.0]] * 4, [[0.5], [math.nan], [2.0], [1.0]], classes=False)
        assert found.worst(3).tolist() == [1, 2, 3]

    def test_flips_begin_with_those_on_which_the_original_was_surest(self):
        found = compare([[0.4, 0.6], [0.1, 0.9], [0.9, 0.1]], [[0.6, 0.4], [0.6, 0.4], [0.9, 0.1]])
        assert found.flips(9).tolist() == [1, 0]

    def test_of_many_samples_the_flips_and_the_largest_errors_are_kept(self):
        reference = np.tile([0.0, 1.0], (50, 1))
        candidate = reference.copy()
        candidate[7] = [0.51, 0.49]
        candidate[20:23, 1] = [0.6, 0.55, 0.7]
        kept = compare(reference, candidate).most_telling(3)
        assert kept.sample.tolist() == [7, 20, 21]


class TestDistribution:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**32 - 1))
    def test_equals_numpy_on_all_values(self, samples, width, seed):
        random = np.random.default_rng(seed)
        r = random.normal(size=(samples, width))
        y = r + random.normal(0.2, 0.1, size=r.shape)
        found = describe_errors(r, y)
        error = (y - r).ravel()
        assert found["bias"] == pytest.approx(error.mean())
        deviation = error.std(ddof=1) if error.size > 1 else 0.0
        assert found["limits"] == pytest.approx(
            [error.mean() - 1.96 * deviation, error.mean() + 1.96 * deviation]
        )
        for name, values in (("reference", r), ("variant", y)):
            assert sum(found[name]) == values.size
            expected = np.histogram(values, bins=found["edges"])[0]
            # A value on an edge may fall to either side of it.
            assert np.abs(np.cumsum(found[name]) - np.cumsum(expected)).max() <= 1
        assert sum(map(sum, found["density"])) == error.size

    def test_nan_and_infinity_are_counted_and_left_out(self):
        found = describe_errors(np.zeros((2, 2)), np.array([[math.nan, 1.0], [math.inf, 1.0]]))
        assert (found["pairs"], found["left_out"], found["bias"]) == (2, 2, 1.0)

    def test_without_a_finite_value_there_is_nothing(self):
        found = describe_errors(np.zeros((1, 1)), np.array([[math.nan]]))
        assert (found["pairs"], found["edges"], found["bias"]) == (0, None, None)

    def test_identical_outputs_have_no_width(self):
        found = describe_errors(np.ones((4, 2)), np.ones((4, 2)))
        assert (found["bias"], found["limits"]) == (0.0, [0.0, 0.0])
        assert sum(found["errors"]) == 8


def run_assessor(reference, labels, candidate, **more):
    variant = Variant(recipe="int8", flags={})
    assessor = Assessor({"p": reference}, labels, Reference(), **more)
    return variant, assessor.assess(variant, {"p": candidate}, {})


class TestFile:
    def test_keeps_rows_pictures_and_figures(self, tmp_path):
        random = np.random.default_rng(0)
        images = random.random((30, 8, 8, 1)).astype(np.float32)
        reference = np.tile([0.1, 0.9], (30, 1))
        candidate = reference.copy()
        candidate[5] = [0.8, 0.2]
        _, content = run_assessor(
            reference, {"p": np.ones(30, int)}, candidate, rows=np.arange(30) * 3,
            inputs={"image": images},
        )  # fmt: skip
        save_sample_file(tmp_path, "int8", content)
        loaded = load_sample_file({"samples_int8.npz": tmp_path / "samples_int8.npz"}, "int8")
        output = loaded.outputs["p"]
        assert output.differences.row[output.differences.flipped].tolist() == [15]
        for field in fields(SampleDifferences):
            kept = getattr(content.outputs["p"].differences, field.name)
            np.testing.assert_array_equal(getattr(output.differences, field.name), kept)
        assert output.per_class == {"class": [1], "samples": [30], "reference": [1.0],
                                    "variant": [pytest.approx(29 / 30)]}
        expected = 255 * (images[5] - images[5].min()) / np.ptp(images[5])
        assert np.abs(loaded.picture(5).astype(float) - expected).max() <= 0.51
        assert loaded.picture(10_000) is None

    @pytest.mark.parametrize(
        "content", [None, b"", b"PK\x03\x04 no archive"], ids=["none", "empty", "junk"]
    )
    def test_a_missing_or_damaged_file_is_none(self, tmp_path, content):
        if content is not None:
            (tmp_path / "samples_int8.npz").write_bytes(content)
        assert load_sample_file({"samples_int8.npz": tmp_path / "samples_int8.npz"}, "int8") is None

    def test_is_bounded(self):
        assert rows_for(1) == MOST_ROWS
        assert rows_for(10) * 10 <= MOST_ROWS


class TestBlocks:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 2**32 - 1))
    def test_drift_in_blocks_is_the_drift_of_the_whole(self, samples, size, seed):
        random = np.random.default_rng(seed)
        r, y = random.random((samples, 4)).round(1), random.random((samples, 4)).round(1)
        sums = DriftSums(classes=True, step=0.1)
        for start in range(0, samples, size):
            sums.add(r[start : start + size], y[start : start + size])
        whole = measure_drift(r, y, classes=True, step=0.1).to_json()
        assert sums.result().to_json() == pytest.approx(whole, nan_ok=True)

    def test_a_nan_in_any_block_stays(self):
        sums = DriftSums(classes=False)
        for value in (0.5, math.nan, 0.25):
            sums.add(np.zeros((1, 1)), np.array([[value]]))
        found = sums.result()
        assert found.non_finite_count == 1
        assert all(math.isnan(v) for v in (found.max_abs_error, found.rmse, found.sqnr_db))


def test_known_rounding_gives_the_drift_computed_on_paper():
    # Values 0.00 to 0.99 on steps of 0.1: the ten errors 0, .01 .. .05, .04 .. .01 repeat.
    reference = np.arange(100).reshape(50, 2) / 100
    candidate = np.floor(reference * 10 + 0.5) / 10
    variant, _ = run_assessor(reference, {}, candidate)
    assert variant.drift.max_abs_error == pytest.approx(0.05)
    assert variant.drift.mean_abs_error == pytest.approx(0.25 / 10)
    assert variant.drift.rmse == pytest.approx(math.sqrt(0.0085 / 10))
    assert variant.drift.sqnr_db == pytest.approx(10 * math.log10(0.32835 / 0.00085))


def test_twelve_shuffled_outputs_are_paired_by_name():
    names = [f"output_{k}" for k in range(12)]
    reference = {name: np.full((3, 2), float(k + 1)) for k, name in enumerate(names)}
    variant = Variant(recipe="int8", flags={})
    assessor = Assessor(reference, {}, Reference())
    content = assessor.assess(variant, {n: reference[n] + 0.5 for n in sorted(names)[::-1]}, {})
    assert list(content.outputs) == names
    assert {d.max_abs_error for d in variant.output_drift.values()} == {0.5}
