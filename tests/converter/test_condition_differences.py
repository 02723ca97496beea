"""What differs between runs is named, and nothing else."""

from __future__ import annotations

import copy

import pytest

from converter.condition_differences import (
    comparability_warnings,
    default_pairs,
    differing_conditions,
)
from tests.pages.synthetic import fail, make_comparison, make_random_data


@pytest.fixture
def runs():
    one, _ = make_comparison()
    return [one, copy.deepcopy(one)]


def found(runs, pairs=()):
    return {item.label: item.values for item in differing_conditions(runs, pairs)}


def test_equal_runs_differ_in_nothing(runs):
    assert found(runs, [(0, "int8"), (1, "int8")]) == {}
    assert comparability_warnings(runs) == []


def test_one_run_or_none_has_no_differences(runs):
    assert found(runs[:1]) == {}
    assert found([]) == {}
    assert comparability_warnings(runs[:1]) == []


def test_each_difference_is_named_with_both_values(runs):
    runs[1].environment |= {"threads": 2, "ai_edge_litert": "2.4.0", "instruction_sets": []}
    runs[1].settings["runs"] = 20
    runs[1].data.seed = 7
    assert found(runs) == {
        "Seed": ("0", "7"), "Timed runs": ("full protocol", "exactly 20"),
        "Threads": ("1", "2"), "Instructions": ("avx2", "–"), "LiteRT": ("2.3.0", "2.4.0"),  # noqa: RUF001
    }  # fmt: skip


def test_what_one_run_does_not_know_is_a_dash(runs):
    del runs[1].environment["keras"]
    runs[1].settings["latency_measured"] = "2026-11-22T08:29:31+00:00"
    assert found(runs) == {"Keras": ("3.15.1", "–"), "Latency measured": ("–", "2026-11-22 08:29")}  # noqa: RUF001


def test_flags_of_one_name_are_held_against_each_other(runs):
    other = next(v for v in runs[1].variants if v.recipe == "int8")
    other.engine = "litert_quantizer"
    other.flags = {**other.flags, "inference_input_type": "int8"}
    differing = found(runs, [(0, "int8"), (1, "int8")])
    assert differing["int8: engine"] == ("tflite_converter", "litert_quantizer")
    assert differing["int8: inference input type"][1] == "int8"
    assert found(runs, [(0, "float32"), (1, "float32")]) == {}  # flags of what is not in view


def test_a_run_without_the_variant_has_no_other_flags(runs):
    runs[1].variants = [v for v in runs[1].variants if v.recipe != "int8"]
    assert found(runs, [(0, "int8")]) == {}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda c: setattr(c.model, "sha256", "00" * 32), "models differ"),
        (lambda c: setattr(c.data, "sha256", "00" * 32), "evaluation data differ"),
        (lambda c: setattr(c.data, "seed", 3), "evaluation data differ"),
        (lambda c: setattr(c.data, "evaluation_samples", 3), "numbers of samples"),
        (lambda c: c.environment.update(cpu="another"), "machines differ"),
        (lambda c: c.environment.update(threads=4), "threads differ"),
    ],
)
def test_figures_that_are_not_comparable_are_told_in_one_sentence(runs, change, word):
    change(runs[1])
    (sentence,) = comparability_warnings(runs)
    assert word in sentence


def test_random_samples_are_other_data_than_a_file(runs):
    random, _ = make_random_data()
    assert any("data differ" in text for text in comparability_warnings([runs[0], random]))


def test_it_begins_with_the_recommended_then_with_what_all_have(runs):
    pairs = default_pairs(runs, 6)
    assert pairs[:2] == [(0, "dynamic_range"), (1, "dynamic_range")]
    assert len(pairs) == 6
    assert all((1 - run, name) in pairs for run, name in pairs)


def test_it_never_begins_with_more_than_can_be_shown_nor_with_failures(runs):
    fail(runs[1], "dynamic_range", "no")
    for most in range(7):
        pairs = default_pairs(runs, most)
        assert len(pairs) <= most
        assert (1, "dynamic_range") not in pairs
    assert default_pairs([], 6) == []
