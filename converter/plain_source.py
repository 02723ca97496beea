"""Our own functions as source for scripts that stand on their own, and texts safe inside them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def plain_source(function: Callable[..., Any]) -> str:
    """Return a function's source without annotations, whose names a script would have to import.

    Args:
        function: One at the top level of a module, with plain parameters; what its body uses is
            built in, imported inside, or known to the script.

    Returns:
        Source that ends with a line break.
    """
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise TypeError(f"expected a plain function, found {function!r}")
    names = ", ".join(argument.arg for argument in definition.args.args)
    body = source.splitlines(keepends=True)[definition.body[0].lineno - 1 :]
    return f"def {definition.name}({names}):\n{''.join(body)}"


def docstring_text(text: str) -> str:
    """Return any text fit to stand in a docstring, which it must not be able to end."""
    return ascii(text)[1:-1].replace('"', "'")
