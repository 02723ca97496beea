"""Why a variant is slower here: every sentence has its number from the run."""

from __future__ import annotations

import pytest

from converter.comparison import Audit
from converter.delegation import Delegation
from converter.latency_explanation import explain_latency, is_slower, needs_explanation
from tests.converter.example_comparisons import make_comparison, make_latency, make_variant

WHOLE = Delegation(operators=65, delegated=65, partitions=1)
PIECES = Delegation(
    operators=65, delegated=50, partitions=16, left_names={"DEPTHWISE_CONV_2D": 15}
)


def make_case(p50=2.0, interval=(1.9, 2.1), sets=("avx2",), **changes):
    base = make_variant(
        "float32", latency=make_latency(1.0, p50_ci95_ms=(0.95, 1.05)), delegation=WHOLE
    )
    settings = {
        "latency": make_latency(p50, p50_ci95_ms=interval), "delegation": PIECES,
        "audit": Audit(total_ops=65, integer_ops=40, float_ops=20, hybrid_ops=17, border_ops=5,
                       float_op_names={"SOFTMAX": 3}),
        **changes,
    }
    comparison = make_comparison([base, make_variant("int8", **settings)])
    comparison.environment["instruction_sets"] = list(sets)
    return comparison, comparison.variants[1]


def test_all_that_slows_it_down_is_said_with_its_numbers():
    comparison, variant = make_case()
    text = "\n".join(explain_latency(comparison, variant))
    for words in (
        "2 times slower than float32: 2 ms (95 % interval 1.9 to 2.1) against",
        "50 of 65 operators (77%) in 16 pieces", "change hands 15 times", "15 DEPTHWISE_CONV_2D",
        "For float32 it is 65 of 65 operators (100%)", "17 operators store integers",
        "3 operators were left in float (3 SOFTMAX)", "5 of 65 operators only convert",
        "names no instructions for int8 dot products (avx2)", "1 thread on 2 cores",
        "not a phone",
    ):
        assert words in text
    assert needs_explanation(comparison, variant)


def test_instructions_that_the_processor_has_are_named():
    text = " ".join(explain_latency(*make_case(sets=("avx2", "avx512_vnni"))))
    assert "has instructions for int8 dot products (avx512_vnni)" in text


@pytest.mark.parametrize(
    ("p50", "interval", "words", "slower"),
    [
        (2.0, (1.9, 2.1), "times slower", True),
        (1.06, (1.0, 1.2), "Not distinguishable", False),
        (0.5, (0.45, 0.55), "times faster", False),
        (1.2, None, "times slower", True),
        (1.04, None, "Not distinguishable", False),
    ],
)
def test_the_intervals_decide(p50, interval, words, slower):
    comparison, variant = make_case(p50, interval)
    assert words in explain_latency(comparison, variant)[0]
    assert needs_explanation(comparison, variant) is slower
    assert is_slower(variant.latency, comparison.variants[0].latency) is slower


def test_float32_itself_and_what_was_not_timed_need_none():
    comparison, variant = make_case()
    assert not needs_explanation(comparison, comparison.variants[0])
    variant.latency = None
    assert explain_latency(comparison, variant) == []
    assert not needs_explanation(comparison, variant)


def test_what_is_not_known_is_not_guessed():
    comparison, variant = make_case(delegation=None)
    assert any("not known" in sentence for sentence in explain_latency(comparison, variant))
    comparison.environment = {}
    assert explain_latency(comparison, variant)


def test_a_hostile_name_is_cut():
    found = Delegation(operators=1, delegated=0, partitions=0, left_names={"x" * 5000: 1})
    comparison, variant = make_case(delegation=found)
    assert max(map(len, explain_latency(comparison, variant))) < 400
