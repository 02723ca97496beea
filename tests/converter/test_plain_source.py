"""Our functions as source of their own, and texts that cannot leave a docstring."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.plain_source import docstring_text, plain_source
from converter.quantizable_file import make_quantizable
from converter.rebuilt_file import compare_with_run, wrong_model


@pytest.mark.parametrize("function", [wrong_model, compare_with_run, make_quantizable])
def test_needs_no_name_of_an_annotation_and_keeps_the_code(function):
    source = plain_source(function)
    (definition,) = ast.parse(source).body
    assert definition.name == function.__name__
    assert definition.returns is None
    assert [argument.annotation for argument in definition.args.args] == [None] * (
        function.__code__.co_argcount
    )
    space = {}
    exec(compile(source, "source.py", "exec"), space)
    assert space[function.__name__].__code__.co_names == function.__code__.co_names
    assert space[function.__name__].__code__.co_varnames == function.__code__.co_varnames


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="plain function"):
        plain_source(ast.NodeVisitor)


@given(st.text())
def test_no_text_leaves_a_docstring(text):
    source = f'"""{docstring_text(text)}."""\nmark = 1\n'
    docstring, mark = ast.parse(source).body
    assert isinstance(docstring.value, ast.Constant)
    assert mark.targets[0].id == "mark"
