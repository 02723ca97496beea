"""The registry of exported columns: complete, unambiguous, and true to the JSON contract."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from converter.accuracy import Accuracy
from converter.comparison import Audit, Reference, Variant
from converter.drift import METRICS, Drift
from converter.latency import LatencyStats
from converter.tables import columns
from converter.tables.columns import FLAG, INTEGER, NUMBER, TABLES, TEXT


def names(table):
    return [column.name for column in TABLES[table].columns]


@pytest.mark.parametrize("table", TABLES)
def test_every_column_says_what_it_means(table):
    assert len(set(names(table))) == len(names(table))
    for column in TABLES[table].columns:
        assert column.kind in {TEXT, INTEGER, NUMBER, FLAG}
        assert column.meaning


ENDINGS = {"_ms": "ms", "_bytes": "bytes", "_seconds": "s", "_db": "dB", "_ratio": "times"}


@pytest.mark.parametrize("table", TABLES)
def test_the_unit_is_in_the_name_and_agrees(table):
    for column in TABLES[table].columns:
        for ending, unit in ENDINGS.items():
            if column.name.endswith(ending):
                assert column.unit == unit


# Where a field is not a column of its own: the table or the columns that hold it.
ELSEWHERE = {
    "flags", "latency", "drift", "output_drift", "accuracy", "output_accuracy", "audit", "notes",
    "warnings",  # among the notes
    "ci95", "p50_ci95_ms", "p90_ci95_ms", "p99_ci95_ms",
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "table", "prefix"),
    [
        (Variant, "variants", ""),
        (LatencyStats, "variants", "latency_"),
        (Drift, "variants", "drift_"),
        (Accuracy, "variants", "accuracy_"),
        (Audit, "variants", "audit_"),
        (Reference, "reference", ""),
        (LatencyStats, "reference", "latency_"),
        (Drift, "outputs", ""),
        (Accuracy, "accuracy", ""),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_no_figure_of_the_contract_is_left_out(kind, table, prefix):
    known = {f"{prefix}{field.name}" for field in fields(kind) if field.name not in ELSEWHERE}
    left_out = known - set(names(table))
    assert left_out <= {"accuracy_delta"} if table == "reference" else not left_out


def test_the_meaning_of_a_metric_is_typed_once():
    text = Path(columns.__file__).read_text()
    assert [name for name, info in METRICS.items() if info.meaning in text] == []
