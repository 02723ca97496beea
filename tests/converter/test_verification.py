"""Verification: what agrees, what differs by how much, and what is only shown."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest

from converter.comparison import Reference
from converter.verification import figures_agree, verify
from tests.converter.example_comparisons import (
    make_accuracy,
    make_comparison,
    make_drift,
    make_failed,
    make_latency,
    make_variant,
)


def compare(change, **made):
    """Return the lines of a comparison held against a changed copy of itself."""
    old = make_comparison(**made) if made else make_comparison([make_variant("int8")])
    new = copy.deepcopy(old)
    change(new)
    return verify(old, new)


def differing(entries):
    return [f"{e.subject}: {e.aspect}: {e.text}" for e in entries if e.agrees is False]


def test_a_comparison_agrees_with_itself_nan_and_infinity_included():
    old = make_comparison()
    entries = verify(old, copy.deepcopy(old))
    assert differing(entries) == []
    judged = {(e.subject, e.aspect) for e in entries if e.agrees}
    for recipe in ("float32", "int8"):
        assert {
            (recipe, "file"),
            (recipe, "drift of probabilities"),
            (recipe, "accuracy of probabilities"),
        } <= judged


def test_the_environment_comes_first_and_is_not_judged():
    entries = compare(lambda new: new.environment.update(tensorflow="2.99", cpu="Other"))
    assert [(e.subject, e.aspect, e.agrees) for e in entries[:3]] == [
        ("environment", "cpu", None),
        ("environment", "tensorflow", None),
        ("run", "model's SHA-256", True),
    ]
    assert "2.21.0 then, 2.99 now" in entries[1].text
    assert differing(entries) == []


def test_latency_is_shown_with_both_conditions_and_never_judged():
    def change(new):
        new.variants[0].latency = make_latency(5.0, runs=9)
        new.environment["cpu"] = "Slow CPU"

    entries = compare(change)
    (line,) = [e for e in entries if (e.subject, e.aspect) == ("int8", "latency")]
    assert line.agrees is None
    for words in ("p50 0.5 ms (Some CPU", "p50 5 ms (Slow CPU", "9 runs", "now / then 10.00"):
        assert words in line.text
    assert differing(entries) == []


def test_a_latency_that_one_lacks_has_no_ratio():
    entries = compare(lambda new: setattr(new.variants[0], "latency", None))
    (line,) = [e for e in entries if (e.subject, e.aspect) == ("int8", "latency")]
    assert "not measured now" in line.text
    assert "now / then" not in line.text


class TestFile:
    def change(self, **fields):
        entries = compare(lambda new: vars(new.variants[0]).update(fields))
        (line,) = [e for e in entries if e.aspect == "file"]
        return line

    def test_same_bytes(self):
        assert self.change().agrees is True

    def test_same_content(self):
        line = self.change(sha256="ab" * 32)
        assert line.agrees is True
        assert "other metadata" in line.text

    def test_another_content_says_by_how_much(self):
        line = self.change(sha256="ab" * 32, content_sha256="cd" * 32, size_bytes=25_012)
        assert line.agrees is False
        assert "+12 bytes now (25000 then, 25012 now)" in line.text

    def test_another_content_of_the_same_size(self):
        line = self.change(sha256="ab" * 32, content_sha256=None)
        assert line.agrees is False
        assert "of the same size" in line.text

    def test_no_file_now(self):
        line = self.change(sha256=None, content_sha256=None, size_bytes=None, file=None)
        assert line.agrees is False


class TestFigures:
    @pytest.mark.parametrize(
        ("name", "then", "now", "equal"),
        [
            ("sqnr_db", 40.0, 40.19, True), ("sqnr_db", 40.0, 40.21, False),
            ("rmse", 1.0, 1.019, True), ("rmse", 1.0, 1.03, False), ("rmse", 0.0, 0.1, False),
            ("max_abs_error", 1.0, 1.09, True), ("max_abs_error", 1.0, 1.2, False),
            ("cosine_similarity", 0.999, 0.99905, True), ("cosine_similarity", 0.999, 0.9, False),
            ("top1_agreement", 0.90, 0.91, True), ("top1_agreement", 0.90, 0.92, False),
            ("top1", 0.90, 0.89, True), ("top1", 0.90, 0.88, False),
            ("non_finite_count", 1, 2, False), ("non_finite_count", 2, 2, True),
            ("sqnr_db", math.inf, math.inf, True), ("sqnr_db", math.inf, 40.0, False),
            ("rmse", math.nan, math.nan, True), ("rmse", math.nan, 1.0, False),
            ("rmse", None, None, True), ("rmse", None, 0.0, False),
        ],
    )  # fmt: skip
    def test_the_tolerance_is_the_one_that_is_stated(self, name, then, now, equal):
        assert figures_agree(name, then, now, samples=100) is equal

    def test_a_figure_beyond_is_named_with_both_values(self):
        drift = make_drift(sqnr_db=30.0)
        entries = compare(lambda new: new.variants[0].output_drift.update(probabilities=drift))
        assert differing(entries) == ["int8: drift of probabilities: sqnr_db 40 then, 30 now"]

    def test_rounding_errors_are_equal_whatever_their_ratio(self):
        old = make_variant("float32", drift=make_drift(sqnr_db=140.0, rmse=1e-8))
        drift = make_drift(sqnr_db=131.0, rmse=9e-8)
        entries = compare(
            lambda new: new.variants[0].output_drift.update(probabilities=drift), variants=[old]
        )
        assert differing(entries) == []
        assert any("only rounding (sqnr_db 140 then, 131 now)" in e.text for e in entries)

    def test_rounding_on_one_side_is_a_difference(self):
        old = make_variant("float32", drift=make_drift(sqnr_db=140.0, rmse=1e-8))
        drift = make_drift(sqnr_db=40.0)
        entries = compare(
            lambda new: new.variants[0].output_drift.update(probabilities=drift), variants=[old]
        )
        assert "sqnr_db 140 then, 40 now" in differing(entries)[0]

    def test_an_output_that_one_lacks_is_a_difference(self):
        entries = compare(lambda new: new.variants[0].output_drift.clear())
        assert differing(entries) == ["int8: drift of probabilities: measured then, not now"]

    def test_the_originals_accuracy_is_held_too(self):
        def change(new):
            new.reference = Reference(output_accuracy={"probabilities": make_accuracy(0.5)})

        reference = Reference(output_accuracy={"probabilities": make_accuracy(0.9)})
        entries = compare(change, variants=[], reference=reference)
        assert differing(entries) == [
            "original: accuracy of probabilities: top1 0.9 then, 0.5 now"
        ]


class TestRows:
    def test_failed_then_and_now_agrees(self):
        entries = compare(lambda new: None, variants=[make_failed()])
        assert differing(entries) == []
        assert any(e.subject == "int8_full" and e.agrees for e in entries)

    def test_failed_now_is_a_difference_with_its_reason(self):
        def change(new):
            new.variants[0] = make_failed("int8", "int8: it\ncrashed.")

        found = differing(compare(change))
        assert "int8: outcome: ran then, failed (int8: it crashed.) now" in found

    def test_rows_that_one_lacks_are_differences(self):
        def change(new):
            new.variants[0] = replace(new.variants[0], recipe="other")

        assert differing(compare(change)) == [
            "int8: row: in the bundle, not made now",
            "other: row: not in the bundle, made now",
        ]


@pytest.mark.parametrize(
    ("place", "field"),
    [("model", "sha256"), ("data", "sha256"), ("data", "evaluation_samples"),
     ("data", "calibration_samples")],
)  # fmt: skip
def test_another_model_or_other_samples_are_a_difference(place, field):
    value = "ff" * 32 if field == "sha256" else 7
    entries = compare(lambda new: setattr(getattr(new, place), field, value))
    assert len(differing(entries)) == 1
