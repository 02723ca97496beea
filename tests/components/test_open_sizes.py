"""Open sizes: asked where there are some, stated what stays empty, taken up where they fit."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from components.session import widget_key
from converter.model_options import set_dimensions
from converter.signature import TensorSpec

SCRIPT = """
import streamlit as st
from components.open_sizes import ask_sizes, render_batch
s = st.session_state
s.found = ask_sizes(s.inputs, s.chosen, "t")
render_batch(s.inputs, s.chosen, "t")
"""
IMAGE = {"name": "image", "shape": [None, None, None, 3], "dtype": "float32"}
STEPS = {"name": "steps", "shape": [None, None, 4], "dtype": "float32"}
FIXED = {"name": "fixed", "shape": [None, 7], "dtype": "float32"}
SCALAR = {"name": "rate", "shape": [], "dtype": "float32"}
ANY = {"name": "any", "shape": None, "dtype": None}


def ask(*inputs, chosen=()):
    app = AppTest.from_string(SCRIPT)
    app.session_state["inputs"] = list(inputs)
    app.session_state["chosen"] = chosen
    app.run()
    assert not app.exception
    return app


def found(app):
    assert not app.exception
    specs = tuple(TensorSpec.from_json(tensor) for tensor in app.session_state["inputs"])
    set_dimensions(specs, app.session_state["found"], "m")  # a run takes what the page gives
    return app.session_state["found"]


def sizes(app):
    return [box for box in app.number_input if "batch" not in box.key]


def batch(app):
    return app.number_input(key=widget_key("model", "batch.t"))


def test_nothing_is_asked_where_only_the_batch_is_open():
    app = ask(FIXED)
    assert sizes(app) == []
    assert found(app) == ()
    assert batch(app).value == 1


def test_a_model_that_leaves_nothing_open_has_no_batch_either():
    app = ask({"name": "x", "shape": [1, 7], "dtype": "float32"}, SCALAR)
    assert list(app.number_input) == []
    assert found(app) == ()


def test_each_open_size_states_what_it_becomes():
    app = ask(IMAGE, STEPS, FIXED)
    assert [box.placeholder for box in sizes(app)] == ["224", "224", "32"]
    assert "filled by the data" in app.caption[0].value
    assert found(app) == ()


def test_a_chosen_size_leaves_the_others_open():
    app = ask(IMAGE, STEPS)
    sizes(app)[1].set_value(96).run()
    assert found(app) == (("image", (None, None, 96, None)),)


def test_the_batch_is_that_of_every_input_that_leaves_it_open():
    app = ask(IMAGE, FIXED, SCALAR, {"name": "one", "shape": [1, 2], "dtype": "float32"})
    batch(app).set_value(4).run()
    assert found(app) == (("image", (4, None, None, None)), ("fixed", (4, None)))
    sizes(app)[0].set_value(8).run()
    assert found(app)[0] == ("image", (4, 8, None, None))


def test_what_was_chosen_before_is_there_again():
    chosen = (("image", (2, 64, None, None)), ("any", (2, 5, 6)))
    app = ask(IMAGE, ANY, chosen=chosen)
    assert [box.value for box in sizes(app)] == [64, None]
    assert app.text_input[0].value == "5, 6"
    assert batch(app).value == 2
    assert found(app) == chosen


@pytest.mark.parametrize(
    "chosen",
    [
        (("image", (None, 64)),),
        (("gone", (None, 64, 64, 3)),),
        (("fixed", (None, 9)),),
        (("image", (10**6, None, None, 5)),),
        (("any", ()),),
    ],
    ids=["rank", "name", "fixed size", "huge batch", "no size"],
)
def test_what_was_chosen_of_another_model_does_not_carry_over(chosen):
    app = ask(IMAGE, FIXED, ANY, chosen=chosen)
    for _, shape in found(app):
        assert set(shape[1:]) == {None}
        assert shape[0] <= 1024


@pytest.mark.parametrize(
    ("text", "shape"), [("5", (5,)), ("64, 64,3", (64, 64, 3)), ("4x4", (4, 4)), ("", None)]
)
def test_of_an_unknown_rank_the_whole_shape_is_asked(text, shape):
    app = ask(ANY)
    app.text_input[0].set_value(text).run()
    assert found(app) == (() if shape is None else (("any", (None, *shape)),))
    assert not app.error


@pytest.mark.parametrize("text", ["a", "0", "-1", "1.5", "9999999", "1 " * 9, "1,,x", "٣"])
def test_what_is_no_shape_is_one_sentence(text):
    app = ask(ANY)
    app.text_input[0].set_value(text).run()
    assert found(app) == ()
    assert "Expected sizes such as 64, 64, 3" in app.error[0].value.replace("\\", "")


def test_a_model_with_very_many_open_sizes_is_asked_for_some():
    inputs = [{"name": f"i{n}", "shape": [None, None], "dtype": None} for n in range(500)]
    app = ask(*inputs)
    assert len(sizes(app)) == 24
    assert any("476 more inputs" in caption.value.replace("\\", "") for caption in app.caption)
