"""Each drift metric against an independent implementation, and at the edges."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.distance import cosine as cosine_distance
from sklearn.metrics import accuracy_score, max_error, mean_absolute_error, mean_squared_error

from converter.drift import (
    METRICS,
    Drift,
    cosine_similarities,
    cosine_similarity,
    has_one_top_class,
    is_class_distribution,
    max_abs_error,
    mean_abs_error,
    measure_drift,
    non_finite_count,
    rmse,
    sqnr_db,
    sqnr_of_sums,
    top1_agreement,
    top1_agreements,
    top_classes,
    two_columns,
    worst_drift,
)
from tests.converter.example_comparisons import make_drift

VALUES = st.floats(-1e6, 1e6, width=32)
SHAPES = arrays.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6)


@st.composite
def pairs(draw, values=VALUES):
    shape = draw(SHAPES)
    array = arrays.arrays(np.float32, shape, elements=values)
    return draw(array), draw(array)


class TestAgainstIndependentImplementations:
    @settings(max_examples=50, deadline=None)
    @given(pairs())
    def test_errors_equal_those_of_scikit_learn(self, pair):
        r, y = pair
        flat_r, flat_y = r.astype(np.float64).ravel(), y.astype(np.float64).ravel()
        assert max_abs_error(r, y) == pytest.approx(max_error(flat_r, flat_y))
        assert mean_abs_error(r, y) == pytest.approx(mean_absolute_error(flat_r, flat_y))
        assert rmse(r, y) == pytest.approx(math.sqrt(mean_squared_error(flat_r, flat_y)))

    @settings(max_examples=50, deadline=None)
    @given(pairs())
    def test_sqnr_equals_the_sum_taken_by_hand(self, pair):
        r, y = pair
        signal = math.fsum(float(v) ** 2 for v in r.ravel())
        noise = math.fsum(
            (float(b) - float(a)) ** 2 for a, b in zip(r.ravel(), y.ravel(), strict=True)
        )
        if noise == 0:
            expected = math.inf
        elif signal == 0:
            expected = -math.inf
        else:
            expected = 10 * (math.log10(signal) - math.log10(noise))
        assert sqnr_db(r, y) == pytest.approx(expected)

    @settings(max_examples=50, deadline=None)
    @given(pairs(st.floats(-1e3, 1e3, width=32).filter(lambda v: v == 0 or abs(v) > 1e-3)))
    def test_cosine_equals_that_of_scipy(self, pair):
        r, y = pair
        for one, other, found in zip(r, y, cosine_similarities(r, y), strict=True):
            if one.any() and other.any():
                a, b = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
                assert found == pytest.approx(1 - cosine_distance(a, b), abs=1e-9)

    @settings(max_examples=50, deadline=None)
    @given(st.integers(1, 20), st.integers(2, 8), st.integers(0, 2**32 - 1))
    def test_agreement_without_ties_equals_accuracy_of_argmax(self, samples, classes, seed):
        random = np.random.default_rng(seed)
        r = random.permuted(np.tile(np.arange(classes), (samples, 1)), axis=1)
        y = random.permuted(np.tile(np.arange(classes), (samples, 1)), axis=1)
        expected = accuracy_score(r.argmax(axis=1), y.argmax(axis=1))
        assert top1_agreement(r, y) == pytest.approx(expected)

    @settings(max_examples=50, deadline=None)
    @given(
        arrays.arrays(
            np.float32, SHAPES, elements=st.sampled_from([0.0, 1.0, math.nan, math.inf, -math.inf])
        )
    )
    def test_non_finite_values_are_counted(self, array):
        expected = sum(not math.isfinite(value) for value in array.ravel())
        assert non_finite_count(array) == expected


class TestIdenticalOutputs:
    @settings(max_examples=50, deadline=None)
    @given(arrays.arrays(np.float32, SHAPES, elements=VALUES))
    def test_identical_arrays_have_no_drift(self, array):
        drift = measure_drift(array, array.copy(), classes=False)
        assert drift.sqnr_db == math.inf
        assert (drift.max_abs_error, drift.mean_abs_error, drift.rmse) == (0.0, 0.0, 0.0)
        assert drift.cosine_similarity == pytest.approx(1.0)
        assert drift.non_finite_count == 0

    @pytest.mark.parametrize("scale", [1e-30, 1.0, 1e38], ids=["tiny", "one", "huge"])
    def test_the_smallest_float32_difference_is_not_called_identical(self, scale):
        r = np.full((2, 3), scale, np.float32)
        y = r.copy()
        y[0, 0] = np.nextafter(y[0, 0], np.float32(np.inf))
        assert math.isfinite(sqnr_db(r, y))


class TestEdges:
    @pytest.mark.parametrize("metric", [max_abs_error, mean_abs_error, rmse, sqnr_db])
    def test_a_nan_stays_in_the_figure(self, metric):
        r = np.ones((2, 2))
        y = np.array([[1.0, np.nan], [1.0, 1.0]])
        assert math.isnan(metric(r, y))

    def test_a_nan_stays_in_the_cosine_of_its_own_sample_alone(self):
        r = np.ones((2, 2))
        y = np.array([[1.0, np.nan], [1.0, 1.0]])
        found = cosine_similarities(r, y)
        assert math.isnan(found[0])
        assert found[1] == pytest.approx(1.0)
        assert math.isnan(cosine_similarity(r, y))

    def test_an_infinite_value_is_an_infinite_error(self):
        r = np.ones((1, 2))
        y = np.array([[np.inf, 1.0]])
        assert max_abs_error(r, y) == math.inf
        assert rmse(r, y) == math.inf
        assert sqnr_db(r, y) == -math.inf

    def test_nan_and_infinity_print_no_warning(self):
        r = np.array([[0.1, 0.9], [0.2, 0.8]])
        y = np.array([[np.nan, 0.9], [np.inf, 0.8]])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            drift = measure_drift(r, y, classes=True)
        assert drift.non_finite_count == 2

    @pytest.mark.parametrize(
        ("signal", "noise", "expected"),
        [
            (0.0, 0.0, math.inf),
            (1.0, 0.0, math.inf),
            (0.0, 1.0, -math.inf),
            (1.0, math.inf, -math.inf),
            (100.0, 1.0, 20.0),
            (math.nan, 1.0, math.nan),
            (1.0, math.nan, math.nan),
        ],
    )
    def test_sqnr_of_sums(self, signal, noise, expected):
        assert sqnr_of_sums(signal, noise) == pytest.approx(expected, nan_ok=True)

    def test_zero_vectors_are_alike_and_unlike_any_other(self):
        r = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
        y = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
        assert cosine_similarities(r, y).tolist() == [1.0, 0.0, 0.0]

    def test_cosine_of_huge_values_does_not_overflow(self):
        r = np.array([[1e300, 1e300]])
        assert cosine_similarity(r, -r) == pytest.approx(-1.0)

    @pytest.mark.parametrize(
        "metric",
        [max_abs_error, mean_abs_error, rmse, sqnr_db, cosine_similarities, top1_agreements],
    )
    def test_other_shapes_are_refused_with_both_named(self, metric):
        with pytest.raises(ValueError, match=r"\(2, 3\) and \(3, 2\)"):
            metric(np.zeros((2, 3)), np.zeros((3, 2)))

    def test_integer_outputs_are_subtracted_without_wrapping(self):
        r = np.array([[0], [255]], np.uint8)
        y = np.array([[255], [0]], np.uint8)
        assert max_abs_error(r, y) == 255.0


class TestTopClass:
    @pytest.mark.parametrize(
        ("reference", "candidate", "expected"),
        [
            ([0.1, 0.9], [0.2, 0.8], 1.0),
            ([0.1, 0.9], [0.8, 0.2], 0.0),
            ([0.1, 0.9], [0.5, 0.5], 0.5),
            ([0.5, 0.5], [0.5, 0.5], 1.0),
            ([0.1, 0.9], [math.nan, 0.9], 0.0),
            ([math.nan, 0.9], [0.1, 0.9], 0.0),
            ([0.1, 0.9], [0.0, math.inf], 1.0),
            ([0.9], [0.6], 1.0),
            ([0.9], [0.4], 0.0),
            ([0.9], [0.5], 0.5),
        ],
        ids=[
            "same",
            "other",
            "tie of the candidate",
            "tie of both",
            "NaN in the candidate",
            "NaN in the reference",
            "infinite score",
            "one column, same side",
            "one column, other side",
            "one column, on the cut",
        ],
    )
    def test_agreement_of_one_sample(self, reference, candidate, expected):
        found = top1_agreements(np.array([reference]), np.array([candidate]))
        assert found.tolist() == [expected]

    def test_a_candidate_that_scores_all_classes_alike_agrees_by_its_chance(self):
        r = np.eye(10)
        assert top1_agreement(r, np.full((10, 10), 0.1)) == pytest.approx(0.1)

    def test_samples_on_which_the_reference_is_undecided_do_not_count(self):
        r = np.array([[0.5, 0.5], [0.1, 0.9], [math.nan, 1.0]])
        y = np.array([[1.0, 0.0], [0.2, 0.8], [0.0, 1.0]])
        assert has_one_top_class(r).tolist() == [False, True, False]
        assert top1_agreement(r, y) == 1.0

    def test_there_is_no_agreement_with_a_reference_that_never_decides(self):
        assert top1_agreement(np.full((3, 4), 0.25), np.eye(4)[:3]) is None

    def test_one_column_is_the_second_of_two_classes(self):
        assert two_columns(np.array([[0.25]])).tolist() == [[0.75, 0.25]]
        assert top_classes(np.array([[0.25], [0.75]])).tolist() == [[True, False], [False, True]]


class TestClassDistribution:
    @pytest.mark.parametrize(
        ("outputs", "expected"),
        [
            ([[0.2, 0.8], [1.0, 0.0]], True),
            ([[0.2, 0.795]], True),
            ([[0.2, 0.7]], False),
            ([[-0.2, 1.2]], False),
            ([[0.5, math.nan]], False),
            ([[1.0], [1.0]], False),
            ([[[0.2, 0.8]]], False),
            ([0.2, 0.8], False),
        ],
        ids=["sums", "nearly", "short", "negative", "NaN", "one column", "rank 3", "rank 1"],
    )
    def test_rows_that_sum_to_one(self, outputs, expected):
        assert is_class_distribution(np.array(outputs)) is expected

    @settings(max_examples=50, deadline=None)
    @given(st.integers(2, 1000), st.integers(0, 2**32 - 1))
    def test_a_float16_softmax_is_one(self, classes, seed):
        from scipy.special import softmax

        logits = np.random.default_rng(seed).normal(size=(3, classes))
        assert is_class_distribution(softmax(logits, axis=1).astype(np.float16))


class TestMeasureDrift:
    def test_figures_of_a_small_case_by_hand(self):
        r = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
        y = np.array([[0.1, 0.9], [0.5, 0.5], [0.5, 0.5]])
        drift = measure_drift(r, y, classes=True, step=0.1)
        assert drift.max_abs_error == pytest.approx(0.5)
        assert drift.max_abs_error_lsb == pytest.approx(5.0)
        assert drift.mean_abs_error == pytest.approx(1.2 / 6)
        assert drift.top1_agreement == pytest.approx(0.75)
        assert (drift.top1_samples, drift.top1_ties) == (2, 2)
        assert drift.worst_cosine_similarity == pytest.approx(math.sqrt(0.5))

    def test_without_classes_there_is_no_top_class(self):
        drift = measure_drift(np.eye(2), np.eye(2), classes=False)
        assert (drift.top1_agreement, drift.top1_samples, drift.top1_ties) == (None, None, None)
        assert drift.max_abs_error_lsb is None

    def test_a_flat_vector_of_outputs_is_measured(self):
        drift = measure_drift(np.array([1.0, 2.0]), np.array([1.0, 1.0]), classes=False)
        assert drift.rmse == pytest.approx(math.sqrt(0.5))

    def test_no_sample_is_refused(self):
        with pytest.raises(ValueError, match="at least one evaluation sample"):
            measure_drift(np.zeros((0, 3)), np.zeros((0, 3)), classes=False)

    def test_json_round_trip_reads_null_as_nan(self):
        drift = make_drift(rmse=math.nan, sqnr_db=math.inf, top1_agreement=None)
        values = {**drift.to_json(), "rmse": None}
        read = Drift.from_json(values)
        assert math.isnan(read.rmse)
        assert read.sqnr_db == math.inf
        assert read.top1_agreement is None

    def test_json_of_a_later_version_is_read(self):
        values = {**make_drift().to_json(), "a_field_of_later": 1}
        assert Drift.from_json(values) == make_drift()


class TestWorstDrift:
    def test_every_figure_is_the_worst_by_its_own_direction(self):
        one = make_drift(
            max_abs_error=0.1,
            sqnr_db=40.0,
            top1_agreement=None,
            top1_samples=None,
            top1_ties=None,
            non_finite_count=1,
        )
        other = make_drift(max_abs_error=0.3, sqnr_db=50.0, top1_agreement=0.5, non_finite_count=2)
        worst = worst_drift([one, other])
        assert worst.max_abs_error == 0.3
        assert worst.sqnr_db == 40.0
        assert worst.top1_agreement == 0.5
        assert worst.non_finite_count == 3

    def test_the_direction_is_the_one_that_the_registry_names(self):
        low = Drift(**dict.fromkeys(Drift.__dataclass_fields__, 0.1))
        high = Drift(**dict.fromkeys(Drift.__dataclass_fields__, 0.9))
        worst = worst_drift([low, high])
        for name, info in METRICS.items():
            if name != "non_finite_count":
                assert getattr(worst, name) == (0.1 if info.higher_is_better else 0.9), name

    @pytest.mark.parametrize("order", [1, -1], ids=["NaN first", "NaN last"])
    def test_nan_cannot_hide_behind_another_output(self, order):
        drifts = [make_drift(sqnr_db=math.nan), make_drift(sqnr_db=10.0)][::order]
        assert math.isnan(worst_drift(drifts).sqnr_db)

    def test_one_output_is_its_own_worst(self):
        assert worst_drift([make_drift()]) == make_drift()


def test_the_sums_give_the_figures_again_and_survive_json():
    rng = np.random.default_rng(1)
    reference = rng.normal(size=(40, 3))
    drift = measure_drift(reference, reference + rng.normal(0, 0.01, (40, 3)), classes=False)
    assert drift.values == 120
    ratio = drift.signal_square_sum / drift.error_square_sum
    assert 10 * math.log10(ratio) == pytest.approx(drift.sqnr_db, rel=1e-12)
    assert math.sqrt(drift.error_square_sum / drift.values) == pytest.approx(drift.rmse, rel=1e-12)
    assert drift.error_sum / drift.values == pytest.approx(drift.mean_abs_error, rel=1e-12)
    assert Drift.from_json(drift.to_json()) == drift
    assert worst_drift([drift]) == drift
    assert worst_drift([drift, drift]).signal_square_sum is None
    earlier = {k: v for k, v in drift.to_json().items() if not k.endswith("_sum")}
    assert Drift.from_json(earlier).error_sum is None
