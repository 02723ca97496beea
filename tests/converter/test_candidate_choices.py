"""Choices on the live bench: what they change, what they leave and say, undo, and the address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.candidate_choices import (
    _CODES,
    Steps,
    all_numbers,
    apply_precision,
    count_types,
    decode_choices,
    describe_change,
    encode_choices,
    name_state,
    numbers_by_pattern,
    numbers_of_types,
    offered_anywhere,
)
from converter.candidate_layers import CandidateLayer, resolve
from converter.errors import SettingError
from converter.precision import PRECISIONS


def layer(number, operator, offers, weights=100, sources=()):
    return CandidateLayer(
        number=number, operator=operator, name=f"net/block_{number}/{operator.lower()}",
        scope=f"s{number};", weights=weights, sources=tuple(sources), from_input=not sources,
        bytes_of=dict.fromkeys(("float32", *offers), 10),
    )


LAYERS = [
    layer(0, "CONV_2D", ("int8", "int16x8", "dynamic_int8", "dynamic_int4")),
    layer(1, "DEPTHWISE_CONV_2D", ("int8", "int16x8", "dynamic_int8"), sources=[0]),
    layer(2, "MEAN", ("int8", "int16x8"), weights=0, sources=[1]),
    layer(4, "FULLY_CONNECTED", ("int8", "dynamic_int8", "dynamic_int4"), sources=[2]),
    layer(5, "SOFTMAX", ("int8", "int16x8"), weights=0, sources=[4]),
]
NAMES = st.sampled_from(list(PRECISIONS))
NUMBERS = st.sets(st.sampled_from(all_numbers(LAYERS)))


@st.composite
def layer_lists(draw):
    count = draw(st.integers(1, 40))
    return [
        layer(
            number, draw(st.sampled_from(["CONV_2D", "ADD"])), draw(st.sets(NAMES)),
            weights=draw(st.sampled_from([0, 50])), sources=[number - 1] if number else [],
        )
        for number in range(count)
    ]


@given(layer_lists(), st.lists(st.tuples(st.sets(st.integers(0, 39)), NAMES), max_size=6))
def test_every_operator_asked_for_gets_it_or_is_named(layers, asked):
    choices = {}
    for numbers, precision in asked:
        wanted = {number for number in numbers if number < len(layers)}
        before = resolve(layers, choices)
        change = apply_precision(layers, choices, wanted, precision)
        after = resolve(layers, change.choices)
        skipped = {number for each in change.skipped for number in each.numbers}
        assert skipped <= wanted
        assert all(after[number] == precision for number in wanted - skipped)
        assert all(change.choices.get(n) == choices.get(n) for n in skipped
                   if layers[n].has_weights)
        assert set(change.changed) == {n for n in after if after[n] != before[n]}
        # Only what was asked for, and what follows it without weights, is another now.
        assert all(n in wanted or not layers[n].has_weights for n in change.changed)
        assert all(precision in layers[n].offered for n in wanted - skipped)
        assert sum(len(each.numbers) for each in change.skipped) == len(skipped)
        told = " ".join(describe_change(layers, change, precision))
        assert all(each.reason in told for each in change.skipped)
        assert all(name in told for each in change.skipped for name in each.operators)
        code = encode_choices(layers, change.choices)
        assert decode_choices(layers, code) == change.choices
        assert encode_choices(layers, decode_choices(layers, code)) == code
        assert len(code) <= 2 * len(layers)
        choices = change.choices


def test_what_a_precision_does_not_change_is_told_with_its_reason():
    change = apply_precision(LAYERS, {}, all_numbers(LAYERS), "dynamic_int4")
    assert change.choices == {0: "dynamic_int4", 4: "dynamic_int4"}
    assert describe_change(LAYERS, change, "dynamic_int4") == [
        "dynamic int4 for 2 operators.",
        "1 DEPTHWISE_CONV_2D stays as it is: litert-quantizer skips this type for dynamic int4.",
        "2 MEAN, SOFTMAX: without weights they compute as what feeds them.",
    ]
    refused = apply_precision(LAYERS, {}, [0], "float16", {"float16": "no reason given."})
    assert refused.choices == {}
    told = describe_change(LAYERS, refused, "float16")
    assert told[0] == "float16 changes none of them."
    assert "refused for this file (no reason given)" in told[1]


def test_operators_without_weights_follow_and_are_counted_apart():
    change = apply_precision(LAYERS, {}, [0, 1], "int8")
    assert change.changed == (0, 1, 2)
    assert describe_change(LAYERS, change, "int8") == ["int8 for 2 operators; 1 without weights "
                                                       "follows."]
    again = apply_precision(LAYERS, change.choices, [0, 1], "int8")
    assert again.changed == ()
    assert describe_change(LAYERS, again, "int8") == ["All of them are int8 already."]
    back = apply_precision(LAYERS, change.choices, all_numbers(LAYERS), "float32")
    assert set(resolve(LAYERS, back.choices).values()) == {"float32"}


def test_one_choice_for_all_after_another_leaves_no_island():
    first = apply_precision(LAYERS, {}, all_numbers(LAYERS), "int8").choices
    then = apply_precision(LAYERS, first, all_numbers(LAYERS), "dynamic_int8").choices
    assert then == {0: "dynamic_int8", 1: "dynamic_int8", 4: "dynamic_int8"}
    pinned = apply_precision(LAYERS, {}, [2], "int8").choices
    assert pinned == {2: "int8"}  # what it would not do by itself is kept
    assert apply_precision(LAYERS, pinned, [0, 1], "int8").choices == {0: "int8", 1: "int8"}


def test_operators_are_found_by_type_and_by_name():
    assert numbers_of_types(LAYERS, ["CONV_2D", "SOFTMAX"]) == [0, 5]
    assert numbers_of_types(LAYERS, []) == []
    assert count_types([*LAYERS, LAYERS[0]])["CONV_2D"] == 2
    assert numbers_by_pattern(LAYERS, r"block_[45]/") == [4, 5]
    assert numbers_by_pattern(LAYERS, "nothing") == []
    assert offered_anywhere(LAYERS) == ["float32", "dynamic_int8", "int16x8", "int8",
                                        "dynamic_int4"]


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a{99999999999}", "(?P<x>", "x" * 201,
                                     "(?<=a+)b"])
def test_a_bad_pattern_is_one_sentence(pattern):
    with pytest.raises(SettingError, match=r"^pattern: expected ") as caught:
        numbers_by_pattern(LAYERS, pattern)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_a_precision_or_a_number_that_is_none_is_refused():
    with pytest.raises(SettingError, match="found 'int3'"):
        apply_precision(LAYERS, {}, [0], "int3")
    with pytest.raises(SettingError, match="found 3; choose"):
        apply_precision(LAYERS, {}, [3], "int8")


def test_every_precision_has_a_letter_of_its_own():
    assert set(_CODES) == set(PRECISIONS)
    assert len(set(_CODES.values())) == len(_CODES)
    assert all(len(code) == 1 and code.isalpha() for code in _CODES.values())


@given(st.text(max_size=40) | st.text(alphabet="idf_0123456789", max_size=12))
def test_any_text_in_an_address_is_a_state_or_one_sentence(code):
    try:
        found = decode_choices(LAYERS, code)
    except SettingError as error:
        found, sentence = {}, str(error)
    else:
        sentence = "link: expected "
    assert sentence.startswith("link: expected ")
    assert "\n" not in sentence
    for number, name in found.items():
        assert name in next(each for each in LAYERS if each.number == number).offered


@pytest.mark.parametrize("code", ["i4", "i6", "i99999", "i", "u5", "i5 ", "i05", "k5",
                                  "i" * 100_000])
def test_a_state_of_another_model_is_refused(code):
    with pytest.raises(SettingError):
        decode_choices(LAYERS, code)


@given(st.lists(st.one_of(st.none(), st.tuples(NUMBERS, NAMES)), max_size=12))
def test_undo_leads_back_through_every_step(asked):
    steps, seen = Steps.start({}), [{}]
    for each in asked:
        if each is None:
            steps = steps.undo()
            if len(seen) > 1:
                seen.pop()
        else:
            new = apply_precision(LAYERS, steps.now, *each).choices
            steps = steps.go(new)
            if new != seen[-1]:
                seen.append(new)
        assert steps.now == seen[-1]
        assert steps.now in steps.tried
        assert len({str(each) for each in steps.tried}) == len(steps.tried)
    while steps.behind:
        steps = steps.undo()
    assert steps.now == {}
    assert steps.undo() is steps


def test_a_linked_state_begins_beside_float32():
    steps = Steps.start({0: "int8"})
    assert steps.tried == ({}, {0: "int8"})
    assert not steps.behind


def test_a_state_is_named_by_what_stores_its_weights():
    assert name_state(LAYERS, {}) == "float32_x3"
    assert name_state(LAYERS, {0: "int8", 1: "int8"}) == "int8_x2_float32_x1"
    many = [layer(n, "CONV_2D", list(PRECISIONS)) for n in range(4)]
    mixed = dict(enumerate(["int8", "int8", "float16", "dynamic_int4"]))
    assert name_state(many, mixed).startswith("int8_x2_")
    mixed[1] = "dynamic_int2"
    assert name_state(many, mixed).endswith("_other_x2")
    assert name_state([], {}) == "unchanged"
