"""An audit in words: short whatever the file holds, and nothing told twice."""

from __future__ import annotations

import pytest

from components.audit_words import (
    effect_word,
    names_with_counts,
    operators_sentence,
    other_notes,
    reasons,
    same_sentence,
    types_sentence,
)
from converter.audit import note_identical_files
from converter.comparison import Audit, Variant
from converter.recipe import GIVEN, TFLITE_CONVERTER
from converter.toggles import effect_note


def row(operator, count, reason):
    return {"operator": operator, "count": count, "reason": reason}


def test_of_an_audit_from_before_there_were_reasons():
    audit = Audit(total_ops=2, float_ops=2)
    assert reasons(audit) == []
    assert operators_sentence(audit) == "2 operators: 2 float."
    assert types_sentence(audit) == same_sentence(audit) == ""


def test_every_effect_has_a_word_and_an_unknown_one_stays():
    words = [effect_word(effect) for effect in ("yes", "partly", "no", "ignored", "odd", "")]
    assert words == ["took effect", "partly", "no effect", "ignored", "odd", "unknown"]


def test_reasons_stand_in_their_order_with_where_they_hold():
    audit = Audit(
        float_reasons=[row("SIN", 2, "no form"), row("ADD", 1, "odd"), row("COS", 1, "no form")],
        border_reasons=[row("QUANTIZE", 1, "at an input")],
        flex_op_names={"FlexDet": 1},
    )
    found = reasons(audit)
    assert [(r.operators, r.kind) for r in found] == [
        ("2 SIN, 1 COS", "In float"),
        ("1 ADD", "In float"),
        ("1 QUANTIZE", "Between float and integer"),
        ("1 FlexDet", "TensorFlow (Flex)"),
    ]
    assert found[0].why == "No form."


def test_hundreds_of_reasons_and_names_stay_a_short_table():
    audit = Audit(border_reasons=[row("QUANTIZE", 1, f"after {i}") for i in range(300)])
    found = reasons(audit)
    assert len(found) == 12
    assert found[-1].operators == "289 more reasons"
    names = names_with_counts({f"{i}" * 300: 1 for i in range(9)})
    assert names.endswith("3 kinds more")
    assert len(names) < 400


def test_types_count_elements_of_weights_and_tensors_of_activations():
    audit = Audit(tensor_types={"activations": {"int8": 3}, "weights": {"int8": 1408}})
    assert types_sentence(audit) == "Stored as: weights 1,408 int8; activations 3 int8 tensors."


def test_notes_do_not_repeat_a_flag():
    flag = {"flag": "A", "effect": "no", "found": "none"}
    audit = Audit(flags=[flag], notes=[effect_note(flag), "Another."])
    assert other_notes(audit) == ["Another."]
    assert same_sentence(Audit(same_as=["int8"])).startswith("Holds the same as int8")


def identical(*names, engine=TFLITE_CONVERTER):
    """Return variants whose files hold the same, as a run leaves them."""
    variants = [Variant(recipe=name, flags={}, engine=engine, content_sha256="a" * 64)
                for name in names]
    note_identical_files(variants)
    return variants


@pytest.mark.parametrize("engine", [TFLITE_CONVERTER, GIVEN])
@pytest.mark.parametrize("count", [2, 3])
def test_identical_content_is_told_once_by_each_variant(engine, count):
    names = ["float32", "no_fold", "plain"][:count]
    variants = identical(*names, engine=engine)
    for variant in variants:
        told = [same_sentence(variant.audit), *other_notes(variant.audit)]
        for other in set(names) - {variant.recipe}:
            assert sum(other in sentence for sentence in told) == 1, told
        changed_nothing = sum("changed nothing" in sentence for sentence in told)
        assert changed_nothing == (variant is not variants[0] and engine != GIVEN)
