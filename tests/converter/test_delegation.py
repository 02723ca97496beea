"""Which operators the delegate took: on graphs drawn by hand, and in a real interpreter."""

from __future__ import annotations

import pytest

from converter.delegation import Delegation, find_delegated
from converter.kernels import Kernels
from converter.litert_model import LitertModel
from tests.converter.example_tflites import as_int8, write_classifier


def test_one_piece_between_two_operators_that_stay():
    found = find_delegated(
        ["CAST", "ADD", "MUL", "SOFTMAX", "DELEGATE"],
        [[0], [1, 9], [2, -1], [3], [1, 9]],
        [[1], [2], [3], [4], [3]],
    )
    assert found == Delegation(
        operators=4, delegated=2, partitions=1, left_names={"CAST": 1, "SOFTMAX": 1}
    )
    assert found.share == 0.5
    assert Delegation.from_json({**found.to_json(), "later": 1}) == found


def test_two_pieces_and_a_branch():
    found = find_delegated(
        ["A", "B", "STAY", "C", "DELEGATE", "DELEGATE"],
        [[0], [0], [1, 2], [3], [0], [3]],
        [[1], [2], [3], [4], [1, 2], [4]],
    )
    assert (found.delegated, found.partitions, found.left_names) == (3, 2, {"STAY": 1})


def test_without_a_delegate_and_without_operators():
    assert find_delegated(["ADD"], [[0]], [[1]]).delegated == 0
    assert find_delegated([], [], []).share == 0.0


@pytest.mark.parametrize("kernels", list(Kernels))
def test_a_real_file_is_taken_whole_or_not_at_all(tmp_path, kernels):
    path = write_classifier(tmp_path / "a.tflite")
    found = Delegation.from_json(LitertModel(path, kernels=kernels).delegation())
    assert found.operators > 0
    assert found.delegated == (found.operators if kernels == Kernels.DEFAULT else 0)
    assert sum(found.left_names.values()) == found.operators - found.delegated


def test_what_xnnpack_leaves_of_an_int8_file_is_named(tmp_path):
    path = as_int8(write_classifier(tmp_path / "a.tflite"), tmp_path / "int8.tflite")
    found = Delegation.from_json(LitertModel(path).delegation())
    assert 0 < found.delegated <= found.operators
    assert sum(found.left_names.values()) == found.operators - found.delegated
