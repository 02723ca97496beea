"""The cost table: kinds are timed once, weights do not matter, sums follow from the file."""

from __future__ import annotations

import json

import numpy as np
import pytest

from converter.cost_table import CostTable
from converter.errors import LiteDriftError
from converter.op_cut import OperatorGraph
from converter.predicted_latency import PredictedLatency, TableCheck, table_error
from converter.tensor_binding import Binding
from tests.converter.example_tflites import features, write_classifier, write_strings


@pytest.fixture
def table():
    return CostTable(Binding(label="net"), {"features": features(4)})


def test_it_is_the_sum_of_the_operators_of_the_file_and_one_call(table, tmp_path):
    path = write_classifier(tmp_path / "a.tflite")
    found = table.predict(path)
    graph = OperatorGraph(path)
    assert sorted({**found.operators, **found.untimed}) == [op.number for op in graph.operators]
    assert found.predicted_ms > sum(found.operators.values()) >= 0
    for place, name in found.names.items():
        assert name == graph.tensors[graph.operators[place].outputs[0]].name


def test_a_kind_is_timed_once_whatever_its_weights(table, tmp_path):
    first = table.predict(write_classifier(tmp_path / "a.tflite"))
    kinds = len(table)
    assert kinds
    path = write_classifier(tmp_path / "b.tflite")
    content = bytearray(path.read_bytes())
    graph = OperatorGraph(path)
    weights = graph.constant(graph.operators[0].constants[0]).astype(np.float32).tobytes()
    place = content.find(weights)
    assert place > 0
    content[place : place + len(weights)] = np.ones(len(weights) // 4, np.float32).tobytes()
    path.write_bytes(content)
    again = table.predict(path)
    assert len(table) == kinds
    assert again == first


def test_another_batch_is_another_kind(table, tmp_path):
    table.predict(write_classifier(tmp_path / "a.tflite"))
    kinds = len(table)
    table.predict(write_classifier(tmp_path / "b.tflite", batch=4))
    assert len(table) > kinds


def test_a_file_that_is_none_is_refused(table, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(b"junk")
    with pytest.raises(LiteDriftError):
        table.predict(path)


def test_a_file_with_an_operator_that_cannot_be_timed_alone_has_no_latency(table, tmp_path):
    """The sum of the others would promise too much."""
    found = table.predict(write_strings(tmp_path / "a.tflite"))
    assert found.predicted_ms is None
    assert "string" in found.untimed[0]
    assert PredictedLatency.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_its_error_is_the_median_of_the_checks():
    checks = [TableCheck(label=str(p), predicted_ms=p, measured_ms=1.0) for p in (0.9, 1.0, 1.3)]
    assert table_error(checks) == pytest.approx(0.1)
    assert table_error([]) is None


def test_json_round_trip():
    found = PredictedLatency(
        predicted_ms=0.5, operators={0: 0.25}, names={0: "a"}, untimed={1: "it is too odd"}
    )
    as_json = {**found.to_json(), "operators": {"0": 0.25}, "names": {"0": "a"},
               "untimed": {"1": "it is too odd"}}  # fmt: skip
    assert PredictedLatency.from_json(as_json) == found
