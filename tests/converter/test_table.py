"""The comparison as text for a terminal."""

from __future__ import annotations

import math

import pytest

from converter.accuracy import Accuracy
from converter.comparison import Audit, DataFacts, Reference
from converter.table import HEADER, format_comparison
from converter.verdict import judge
from tests.converter.example_comparisons import (
    make_comparison,
    make_drift,
    make_failed,
    make_latency,
    make_variant,
)


def rows_of(comparison):
    """Return the table's cells by the first word of each row."""
    lines = format_comparison(comparison).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("recipe"))
    table = lines[start : start + 2 + len(comparison.variants)]
    return {line.split()[0]: line for line in table}


def test_the_verdict_comes_first():
    comparison = make_comparison([make_variant()])
    assert format_comparison(comparison).splitlines()[0] == judge(comparison).sentence


def test_the_original_and_every_variant_have_a_row():
    rows = rows_of(make_comparison([make_variant("float32"), make_variant("int8")]))
    assert list(rows) == ["recipe", "original", "float32", "int8"]


def test_the_figures_of_a_row():
    variant = make_variant(size_bytes=25_000, latency=make_latency(0.5), drift=make_drift())
    row = rows_of(make_comparison([variant]))["int8"].split()
    assert row == [
        "int8",
        "25.0",
        "kB",
        "4.0x",
        "0.500",
        "ms",
        "2.0x",
        "40.0",
        "dB",
        "0.02",
        "100.0%",
        "97.0%",
    ]


def test_files_are_told_by_their_content():
    comparison = make_comparison([make_variant()])
    comparison.data.name, comparison.data.sha256 = "own.npz", "cd" * 32
    lines = format_comparison(comparison).splitlines()
    assert f"{comparison.model.name}: SHA-256 {comparison.model.sha256}" in lines
    assert f"own.npz: SHA-256 {'cd' * 32}" in lines
    comparison.data.name = comparison.data.sha256 = None  # random samples
    assert sum("SHA-256" in line for line in format_comparison(comparison).splitlines()) == 1


def test_columns_are_aligned():
    comparison = make_comparison(
        [make_variant("dynamic_range"), make_variant("int8", size_bytes=12_345_678)]
    )
    rows = list(rows_of(comparison).values())
    column = rows[0].index("p50") + len("p50")
    assert all(row[column - 1] != " " and row[column] == " " for row in rows)
    assert "12.35 MB" in rows[-1]


def test_a_failed_variant_shows_dashes_and_its_reason():
    text = format_comparison(make_comparison([make_variant("float32"), make_failed()]))
    assert "int8_full (failed)" in text
    assert "failed: int8_full: it crashed." in text


def test_a_variant_that_cannot_run_shows_its_notes():
    variant = make_variant(
        runnable=False, latency=None, drift=None, accuracy=None, audit=Audit(notes=["Size only."])
    )
    text = format_comparison(make_comparison([variant]))
    assert "int8: Size only." in text


@pytest.mark.parametrize("sqnr", [math.inf, -math.inf, math.nan], ids=str)
def test_figures_that_are_no_numbers_can_be_printed(sqnr):
    variant = make_variant(drift=make_drift(sqnr_db=sqnr, top1_agreement=None))
    row = rows_of(make_comparison([variant]))["int8"]
    assert f"{sqnr:.1f} dB" in row


def test_a_comparison_without_latency_or_accuracy_can_be_printed():
    comparison = make_comparison([make_variant(latency=None)], reference=Reference())
    original = ["original", "100.0", "kB", "1.0x", "-", "1.0x", "-", "-", "-", "-"]
    assert rows_of(comparison)["original"].split() == original
    assert rows_of(comparison)["int8"].split()[4:6] == ["-", "-"]


def test_a_regression_has_no_top1():
    comparison = make_comparison(
        [make_variant(accuracy=Accuracy(task="regression", samples=4, mae=1.0))]
    )
    assert rows_of(comparison)["int8"].split()[-2:] == ["MAE", "1"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, "100 samples of digits.npz, 30 others for calibration"),
        ("random", "100 random samples, 30 others for calibration"),
    ],
    ids=["file", "random"],
)
def test_the_conditions_are_told(data, expected):
    comparison = make_comparison([make_variant()])
    if data:
        comparison.data = DataFacts(
            source="random",
            name=None,
            sha256=None,
            calibration_samples=30,
            evaluation_samples=100,
            labelled=False,
            seed=0,
        )
    text = format_comparison(comparison)
    assert expected in text
    assert "batch 1, 1 thread(s) on 2 core(s), Some CPU" in text


def test_every_header_is_a_column_of_its_own():
    header = rows_of(make_comparison([make_variant()]))["recipe"]
    assert [name for name in HEADER if name not in header] == []


def test_a_run_from_a_tflite_says_what_its_original_is():
    comparison = make_comparison()
    assert "the original is a warmed tf.function" in format_comparison(comparison)
    comparison.model.format = "tflite"
    text = format_comparison(comparison)
    assert "the original is the given file, run like the others" in text
    assert "tf.function" not in text
