"""Whether values read from a stranger's JSON have the types that our dataclasses declare."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Union


def type_fault(value: Any, kind: Any, where: str) -> str | None:  # noqa: ANN401 - any JSON value
    """Return where a value is not of a type, None where all of it is.

    A dataclass keeps whatever it is given, so a file in which a size is a text would otherwise be
    found out by the chart that draws it.

    Args:
        value: A dataclass, list, tuple, dict or plain value.
        kind: The declared type: plain ones, `Any`, unions, `list`, `tuple`, `dict`, dataclasses.
        where: What the value is called, for the answer.

    Example:
        >>> type_fault({"a": "1"}, dict[str, int], "sizes")
        "a whole number in sizes['a'], found str"
    """
    if isinstance(value, str) and not _is_writable(value):
        return f"text in {where}, found half a character"
    if kind is Any:
        return _fault_of_any(value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _fault_of_union(value, arguments, where)
    if origin in (list, tuple, dict):
        return _fault_of_container(value, origin, arguments, where)
    if is_dataclass(kind):
        if type(value) is not kind:
            return f"an object in {where}, found {type(value).__name__}"
        declared = typing.get_type_hints(kind)
        parts = ((field.name, getattr(value, field.name)) for field in fields(kind))
        return _first(type_fault(item, declared[name], f"{where}.{name}") for name, item in parts)
    if kind is float:
        fits = type(value) in (int, float)
    elif kind is Path:
        fits = isinstance(value, Path)
    else:
        fits = type(value) is kind  # True is an int to isinstance
    return None if fits else f"{_name(kind)} in {where}, found {type(value).__name__}"


def _is_writable(text: str) -> bool:
    """Whether it can be printed and kept: JSON can spell half a character, no file can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fault_of_any(value: Any, where: str) -> str | None:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return _fault_of_container(value, dict, (str, Any), where)
    if isinstance(value, list):
        return _fault_of_container(value, list, (Any,), where)
    return None


def _fault_of_union(value: Any, kinds: tuple[Any, ...], where: str) -> str | None:  # noqa: ANN401
    faults = [type_fault(value, kind, where) for kind in kinds]
    if None in faults:
        return None
    # The fault of the kind that is not None says most: "text or nothing" is seldom the news.
    return next(fault for fault, kind in zip(faults, kinds, strict=True) if kind is not type(None))


def _fault_of_container(
    value: Any,  # noqa: ANN401 - any JSON value
    origin: Any,  # noqa: ANN401 - `list`, `tuple` or `dict`
    arguments: tuple[Any, ...],
    where: str,
) -> str | None:
    if type(value) is not origin:
        return f"{_name(origin)} in {where}, found {type(value).__name__}"
    if origin is dict:
        return _first(
            type_fault(key, arguments[0], f"a name in {where}")
            or type_fault(item, arguments[1], f"{where}[{str(key)[:40]!r}]")
            for key, item in value.items()
        )
    kinds = list(arguments)
    if origin is list or (len(kinds) == 2 and kinds[1] is Ellipsis):
        kinds = [kinds[0]] * len(value)
    if len(kinds) != len(value):
        return f"{len(kinds)} values in {where}, found {len(value)}"
    pairs = zip(value, kinds, strict=True)
    return _first(
        type_fault(item, kind, f"{where}[{index}]") for index, (item, kind) in enumerate(pairs)
    )


def _first(faults: typing.Iterable[str | None]) -> str | None:
    return next((fault for fault in faults if fault is not None), None)


def _name(kind: Any) -> str:  # noqa: ANN401 - a type or an alias of one
    names = {
        str: "text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        list: "a list",
        tuple: "a list",
        dict: "an object",
        type(None): "null",
        Path: "a path",
    }
    return names.get(kind, str(kind))
