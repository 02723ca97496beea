"""The sentence that says why a variant is as large as it is, in usual and in odd cases."""

from __future__ import annotations

import pytest

from components.size_words import (
    KIND_MEANINGS,
    KIND_NAMES,
    explain_itself,
    explain_size,
    layer_name,
    size_question,
    step_meaning,
    step_name,
)
from converter.size_anatomy import KINDS, WHOLE_FILE, LayerBytes, collect
from converter.size_steps import size_steps
from tests.converter.size_examples import int8_anatomy, make_anatomy, make_model


def test_the_usual_case_names_the_shrunk_and_the_rest():
    assert explain_size(make_model(size=30_000, optimizer=20_000), int8_anatomy()) == (
        "The file is 3.33 times smaller than the original without optimizer state; its weights "
        "became 4 times smaller (7.60 kB → 1.90 kB), but 300 B of scales came on top, and 350 B of "
        "graph and names, 200 B of biases and 100 B of tensors left in float did not shrink; "
        "2.00 kB of the original's own container and 100 B of parameters that conversion folded or "
        "stored once did not come along."
    )


def test_a_variant_larger_than_its_original():
    sentence = explain_size(make_model(size=1_500, parameter_bytes=1_000), int8_anatomy())
    assert sentence.startswith("The file is 2 times larger than the original; its weights became")
    assert "folded" not in sentence


def test_a_variant_as_large_as_its_original():
    assert explain_size(make_model(size=3_010), int8_anatomy()).startswith(
        "The file is about as large as the original;"
    )


def test_a_zip_is_compared_unpacked():
    sentence = explain_size(make_model(size=2_000, bare=12_000), int8_anatomy())
    assert sentence.startswith("The file is 4 times smaller than the original, unpacked;")


def test_a_given_tflite_as_the_original():
    model = make_model(size=9_000, parameter_bytes=7_900, kind="tflite")
    sentence = explain_size(model, int8_anatomy(), "the given file")
    assert "than the given file; its weights" in sentence
    assert sentence.endswith("; 1.10 kB of the given file's own container did not come along.")


def test_no_weights():
    anatomy = make_anatomy(("a", "graph", 900), (WHOLE_FILE, "metadata", 100))
    assert explain_size(make_model(size=1_000, parameter_bytes=0), anatomy) == (
        "The file is about as large as the original; it holds no weights, so there was nothing to "
        "make smaller, but 900 B of graph and names and 100 B of metadata did not shrink; 1.00 kB "
        "of the original's own container did not come along."
    )


@pytest.mark.parametrize("kind", ["weights", "left_float"])
def test_weights_that_stayed_as_they_were(kind):
    anatomy = make_anatomy(("a", kind, 8_000, 8_000), (WHOLE_FILE, "padding", 1))
    assert "; its weights are stored in float32, as large as before" in explain_size(
        make_model(), anatomy
    )


def test_weights_that_grew():
    anatomy = make_anatomy(("a", "weights", 16_000, 8_000))
    assert "its weights became 2 times larger (8.00 kB → 16.0 kB)" in explain_size(
        make_model(), anatomy
    )


def test_biases_that_shrank_are_not_said_to_have_stayed():
    cells = [("a", "weights", 4_000, 8_000), ("a", "biases", 100, 200)]
    assert "biases" not in explain_size(make_model(), make_anatomy(*cells))


def test_nothing_at_all_is_still_a_sentence():
    assert explain_size(make_model(size=1, parameter_bytes=0), collect([])).endswith(".")
    assert explain_itself(collect([])) == \
        "The file is the given one, unchanged: it holds nothing."  # fmt: skip


def test_the_given_file_itself_is_told_by_what_it_holds():
    assert explain_itself(int8_anatomy()) == (
        "The file is the given one, unchanged: it holds 1.90 kB of weights, 350 B of graph and "
        "names and 300 B of scales."
    )


@pytest.mark.parametrize(
    ("size", "each", "end"),
    [(3_000, 1.0, ", and why not four times smaller?"), (2_500, 1.0, "?"), (2_000, 1.0, "?"),
     (5_001, 2.0, ", and why not two times smaller?"),
     (2_000, 0.5, ", and why not eight times smaller?"), (9_000, 4.0, "?"), (9_000, None, "?")],
)  # fmt: skip
def test_the_question_asks_for_what_the_recipe_promises(size, each, end):
    assert size_question(make_model(), size, each) == f"Where did the bytes go{end}"


def test_every_kind_and_every_step_has_a_name_and_a_meaning():
    assert set(KIND_NAMES) == set(KIND_MEANINGS) == set(KINDS)
    model = make_model(size=5_000, bare=10_000, optimizer=1_000)
    for step in size_steps(model, int8_anatomy(), most_savers=1):
        assert step_name(step)
        assert step_meaning(step)
    many = collect([LayerBytes(f"{i}", "weights", i, 4 * i) for i in range(1, 30)], 20)
    names = [step_name(step) for step in size_steps(model, many)]
    assert "All other layers" in names
    some = make_anatomy(*((f"{i}", "weights", i, 4 * i) for i in range(1, 30)))
    assert "21 other layers" in [step_name(step) for step in size_steps(model, some)]
    assert layer_name(WHOLE_FILE) == "The file as a whole"
