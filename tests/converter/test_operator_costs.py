"""Costs: every operator counted, sums that add up, the check against the whole always there."""

from __future__ import annotations

import json

import pytest

from converter.json_figures import encode_figures
from converter.layer_drift import OpenFile
from converter.op_cost import measure_operator_costs
from converter.operator_costs import (
    OperatorCost,
    OperatorCosts,
    compare_costs,
    compare_types,
    cost_by_type,
)
from converter.tensor_binding import Binding
from tests.converter import example_tflites as examples


def costs(*operators, whole=1.0, call=0.0):
    return OperatorCosts(
        operators=[
            OperatorCost(number=i, operator=kind, tensor=name, median_ms=ms, fastest_ms=ms, runs=9,
                         absence=None if ms is not None else "because")
            for i, (kind, name, ms) in enumerate(operators)
        ],
        whole_ms=whole, whole_fastest_ms=whole, whole_runs=9, empty_call_ms=call, threads=1,
    )


FLOAT = costs(("CONV_2D", "a", 0.5), ("CONV_2D", "b", 0.25), ("SOFTMAX", "c", 0.05), whole=0.8)
INT8 = costs(("QUANTIZE", "q", 0.01), ("CONV_2D", "a", 0.2), ("CONV_2D", "b", 0.3),
             ("SOFTMAX", "c", None), whole=0.6)


def test_totals_by_type_add_up_and_the_most_costly_is_first():
    first, second = cost_by_type(FLOAT)
    assert (first.operator, first.count, first.total_ms) == ("CONV_2D", 2, 0.75)
    assert first.share + second.share == pytest.approx(1)
    assert FLOAT.coverage == pytest.approx(1.0)
    assert FLOAT.is_explained


def test_what_was_not_timed_is_listed_and_counts_nothing():
    assert [(o.tensor, o.absence) for o in INT8.not_timed] == [("c", "because")]
    assert INT8.parts_ms == pytest.approx(0.51)
    assert INT8.coverage == pytest.approx(0.85)


@pytest.mark.parametrize("compare", [compare_costs, compare_types])
def test_changes_sum_to_the_change_of_the_sums(compare):
    changes = compare(FLOAT, INT8)
    assert sum(c.change_ms for c in changes) == pytest.approx(INT8.parts_ms - FLOAT.parts_ms)
    sizes = [abs(c.change_ms) for c in changes]
    assert sizes == sorted(sizes, reverse=True)


def test_layers_are_paired_by_name_and_the_unpaired_stand_alone():
    found = {c.name: (c.before_ms, c.after_ms) for c in compare_costs(FLOAT, INT8)}
    assert found == {"a": (0.5, 0.2), "b": (0.25, 0.3), "c": (0.05, None), "q": (None, 0.01)}


def test_names_that_repeat_are_paired_by_their_turn():
    twice = costs(("ADD", "s", 0.1), ("ADD", "s", 0.2))
    assert [(c.before_ms, c.after_ms) for c in compare_costs(twice, twice)] == [
        (0.1, 0.1), (0.2, 0.2)
    ]


def test_names_that_differ_in_the_number_at_their_end_are_one_layer():
    before = costs(("CONV_2D", "a/sub1", 0.5), ("ADD", "b7", 0.1))
    after = costs(("CONV_2D", "a/sub2", 0.2), ("MUL", "b8", 0.3))
    found = {c.name: (c.before_ms, c.after_ms) for c in compare_costs(before, after)}
    assert found == {"a/sub2": (0.5, 0.2), "b8": (None, 0.3), "b7": (0.1, None)}


def test_the_call_is_taken_off_each_part_and_counted_once():
    found = costs(("CONV_2D", "a", 0.5), ("ADD", "b", 0.1), ("ADD", "c", 0.05), call=0.1, whole=0.5)
    assert found.parts_ms == pytest.approx(0.1 + 0.4)  # c took no longer than an empty call
    assert found.coverage == pytest.approx(1.0)
    assert found.gross_coverage == pytest.approx(1.3)
    assert [(t.operator, t.total_ms) for t in cost_by_type(found)] == [
        ("CONV_2D", pytest.approx(0.4)), ("ADD", pytest.approx(0.0))
    ]


def measured(path, **binding):
    file = OpenFile(path, Binding(label="it", **binding))
    return measure_operator_costs(file, {"features": examples.features(3)})


def test_all_operators_of_a_file_are_timed_beside_the_whole(tmp_path):
    source = examples.write_classifier(tmp_path / "float.tflite")
    for path in (source, examples.as_int8(source, tmp_path / "int8.tflite")):
        found = measured(path)
        assert [o.operator for o in found.timed] == [
            "FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX"
        ]
        assert all(o.runs >= 30 and 0 < o.fastest_ms <= o.median_ms for o in found.timed)
        assert found.gross_ms == pytest.approx(sum(o.median_ms for o in found.timed))
        assert 0 < found.parts_ms <= found.gross_ms
        assert found.whole_runs >= 5
        assert found.whole_ms > 0
        assert found.coverage == found.parts_ms / found.whole_ms
        # A file so small is not explained by its parts, and the answer says why.
        assert found.is_explained or any(f"{found.coverage:.0%}" in note for note in found.notes)


def test_what_cannot_be_cut_keeps_its_reason(tmp_path):
    path = examples.write_crash_when_run(tmp_path / "calls.tflite")
    from converter.op_cut import OperatorGraph

    # LiteRT dies when it runs this file, so only what the cut itself says is looked at.
    first, second = OperatorGraph(path).operators
    assert first.reason == "it runs another graph of the file"
    assert second.reason is None


def test_the_answer_survives_json(tmp_path):
    found = measured(examples.write_classifier(tmp_path / "float.tflite"))
    from dataclasses import asdict

    text = json.dumps(encode_figures(asdict(found)), allow_nan=False)
    assert OperatorCosts.from_json(json.loads(text)) == found
