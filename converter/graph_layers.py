"""Which layer each operation of a graph stands in, told from the scopes in its name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

_CALLS = {"PartitionedCall", "StatefulPartitionedCall", "Func"}


def find_layers(names: Sequence[str], computes: Sequence[bool]) -> list[str]:
    """Return the layer of each operation; empty for one that stands in no scope.

    The scope that all operations share is the model's own and is left out. A scope below it is a
    layer, unless several of its own scopes compute: then it is a model or a block of layers.

    Args:
        names: Of the operations, with `/` between scopes.
        computes: Of each, whether its value depends on an input.

    Example:
        >>> find_layers(["m/conv/Conv2D", "m/bn/batchnorm/mul", "m/bn/batchnorm/add"], [True] * 3)
        ['conv', 'bn', 'bn']
    """
    scopes = [
        tuple(part for part in name.split("/")[:-1] if part and part not in _CALLS)
        for name in names
    ]
    computing = [scope for scope, used in zip(scopes, computes, strict=True) if used]
    below: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for scope in set(computing):
        for depth in range(len(scope)):
            below[scope[:depth]].add(scope[depth])
    shared = _shared([scope for scope in computing if scope])
    found = []
    for scope in scopes:
        depth = len(shared) if scope[: len(shared)] == shared else 0
        end = min(depth + 1, len(scope))
        while end < len(scope) and len(below[scope[:end]]) > 1:
            end += 1
        found.append("/".join(scope[depth:end]) or "/".join(scope[-1:]))
    return found


def _shared(scopes: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return what all begin with; the last scope of each is its own."""
    if not scopes:
        return ()
    first, last = min(scopes), max(scopes)
    count = 0
    while count < min(len(first), len(last)) and first[count] == last[count]:
        count += 1
    return first[: min(count, min(map(len, scopes)) - 1)] if count else ()
