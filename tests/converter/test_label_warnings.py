"""Labels held against the outputs: what fits nothing is told, what fits passes in silence."""

from __future__ import annotations

import numpy as np
import pytest

from converter.label_warnings import describe_labels, find_label_mistakes
from converter.samples import Samples
from converter.signature import TensorSpec

EVEN = np.arange(60) % 3


def find(labels, *shapes, names=None, key="y", fit=True):
    labels = np.asarray(labels)
    outputs = [TensorSpec(f"out{n}", shape, "float32") for n, shape in enumerate(shapes)]
    samples = Samples(
        {"x": np.zeros((len(labels), 1))},
        {key: labels},
        class_names={} if names is None else {key: names},
    )
    return find_label_mistakes(samples, outputs, fit=fit)


class TestFit:
    @pytest.mark.parametrize(
        ("labels", "shape"),
        [
            (EVEN, (None, 3)),
            (EVEN, (None, 10)),
            (EVEN.astype(np.float32), (None, 3)),
            (np.eye(3)[EVEN], (None, 3)),
            (EVEN % 2, (None, 1)),
            (EVEN % 2, (None,)),
            (np.linspace(0, 9, 60), (None, 1)),
            (np.linspace(0, 9, 60), ()),
            (np.random.default_rng(0).random((60, 5)), (None, 5)),
            (np.random.default_rng(0).random((60, 8, 8)), (None, 8, 8, 1)),
            (EVEN, None),
            (EVEN, (None, None)),
            (np.random.default_rng(0).random((60, 7)), (None, None)),
        ],
        ids=["indices", "fewer classes", "whole floats", "one-hot", "binary", "flat binary",
             "regression", "scalar", "several values", "image", "unknown", "open", "open values"],
    )  # fmt: skip
    def test_labels_that_fit_pass(self, labels, shape):
        assert find(labels, shape) == []

    @pytest.mark.parametrize(
        ("labels", "shape", "text"),
        [
            (EVEN + 1, (None, 3), "run from 1 to 3, and the classes of out0 from 0 to 2: subtract"),
            (EVEN * 5, (None, 3), "run from 0 to 10, and out0 has the classes 0 to 2"),
            (EVEN - 1, (None, 3), "run from -1 to 1"),
            (EVEN / 7, (None, 3), "are fractions"),
            (np.eye(3)[EVEN], (None, 5), "one-hot rows of 3 classes, and out0 has 5"),
            (np.ones((60, 4)) * 0.3, (None, 3), "have 4 numbers a sample, and out0 has 3"),
            (np.ones((60, 4)) * 0.3, (None, 1), "have 4 numbers a sample, and out0 has 1"),
            (EVEN, (None, 8, 8, 3), "have 1 number a sample, and out0 has 192"),
        ],
        ids=["from one", "beyond", "negative", "fractions", "other one-hot", "other width",
             "too wide", "segmentation"],
    )  # fmt: skip
    def test_labels_that_fit_nothing_are_serious(self, labels, shape, text):
        (found,) = find(labels, shape)
        assert found.serious
        assert text in found.text
        assert "The labels y" in found.text

    def test_another_number_of_class_names_is_told_because_the_alphabet_is_not_the_models(self):
        (found,) = find(EVEN, (None, 1000), names=("cat", "dog", "fox"))
        assert "name 3 classes and out0 has 1000" in found.text
        assert "alphabetical" in found.text

    def test_class_names_for_one_number(self):
        (found,) = find(EVEN, (None, 1), names=("cat", "dog", "fox"))
        assert "name 3 classes and out0 is one number a sample" in found.text
        assert find(EVEN % 2, (None, 1), names=("cat", "dog")) == []

    def test_labels_of_no_output(self):
        (found,) = find(EVEN, (None, 3), (None, 1), key="size")
        assert "labels y_size belong to none of the outputs out0, out1" in found.text

    def test_labels_of_a_later_output_go_by_its_name(self):
        assert find(np.linspace(0, 1, 60), (None, 3), (None, 1), key="out1") == []
        assert find(EVEN, (None, 3), (None, 1), key="out1") == []

    def test_a_run_judges_the_fit_itself(self):
        assert find(EVEN * 5, (None, 3), fit=False) == []
        assert find(EVEN, (None, 3), key="size", fit=False) == []

    def test_gaps_are_counted(self):
        (found,) = find(np.array([0.0, np.nan, np.inf, 1.0]), (None, 1))
        assert "2 of the labels y are NaN or infinite" in found.text


class TestBalance:
    @pytest.mark.parametrize("shape", [(None, 3), (None, 1), None], ids=str)
    def test_a_single_class(self, shape):
        (found,) = find(np.zeros(40, int), shape)
        assert found.serious
        assert "All labels y are the class 0" in found.text

    def test_one_class_that_outweighs_the_others_is_told_by_its_name_and_share(self):
        labels = np.array([1] * 95 + [0] * 5)
        (found,) = find(labels, (None, 2), names=("bad", "good"))
        assert "95% of the labels y are the class good" in found.text

    @pytest.mark.parametrize(
        ("labels", "shape"),
        [
            (np.array([0] * 80 + [1] * 20), (None, 2)),
            (np.array([0] * 9 + [1]), (None, 2)),
            (np.array([0] * 95 + list(range(5))), (None, 1)),
            (np.array([0.0] * 95 + list(range(5))), None),
            (np.zeros(1, int), (None, 3)),
        ],
        ids=["uneven", "few", "a count to predict", "values", "one sample"],
    )
    def test_what_is_usual_passes(self, labels, shape):
        assert find(labels, shape) == []


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (EVEN, {"kind": "classes", "classes": 3}),
        (np.eye(4)[EVEN], {"kind": "one-hot", "classes": 3}),
        (np.array([True, False]), {"kind": "classes", "classes": 2}),
        (np.linspace(0, 1, 5), {"kind": "values", "classes": None}),
        (np.array([np.nan, 1.0]), {"kind": "values", "classes": None}),
        (np.array([-1, 1]), {"kind": "values", "classes": None}),
        (np.ones((3, 2, 2)), {"kind": "values", "classes": None}),
    ],
    ids=["indices", "one-hot", "truth", "values", "gaps", "signs", "images"],
)
def test_labels_are_described(labels, expected):
    samples = Samples({"x": np.zeros((len(labels), 1))}, {"y": labels})
    assert describe_labels(samples) == [{"name": "y", **expected}]
