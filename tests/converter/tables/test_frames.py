"""The frames of a comparison: every figure there, exact, typed; damaged values refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from converter.comparison import Audit, Comparison
from converter.errors import ExportError
from converter.tables.columns import TABLES
from converter.tables.frames import build_tables
from tests.converter.example_comparisons import (
    make_comparison,
    make_drift,
    make_failed,
    make_latency,
    make_variant,
)

SAMPLES = {"original": np.array([1.0, 0.1 + 0.2]), "int8": np.array([0.25])}


def tables(comparison=None, samples=SAMPLES):
    return build_tables(comparison or make_comparison(), samples)


def test_all_tables_have_the_columns_and_types_of_the_registry():
    kinds = {"text": "string", "integer": "Int64", "number": "float64", "flag": "boolean"}
    made = tables()
    assert list(made) == list(TABLES)
    for name, frame in made.items():
        columns = TABLES[name].columns
        assert list(frame.columns) == [column.name for column in columns]
        assert [str(kind) for kind in frame.dtypes] == [kinds[column.kind] for column in columns]


def test_a_variant_has_one_row_with_its_exact_figures():
    odd = 0.1 + 0.2
    variant = make_variant(
        "int8", latency=make_latency(odd), drift=make_drift(rmse=odd, sqnr_db=math.nextafter(40, 0))
    )
    row = tables(make_comparison([make_variant("float32"), variant]))["variants"].iloc[1]
    assert row["recipe"] == "int8"
    assert row["size_bytes"] == 25_000
    assert row["latency_p50_ms"] == odd
    assert row["drift_rmse"] == odd
    assert row["drift_sqnr_db"] == math.nextafter(40, 0)
    assert (row["accuracy_ci95_low"], row["accuracy_ci95_high"]) == (0.97 - 0.02, 0.999)
    assert row["audit_integer_ops"] == 4
    assert row["size_ratio"] == 100_000 / 25_000
    assert row["speed_ratio"] == 1.0 / odd
    assert row["runnable"] is np.True_ or row["runnable"] is True


def test_infinities_stay_and_what_was_not_measured_is_missing():
    frame = tables()["variants"].set_index("recipe")
    assert frame.loc["float32", "drift_sqnr_db"] == math.inf
    assert frame.loc["int8", "drift_sqnr_db"] == -math.inf
    assert math.isnan(frame.loc["int8", "drift_rmse"])
    assert frame.loc["int8", "drift_max_abs_error_lsb"] is pd.NA or math.isnan(
        frame.loc["int8", "drift_max_abs_error_lsb"]
    )


def test_a_failed_variant_has_its_reason_and_no_figures():
    frame = tables(make_comparison([make_failed()]))["variants"]
    assert frame["error"].tolist() == ["int8_full: it crashed."]
    figures = [name for name in frame.columns if name.startswith(("latency_", "drift_", "size_"))]
    assert frame[figures].isna().all(axis=None)


def test_samples_are_long_in_their_order_and_exact():
    frame = tables()["latency_samples"]
    assert frame["candidate"].tolist() == ["original", "original", "int8"]
    assert frame["run"].tolist() == [0, 1, 0]
    assert frame["latency_ms"].tolist() == [1.0, 0.1 + 0.2, 0.25]


def test_a_million_samples_are_as_long():
    frame = tables(samples={"int8": np.arange(1_000_000) / 7})["latency_samples"]
    assert len(frame) == 1_000_000
    assert frame["latency_ms"].iloc[-1] == 999_999 / 7


def test_no_variant_and_no_sample_is_empty_but_typed():
    made = tables(make_comparison([]), {})
    assert len(made["variants"]) == len(made["latency_samples"]) == len(made["outputs"]) == 0
    assert str(made["latency_samples"]["run"].dtype) == "Int64"
    assert len(made["reference"]) == 1


def test_flags_notes_and_recipes_are_long():
    audit = Audit(
        flags=[{"toggle": "t", "flag": "DEFAULT", "found": "4 of 5", "effect": "partly"}],
        notes=["one", "two"],
    )
    comparison = make_comparison([make_variant("int8", audit=audit)])
    comparison.data.notes = ["few samples"]
    made = tables(comparison)
    assert made["flags"].values.tolist() == [["int8", "DEFAULT", "4 of 5", "partly", "t"]]
    notes = made["notes"]
    assert notes["note"].tolist() == ["few samples", "one", "two"]
    assert notes["position"].tolist() == [0, 0, 1]
    assert notes["recipe"].isna().tolist() == [True, False, False]
    asked = dict(made["recipes"][["flag", "value"]].values.tolist())
    assert {flag: json.loads(value) for flag, value in asked.items()} == json.loads(
        json.dumps(comparison.variants[0].flags)
    )


def test_accuracy_has_the_original_too():
    comparison = make_comparison()
    comparison.reference.output_accuracy = {"probabilities": comparison.reference.accuracy}
    frame = tables(comparison)["accuracy"]
    assert frame["candidate"].tolist() == ["original", "float32", "int8"]
    assert frame["top1"].tolist() == [0.98, 0.97, 0.97]
    assert frame["delta"].isna().tolist() == [True, False, False]


def test_conditions_hold_every_leaf_of_the_contract_that_is_no_figure():
    comparison = make_comparison()
    comparison.settings["protocol"] = {"runs": 50, "seconds": 1.0}
    frame = tables(comparison)["conditions"]
    found = {
        row.key: row.value if row.type == "text" else json.loads(row.value)
        for row in frame.itertuples()
    }
    contract = comparison.to_json()
    for key, value in found.items():
        place = contract
        for part in key.split("."):
            place = place[part]
        assert value == place
    assert {"settings.protocol.runs", "environment.cpu", "model.sha256", "created"} <= set(found)


HOSTILE = ["=1+1", 'a\r\nb,"c";', "", "\0", "模型 \u202e", "'", "<b>", "a" * 100_000]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_are_kept_to_the_letter(name):
    comparison = make_comparison([make_variant(output_drift={name: make_drift()})], name=name)
    made = tables(comparison)
    assert made["outputs"]["output"].tolist() == [name]
    conditions = made["conditions"].set_index("key")["value"]
    assert conditions["model.name"] == name


def test_what_no_file_can_hold_is_escaped():
    conditions = tables(make_comparison(name="a\udcff"))["conditions"].set_index("key")["value"]
    assert conditions["model.name"] == "a\\udcff"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size_bytes", "25000"), ("size_bytes", 1.5), ("size_bytes", True), ("size_bytes", 2**63),
        ("convert_seconds", [1]), ("file", 3), ("runnable", "yes"),
    ],
)  # fmt: skip
def test_a_damaged_comparison_is_refused_by_name(field, value):
    written = make_comparison().to_json()
    written["variants"][0][field] = value
    damaged = Comparison.from_json(written)
    with pytest.raises(ExportError, match=field) as caught:
        tables(damaged)
    assert "run the comparison again" in str(caught.value)


@pytest.mark.parametrize("field", ["flags", "audit.notes", "audit.flags"])
def test_another_form_is_refused_in_one_sentence(field):
    comparison = make_comparison()
    place = comparison.variants[0]
    *path, last = field.split(".")
    for part in path:
        place = getattr(place, part)
    setattr(place, last, 7)
    with pytest.raises(ExportError, match="expected the form that `run` writes"):
        tables(comparison)
