"""What LiteRT takes from the allocator for a variant, measured: by built-in kernels, by XNNPACK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from converter.heap import NO_BOOKS
from converter.json_figures import known_fields


@dataclass(frozen=True, kw_only=True)
class ArenaMemory:
    """Growth of a process's allocated memory around `allocate_tensors`, in bytes.

    Attributes:
        builtin_bytes: With built-in kernels alone, XNNPACK off: the interpreter's arena, with some
            KB of the kernels' own notes; None with its reason in the variant's notes.
        scratch_tensors: Tensors that those kernels asked for and no file names.
        scratch_bytes: Of them together; they live at different times, so the arena may be smaller.
        default_bytes: With LiteRT's own choice, in the fresh process of the evaluation: the arena,
            and what XNNPACK packs and works in.
        first_run_bytes: What the first inference took beyond that.
        own_shapes: Whether the inputs had the sizes that stand in the file.
    """

    builtin_bytes: int | None = None
    scratch_tensors: int = 0
    scratch_bytes: int = 0
    default_bytes: int | None = None
    first_run_bytes: int | None = None
    own_shapes: bool = True

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read the fields by name."""
        return cls(**known_fields(cls, values))


def read_arena(answer: Mapping[str, Any]) -> tuple[ArenaMemory, list[str]]:
    """Return what `original.evaluate_file` answered with the arena, and why a figure is missing."""
    found = ArenaMemory.from_json({
        **answer["arena"],
        "default_bytes": answer["allocated_bytes"],
        "first_run_bytes": answer["first_run_bytes"],
    })  # fmt: skip
    if found.default_bytes is None:
        return found, [f"arena is null: {NO_BOOKS}."]
    if found.builtin_bytes is None:
        reason = str(answer.get("arena_error") or NO_BOOKS).rstrip(".")
        return found, [f"arena.builtin_bytes is null: {reason}."]
    return found, []
