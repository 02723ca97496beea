"""The options in the address: what was written is read back, and anything else is left out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.choice_address import format_options, parse_options
from converter.model_options import DEFAULT_OPTIONS, ModelOptions

CHOSEN = {
    "signature": ModelOptions(signature="embed"),
    "ends": ModelOptions(input_tensors=("a:0", "b"), output_tensors=("ü/<b>",)),
    "sizes": ModelOptions(dimensions=(("x", (None, 64, None)), ("y", (4,)))),
}


@pytest.mark.parametrize("options", CHOSEN.values(), ids=CHOSEN)
def test_what_was_chosen_is_read_back(options):
    assert parse_options(format_options(options)) == options


def test_nothing_chosen_leaves_no_trace():
    assert format_options(DEFAULT_OPTIONS) == ""
    assert format_options(ModelOptions(unroll=True)) == ""
    assert parse_options("") == DEFAULT_OPTIONS


HOSTILE = [
    "{", "[]", "null", "1", '"x"', "[" * 3000, '{"signature":1}', '{"signature":["a"]}',
    '{"signature":""}', '{"signature":"\\ud800"}', '{"input_tensors":"abc"}',
    '{"input_tensors":[1,null,{"a":1},"  "]}', '{"output_tensors":{"a":1}}',
    '{"dimensions":{"x":[1]}}', '{"dimensions":[["x"]]}', '{"dimensions":[["x",[0]]]}',
    '{"dimensions":[["x",[-1]]]}', '{"dimensions":[["x",[1.5]]]}', '{"dimensions":[["x",[true]]]}',
    '{"dimensions":[["x",["1"]]]}', '{"dimensions":[["x",[1e99]]]}',
    '{"dimensions":[["x",[99999999999999999999]]]}', '{"dimensions":[[1,[1]],["x",7],null]}',
    '{"dimensions":[["\\udc00",[1]]]}', '{"unroll":true}', '{"evil":"x"}', "x" * 100_000,
    '{"signature":"' + "a" * 5000 + '"}', '{"signature":NaN}', "\0", "%00", "../../etc/passwd",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_no_page_wrote_is_left_out(text):
    assert parse_options(text) == DEFAULT_OPTIONS


def test_what_is_usable_beside_it_is_kept():
    text = '{"signature":"s","input_tensors":["a",1,"a"],"dimensions":[["x",[0]],["y",[2]]],"z":1}'
    assert parse_options(text) == ModelOptions(
        signature="s", input_tensors=("a",), dimensions=(("y", (2,)),)
    )


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["signature", "input_tensors", "output_tensors", "dimensions", "x"]), inner
    ),
    max_leaves=12,
))
def test_any_json_is_read_as_options_that_can_be_written(value):
    options = parse_options(json.dumps(value))
    assert parse_options(format_options(options)) == options
    json.dumps(options.to_json()).encode()
