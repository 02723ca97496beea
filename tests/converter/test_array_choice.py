"""Which arrays of an `.npz` are inputs and labels, and what is said of the others."""

from __future__ import annotations

import pytest

from converter.array_choice import choose_arrays, describe_choice
from converter.errors import DataError


@pytest.mark.parametrize(
    ("found", "chosen", "labels"),
    [
        (["x", "y"], "x", {"y": "y"}),
        (["image", "y"], "image", {"y": "y"}),
        (["x", "image"], "image", {}),
        (["data", "label"], "data", {"y": "label"}),
        (["images", "labels"], "images", {"y": "labels"}),
        (["X", "Y"], "X", {"y": "Y"}),
        (["x_train", "y_train", "x_test", "y_test"], "x_test", {"y": "y_test"}),
        (["x_train", "y_train"], "x_train", {"y": "y_train"}),
        (["x", "y_test"], "x", {"test": "y_test"}),
        (["x", "y", "label"], "x", {"y": "y"}),
        (["x", "y_a", "y_b"], "x", {"a": "y_a", "b": "y_b"}),
        (["x"], "x", {}),
        (["y_hat"], None, {}),
    ],
    ids=str,
)
def test_the_array_of_one_input_and_its_labels(found, chosen, labels):
    if chosen is None:
        with pytest.raises(DataError, match="expected x"):
            choose_arrays("a.npz", ["image"], found)
        return
    assert choose_arrays("a.npz", ["image"], found) == ({"image": chosen}, labels)


def test_an_input_named_like_labels_is_an_input():
    chosen, labels = choose_arrays("a.npz", ["label", "y"], ["y", "label", "target"])
    assert chosen == {"label": "label", "y": "y"}
    assert labels == {"y": "target"}


def test_several_inputs_need_their_names():
    with pytest.raises(DataError, match="one array for each input: a, b, found a, c"):
        choose_arrays("d.npz", ["a", "b"], ["a", "c"])


class TestNotes:
    def test_the_expected_needs_no_word(self):
        assert describe_choice({"image": "x"}, {"y": "y"}, ["x", "y"]) == []

    def test_other_names_are_told(self):
        notes = describe_choice({"image": "x_test"}, {"y": "y_test"}, ["x_test", "y_test"])
        assert notes == [
            "The array 'x_test' was taken for the input 'image'.",
            "The array 'y_test' was taken for the labels.",
        ]

    def test_what_is_left_out_is_told_in_few_words(self):
        (note,) = describe_choice({"a": "x"}, {}, ["x", "other"])
        assert note == "The array other belongs to no input and no label: left out."
        (note,) = describe_choice({"a": "x"}, {}, ["x", *(f"array {n}" for n in range(100))])
        assert "array 0, array 1" in note
        assert "and 88 more" in note
        assert len(note) < 300
