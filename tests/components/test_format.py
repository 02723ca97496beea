"""Figures as text: units, rounding, and what is shown where there is no number."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import math

import pytest

from components import format as f


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (math.nan, "–"), (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"),
        (112_480, "112 kB"), (999_499, "999 kB"), (999_600, "1.00 MB"), (1_991_845, "1.99 MB"),
        (13.9e6, "13.9 MB"), (2.5e9, "2.50 GB"), (7e12, "7.00 TB"),
    ],
)
def test_bytes(value, text):
    assert f.format_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (math.nan, "–"), (0, "0 ms"), (0.00877, "8.77 µs"), (0.0999, "99.9 µs"),
        (0.1, "0.10 ms"), (12.34, "12.3 ms"), (999.0, "999 ms"), (1500.0, "1.50 s"),
    ],
)
def test_milliseconds(value, text):
    assert f.format_ms(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (math.nan, "–"), (0.0, "0.0 %"), (0.9833, "98.3 %"), (1.0, "100 %"),
        (0.99999, "99.9 %"),
    ],
)
def test_only_exactly_one_is_a_hundred_per_cent(value, text):
    assert f.format_percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (math.nan, "NaN"), (math.inf, "identical"), (-math.inf, "−∞ dB"),
        (44.94, "44.9 dB"), (-3.0, "−3.0 dB"),
    ],
)
def test_decibels(value, text):
    assert f.format_db(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (math.nan, "NaN"), (math.inf, "∞"), (0.0, "0"), (0.0391, "0.039"),
        (1.8e-7, "1.8·10⁻⁷"), (1e-8, "10⁻⁸"), (2e5, "2·10⁵"),
    ],
)
def test_errors_of_outputs(value, text):
    assert f.format_error(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0.0, "no change"), (-0.0004, "no change"), (-0.0028, "−0.3 pp"),
        (0.01, "+1.0 pp"),
    ],
)
def test_percentage_points(value, text):
    assert f.format_points(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(math.nan, "–"), (3.906, "3.9×"), (12.34, "12.3×"), (214.2, "214×")]
)
def test_ratios(value, text):
    assert f.format_ratio(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.2, "1 s"), (12.4, "12 s"), (70, "1 min 10 s"), (600.4, "10 min 00 s")],
)
def test_waiting_times(value, text):
    assert f.format_seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(4158, "4,158"), (25_690, "25.7 k"), (160_298, "160 k"), (3.5e6, "3.50 M"), (2e9, "2.00 G")],
)
def test_short_counts(value, text):
    assert f.short_count(int(value)) == text


@pytest.mark.parametrize(
    ("shape", "text"),
    [(None, "unknown"), ([], "scalar"), ([None, 8, 8, 1], "? × 8 × 8 × 1"), ((1, 10), "1 × 10")],
)
def test_shapes(shape, text):
    assert f.format_shape(shape) == text


def test_dates_are_told_in_utc_and_other_text_is_left():
    assert f.format_date("2026-11-22T10:30:00+02:00") == "2026-11-22 08:30 UTC"
    assert f.format_date("yesterday") == "yesterday"


def test_shortened_names_keep_their_ending():
    assert f.shorten("model.keras", 16) == "model.keras"
    short = f.shorten("a_very_long_name_of_a_model.keras", 16)
    assert len(short) == 16
    assert short.endswith("keras")


@pytest.mark.parametrize(("value", "unit"), [(0, "B"), (999, "B"), (5e3, "kB"), (2e6, "MB")])
def test_the_unit_of_an_axis(value, unit):
    assert f.byte_unit(value)[0] == unit


def test_labels_of_plotly_hold_no_markup():
    assert f.escape_label("<b>a & b</b>") == "&lt;b&gt;a &amp; b&lt;/b&gt;"
