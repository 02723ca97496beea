"""What a split makes doubtful: too few samples, and samples in both parts."""

from __future__ import annotations

import numpy as np
import pytest

from converter.samples import Samples, Split, split_samples
from converter.split_warnings import count_copies, find_split_mistakes


def unique(count, start=0, labels=None):
    array = (np.arange(count, dtype=np.float32) + start)[:, None]
    return Samples({"x": array}, {} if labels is None else {"y": labels})


def split(calibration, evaluation, labels=None):
    return Split(unique(calibration), unique(evaluation, 10_000, labels))


def texts(found, serious):
    return [finding.text for finding in found if finding.serious == serious]


@pytest.mark.parametrize(
    ("count", "serious", "text"),
    [
        (0, True, "No sample calibrates"),
        (1, True, "Only 1 sample calibrates"),
        (9, True, "Only 9 samples calibrate"),
        (10, False, "Only 10 samples calibrate"),
        (99, False, "Only 99 samples calibrate"),
    ],
)
def test_few_calibration_samples(count, serious, text):
    found = find_split_mistakes(split(count, 500))
    (only,) = texts(found, serious)
    assert text in only
    assert texts(found, not serious) == []


@pytest.mark.parametrize(
    ("count", "serious", "points"),
    [(4, True, 49), (29, True, 18), (30, False, 18), (99, False, 10)],
)
def test_few_labelled_evaluation_samples_are_told_by_the_interval(count, serious, points):
    found = find_split_mistakes(split(100, count, np.arange(count) % 2))
    (only,) = texts(found, serious)
    assert f"may reach {points} percentage points" in only


def test_few_evaluation_samples_without_classes_speak_of_drift():
    for labels in (None, np.linspace(0, 1, 20)):
        (only,) = texts(find_split_mistakes(split(100, 20, labels)), True)
        assert "Drift is measured on 20 samples" in only


def test_enough_of_everything_needs_no_word():
    assert find_split_mistakes(split(100, 100)) == []


class TestLeak:
    def test_copies_are_counted_on_the_side_of_the_evaluation(self):
        calibration = unique(100)
        rows = np.array([[5.0], [5.0], [7.0], [-1.0]] + [[1000.0 + n] for n in range(196)])
        found = Split(calibration, Samples({"x": rows.astype(np.float32)}))
        assert count_copies(found) == 3
        (only,) = find_split_mistakes(found)
        assert "3 of 200 evaluation samples are exact copies" in only.text
        assert only.serious

    def test_one_in_hundreds_is_a_hint(self):
        found = Split(unique(100), unique(500, 99))
        (only,) = find_split_mistakes(found)
        assert not only.serious

    def test_a_sample_is_a_copy_in_all_of_its_inputs(self):
        def both(right):
            return Samples({"left": np.zeros((4, 2)), "right": np.array(right)[:, None]})

        assert count_copies(Split(both([1, 2, 3, 4]), both([4, 5, 6, 7]))) == 1

    def test_the_split_of_data_with_doubles_leaks(self):
        doubled = np.repeat(np.random.default_rng(0).random((200, 3)), 2, axis=0)
        assert count_copies(split_samples(Samples({"x": doubled}), None, None, 0)) > 20

    def test_the_split_of_data_without_doubles_does_not(self):
        once = np.random.default_rng(0).random((400, 3))
        assert count_copies(split_samples(Samples({"x": once}), None, None, 0)) == 0

    def test_random_samples_are_not_judged(self):
        zeros = Samples({"x": np.zeros((5, 1))})
        assert find_split_mistakes(Split(zeros, zeros), is_random=True) == []

    def test_without_calibration_nothing_leaks(self):
        zeros = Samples({"x": np.zeros((5, 1))})
        assert count_copies(Split(zeros.take(np.arange(0)), zeros)) == 0
