"""Types of values that came out of JSON: each kind, right and wrong, and where the fault is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from converter.json_types import type_fault


@dataclass
class Inner:
    size: int


@dataclass
class Outer:
    inner: Inner
    names: list[str]
    maybe: float | None = None


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, int), (1, float), (1.5, float), ("a", str), (True, bool), (None, int | None),
        ([1, 2], list[int]), ((1, 2.0), tuple[float, float]), ((), tuple[int, ...]),
        ({"a": {"b": [1, "x"]}}, dict[str, Any]), (Path("x"), Path),
        (Outer(Inner(1), ["a"], 2.0), Outer),
    ],
)  # fmt: skip
def test_what_has_its_type_has_no_fault(value, kind):
    assert type_fault(value, kind, "it") is None


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (True, int, "a whole number in it, found bool"),
        (1.0, int, "a whole number in it, found float"),
        (True, float, "a number in it, found bool"),
        ("1", float | None, "a number in it, found str"),
        (1, str, "text in it, found int"),
        ([1, "2"], list[int], "it[1], found str"),
        ((1,), tuple[int, int], "2 values in it, found 1"),
        ([1], tuple[int, ...], "a list in it, found list"),
        ({"a": "x"}, dict[str, int], "it['a'], found str"),
        ({1: 1}, dict[str, int], "a name in it, found int"),
        ({"a": ["\ud800"]}, Any, "half a character"),
        ({"\ud800": 1}, Any, "half a character"),
        (Outer(Inner("1"), []), Outer, "it.inner.size, found str"),
        (Outer({"size": 1}, []), Outer, "an object in it.inner, found dict"),
        (Outer(Inner(1), [None]), Outer, "it.names[0], found NoneType"),
    ],
)
def test_a_fault_says_what_was_expected_and_where(value, kind, words):
    assert words in type_fault(value, kind, "it")
