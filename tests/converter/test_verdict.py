"""The verdict: which variant is recommended, and that its sentence claims nothing untrue."""

from __future__ import annotations

import math

import pytest

from converter.comparison import DataFacts, Reference
from converter.drift import worst_drift
from converter.recipe import AS_GIVEN, GIVEN, LITERT_QUANTIZER
from converter.verdict import RULE, is_faithful, judge, size_ratio, speed_ratio
from tests.converter.example_comparisons import (
    make_comparison,
    make_drift,
    make_failed,
    make_latency,
    make_variant,
)


class TestFaithful:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"top1_agreement": 0.99}, True),
            ({"top1_agreement": 0.9899}, False),
            ({"top1_agreement": 1.0, "sqnr_db": 5.0}, True),
            ({"top1_agreement": None, "sqnr_db": 30.0}, True),
            ({"top1_agreement": None, "sqnr_db": 29.9}, False),
            ({"top1_agreement": None, "sqnr_db": math.inf}, True),
            ({"top1_agreement": None, "sqnr_db": math.nan}, False),
            ({"top1_agreement": 1.0, "non_finite_count": 1}, False),
        ],
        ids=[
            "on the bound",
            "below it",
            "classes count alone",
            "SQNR on the bound",
            "SQNR below it",
            "identical",
            "NaN",
            "an infinite value",
        ],
    )
    def test_by_the_rule(self, changes, expected):
        assert is_faithful(make_variant(drift=make_drift(**changes))) is expected

    def test_what_was_not_measured_is_not_faithful(self):
        assert is_faithful(make_failed()) is False

    def test_an_output_that_is_ruined_is_not_hidden_by_one_that_is_not(self):
        classes = make_drift(top1_agreement=1.0, sqnr_db=40.0)
        ruined = make_drift(top1_agreement=None, top1_samples=None, top1_ties=None, sqnr_db=-0.4)
        variant = make_variant(
            drift=worst_drift([classes, ruined]), output_drift={"cls": classes, "val": ruined}
        )
        assert not is_faithful(variant)


class TestRatios:
    def test_size_is_against_the_original_without_its_optimizer(self):
        comparison = make_comparison()
        assert size_ratio(comparison, make_variant(size_bytes=25_000)) == 4.0

    def test_speed_is_against_the_original(self):
        assert speed_ratio(make_comparison(), make_variant(latency=make_latency(0.5))) == 2.0

    @pytest.mark.parametrize(
        "variant",
        [make_failed(), make_variant(latency=None), make_variant(latency=make_latency(0.0))],
        ids=["failed", "no latency", "no time"],
    )
    def test_a_missing_latency_has_no_ratio(self, variant):
        assert math.isnan(speed_ratio(make_comparison(), variant))

    def test_a_missing_size_has_no_ratio(self):
        assert math.isnan(size_ratio(make_comparison(), make_failed()))

    def test_a_missing_reference_has_no_ratio(self):
        comparison = make_comparison(reference=Reference())
        assert math.isnan(speed_ratio(comparison, make_variant()))


class TestJudge:
    def test_recommends_the_smallest_faithful_variant(self):
        comparison = make_comparison(
            [
                make_variant("float32", size_bytes=100_000),
                make_variant("int8", size_bytes=25_000),
                make_variant("int8_full", size_bytes=20_000, drift=make_drift(top1_agreement=0.5)),
            ]
        )
        verdict = judge(comparison)
        assert (verdict.recipe, verdict.tone) == ("int8", "good")
        assert "4.0 times smaller" in verdict.sentence
        assert "2.0 times faster" in verdict.sentence

    def test_at_equal_size_the_faster_one(self):
        comparison = make_comparison(
            [
                make_variant("int8", latency=make_latency(0.5)),
                make_variant("int8_full", latency=make_latency(0.4)),
            ]
        )
        assert judge(comparison).recipe == "int8_full"

    def test_of_equal_files_the_first_is_named_whatever_the_noise_of_their_latency(self):
        comparison = make_comparison(
            [
                make_variant("int8", content_sha256="aa", latency=make_latency(0.5)),
                make_variant("int8_full", content_sha256="aa", latency=make_latency(0.4)),
            ]
        )
        assert judge(comparison).recipe == "int8"

    def test_does_not_praise_a_file_that_is_larger_than_the_original(self):
        sentence = judge(make_comparison([make_variant(size_bytes=300_000)])).sentence
        assert "No faithful variant is smaller than the original" in sentence
        assert "3.0 times larger" in sentence

    def test_says_when_no_variant_is_faithful(self):
        comparison = make_comparison(
            [
                make_variant("int8", drift=make_drift(top1_agreement=0.5)),
                make_variant("float16", drift=make_drift(top1_agreement=0.9), size_bytes=50_000),
            ]
        )
        verdict = judge(comparison)
        assert (verdict.recipe, verdict.tone) == ("float16", "caution")
        assert "No variant is faithful" in verdict.sentence

    def test_says_when_all_failed(self):
        verdict = judge(make_comparison([make_failed("int8_full"), make_failed("int16x8")]))
        assert (verdict.recipe, verdict.tone) == (None, "bad")
        assert "None of the 2 variants could be converted and run here" in verdict.sentence

    def test_says_which_variants_were_converted_without_running(self):
        size_only = make_variant("float32", runnable=False, drift=None)
        verdict = judge(make_comparison([size_only, make_failed("int8_full")]))
        assert (verdict.recipe, verdict.tone) == (None, "bad")
        assert "float32 could be converted but not run here" in verdict.sentence
        assert "int8_full" not in verdict.sentence

    def test_names_no_other_variants_where_there_are_none(self):
        size_only = make_variant("float32", runnable=False, drift=None)
        assert "other" not in judge(make_comparison([size_only])).sentence

    def test_random_samples_are_named_as_a_doubt(self):
        data = DataFacts(
            source="random",
            name=None,
            sha256=None,
            calibration_samples=10,
            evaluation_samples=100,
            labelled=False,
            seed=0,
        )
        verdict = judge(make_comparison([make_variant()], data=data))
        assert verdict.tone == "caution"
        assert "random samples" in verdict.sentence

    def test_without_latency_no_speed_is_claimed(self):
        sentence = judge(make_comparison([make_variant(latency=None)])).sentence
        assert "faster" not in sentence
        assert "slower" not in sentence

    def test_the_rule_names_its_own_figures(self):
        assert "99 %" in RULE
        assert "30 dB" in RULE


class TestSentence:
    @pytest.mark.parametrize(
        ("size", "expected"),
        [
            (100_000, "about as large"),
            (98_000, "about as large"),
            (96_200, "about as large"),
            (104_000, "about as large"),
            (50_000, "2.0 times smaller"),
            (200_000, "2.0 times larger"),
        ],
    )
    def test_says_the_size_as_a_person_would(self, size, expected):
        sentence = judge(make_comparison([make_variant(size_bytes=size)])).sentence
        assert expected in sentence

    @pytest.mark.parametrize("ratio", [n / 1000 for n in range(900, 1100, 7)], ids=str)
    def test_never_says_one_time_smaller(self, ratio):
        comparison = make_comparison(
            [make_variant(size_bytes=round(100_000 / ratio), latency=make_latency(ratio))]
        )
        assert " 1.0 times" not in judge(comparison).sentence

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"top1_agreement": 0.995}, "99.5% of 100 samples"),
            (
                {"top1_agreement": None, "top1_samples": None, "sqnr_db": 42.4},
                "42 dB below the signal (SQNR)",
            ),
            ({"top1_agreement": None, "top1_samples": None, "sqnr_db": math.inf}, "identical"),
        ],
        ids=["agreement", "SQNR", "identical"],
    )
    def test_says_how_close_the_outputs_are(self, changes, expected):
        sentence = judge(make_comparison([make_variant(drift=make_drift(**changes))])).sentence
        assert expected in sentence

    @pytest.mark.parametrize(
        ("agreement", "expected"),
        [(1.0, "all of 100"), (0.9997, "99.9% of 100"), (0.992, "99.2% of 100")],
        ids=str,
    )
    def test_rounds_no_share_up_to_a_perfect_score(self, agreement, expected):
        drift = make_drift(top1_agreement=agreement)
        assert expected in judge(make_comparison([make_variant(drift=drift)])).sentence

    def test_counts_only_the_samples_on_which_agreement_was_measured(self):
        drift = make_drift(top1_agreement=1.0, top1_samples=3)
        sentence = judge(make_comparison([make_variant(drift=drift)])).sentence
        assert "of 100 samples" not in sentence
        assert "3" in sentence

    def test_outputs_that_are_all_error_are_not_called_identical(self):
        drift = make_drift(top1_agreement=None, top1_samples=None, sqnr_db=-math.inf)
        sentence = judge(make_comparison([make_variant(drift=drift)])).sentence
        assert "identical" not in sentence
        assert "inf" not in sentence

    def test_a_figure_that_is_nan_is_not_printed(self):
        drift = make_drift(top1_agreement=None, top1_samples=None, sqnr_db=math.nan)
        sentence = judge(make_comparison([make_variant(drift=drift)])).sentence
        assert "nan" not in sentence.lower()

    def test_nan_outputs_are_named(self):
        drift = make_drift(top1_agreement=None, sqnr_db=math.nan, non_finite_count=12)
        sentence = judge(make_comparison([make_variant(drift=drift)])).sentence
        assert "12 of its output values are NaN or infinite" in sentence


class TestOfATflite:
    @staticmethod
    def compare(*variants, **changes):
        comparison = make_comparison(list(variants), **changes)
        comparison.model.format = "tflite"
        return comparison

    def test_sentences_speak_of_the_given_file(self):
        verdict = judge(self.compare(make_variant("int8", engine=LITERT_QUANTIZER)))
        assert "against the given file it is" in verdict.sentence
        assert "original" not in verdict.sentence

    def test_the_file_itself_is_never_recommended_beside_others(self):
        itself = make_variant("float32", engine=GIVEN, size_bytes=10)
        made = make_variant("int8", engine=LITERT_QUANTIZER, size_bytes=20)
        assert judge(self.compare(itself, made)).recipe == "int8"

    def test_a_quantized_file_alone_is_measured(self):
        itself = make_variant(AS_GIVEN, engine=GIVEN, size_bytes=174_192)
        failed = make_failed("int8", "int8: the file is quantized already (int8).")
        verdict = judge(self.compare(itself, failed))
        assert (verdict.tone, verdict.recipe) == ("measured", "as_given")
        assert "174.2 kB, 0.5 ms an inference, 98.0% of 100 samples right" in verdict.sentence

    def test_beside_a_given_file_it_stands_back(self):
        itself = make_variant(AS_GIVEN, engine=GIVEN)
        mine = make_variant("int8", engine=GIVEN, given_name="mine.tflite")
        mine.recipe = "mine"
        assert judge(self.compare(itself, mine)).recipe == "mine"
