"""What a file holds, as a tree of parts whose bytes sum to the file's exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

WEIGHTS, OPTIMIZER, GRAPH, SIGNATURES = "weights", "optimizer state", "graph", "signatures"
QUANTIZATION, METADATA, ASSETS, CONTAINER = "quantization", "metadata", "assets", "container"
ROLES = (WEIGHTS, QUANTIZATION, GRAPH, SIGNATURES, METADATA, ASSETS, OPTIMIZER, CONTAINER)
"""What parts are for, in the order in which they are listed."""
MOST_CHILDREN = 250
"""Further children are shown as one, with their sum."""


@dataclass(frozen=True, kw_only=True)
class AnatomyNode:
    """A part of a file.

    Attributes:
        name: As the file names it, or what it is.
        role: What it is for, one of `ROLES`; of a part with children, the role of most of its
            bytes.
        size_bytes: Its own and its children's.
        detail: Anything else worth a line: shape and dtype, a count.
        children: Its parts.
    """

    name: str
    role: str
    size_bytes: int
    detail: str = ""
    children: tuple[AnatomyNode, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, AnatomyNode]]:
        """Yield this part and all below it, each with its depth, in order."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)

    def bytes_by_role(self) -> dict[str, int]:
        """Return how many bytes serve which role; sums to the whole."""
        found = dict.fromkeys(ROLES, 0)
        for _, node in self.walk():
            if not node.children:
                found[node.role] += node.size_bytes
        return {role: size for role, size in found.items() if size}

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name; what is empty is left out."""
        values: dict[str, Any] = {"name": self.name, "role": self.role, "bytes": self.size_bytes}
        if self.detail:
            values["detail"] = self.detail
        if self.children:
            values["children"] = [child.to_json() for child in self.children]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        return cls(
            name=str(values["name"]),
            role=str(values["role"]),
            size_bytes=int(values["bytes"]),
            detail=str(values.get("detail", "")),
            children=tuple(cls.from_json(child) for child in values.get("children", ())),
        )


def leaf(name: str, role: str, size_bytes: int, detail: str = "") -> AnatomyNode:
    """Return a part without parts."""
    return AnatomyNode(name=name, role=role, size_bytes=size_bytes, detail=detail)


def branch(name: str, children: Sequence[AnatomyNode], detail: str = "") -> AnatomyNode:
    """Return a part that is nothing but its parts; of many, the smallest stand as one."""
    kept = [child for child in children if child.size_bytes]
    if len(kept) > MOST_CHILDREN:
        ordered = sorted(kept, key=lambda child: -child.size_bytes)
        rest = ordered[MOST_CHILDREN:]
        shown = set(map(id, ordered[:MOST_CHILDREN]))
        kept = [child for child in kept if id(child) in shown]
        by_role: dict[str, int] = {}
        for child in rest:
            for role, size in child.bytes_by_role().items():
                by_role[role] = by_role.get(role, 0) + size
        kept += [leaf(f"{len(rest)} smaller parts: {role}", role, size)
                 for role, size in by_role.items()]  # fmt: skip
    sums: dict[str, int] = {}
    for child in kept:
        sums[child.role] = sums.get(child.role, 0) + child.size_bytes
    role = max(sums, key=lambda each: sums[each], default=CONTAINER)
    return AnatomyNode(
        name=name, role=role, size_bytes=sum(c.size_bytes for c in kept), detail=detail,
        children=tuple(kept),
    )  # fmt: skip
