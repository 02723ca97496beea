"""Where in a model an operator stands, out of the locations in TFLiteConverter's messages."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CALLS = {"PartitionedCall", "StatefulPartitionedCall", "Func"}
_SHOWN_PLACES = 2
_LOCATED = re.compile(r'fused\["\w+:", "([^"@]+)')


def operator_place(location: str, operator: str) -> str:
    """Return the layer or name scope of an operator, or nothing where it stands in none.

    Args:
        location: The operator's name in the graph, as the converter tells it.
        operator: Its kind.

    Example:
        >>> operator_place("StatefulPartitionedCall/encoder/whiten/Svd@__inference_f_1", "Svd")
        'encoder/whiten'
    """
    parts = [part for part in location.split("@", 1)[0].split("/") if part not in _CALLS]
    # The last part is the operator's own name: its kind, or its kind and a number.
    if parts and re.fullmatch(rf"{re.escape(operator)}(_\d+)?", parts[-1]):
        parts = parts[:-1]
    return "/".join(part for part in parts if part)


def layer_of(name: str) -> str:
    """Return the layer or name scope of a node of a frozen graph; its own name where it has none.

    Example:
        >>> layer_of("StatefulPartitionedCall/encoder/whiten/Svd")
        'encoder/whiten'
    """
    parts = [part for part in name.split("/") if part and part not in _CALLS]
    return "/".join(parts[:-1] or parts) or name


def name_with_places(operator: str, places: Iterable[str]) -> str:
    """Return an operator with the layers that it comes from, in words.

    Example:
        >>> name_with_places("Svd", ["encoder/whiten"])
        "Svd (from 'encoder/whiten')"
    """
    known = sorted({place for place in places if place})
    if not known:
        return operator
    shown = ", ".join(f"{place[:80]!r}" for place in known[:_SHOWN_PLACES])
    more = len(known) - _SHOWN_PLACES
    return f"{operator} (from {shown}{f' and {more} more' if more > 0 else ''})"


def without_location(line: str) -> tuple[str, str]:
    """Return a message without the location that it begins with, and the place in that location.

    Example:
        >>> without_location('loc(callsite(fused["Abs:", "m/a/Abs@f"] at ...)): op is bad')
        ('op is bad', 'm/a/Abs')
    """
    if not line.startswith("loc("):
        return line, ""
    depth = 0
    for index, letter in enumerate(line):
        depth += (letter == "(") - (letter == ")")
        if letter == ")" and depth == 0:
            located = _LOCATED.search(line[:index])
            return line[index + 1 :].lstrip(": "), located.group(1) if located else ""
    return line, ""
