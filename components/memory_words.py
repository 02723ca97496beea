"""What a variant needs of memory, from the least there can be to the process, each in words."""

from __future__ import annotations

from dataclasses import dataclass

from components.format import format_bytes
from converter.comparison import Variant
from converter.tensor_lifetimes import Lifetimes

_OLDER = "This run is older than the figure; run it again."


@dataclass(frozen=True, kw_only=True)
class MemoryLevel:
    """One figure.

    Attributes:
        name: On the left of its bar.
        size_bytes: None where there is none.
        is_measured: Whether it was measured; computed from the file otherwise.
        condition: What it is and under which conditions it holds, or why there is none.
    """

    name: str
    size_bytes: int | None
    is_measured: bool
    condition: str


def memory_levels(variant: Variant, lifetimes: Lifetimes) -> list[MemoryLevel]:
    """Return the figures, the least first.

    Args:
        variant: With what was measured of it.
        lifetimes: Of its file; with at least one operator.
    """
    return [
        _bound(lifetimes), _plan(variant, lifetimes), _builtin(variant, lifetimes),
        _default(variant), _process(variant),
    ]  # fmt: skip


def _bound(lifetimes: Lifetimes) -> MemoryLevel:
    peak = lifetimes.peak_operator or 0
    return MemoryLevel(
        name="Lower bound", size_bytes=lifetimes.peak_bytes, is_measured=False,
        condition=f"What lives at once during operator {peak + 1}, {lifetimes.operators[peak]}: "
        "with these operators in this order, one after the other, it cannot be less.",
    )


def _plan(variant: Variant, lifetimes: Lifetimes) -> MemoryLevel:
    plan = lifetimes.plan
    kept = "" if not plan.kept_bytes else (
        f" {format_bytes(plan.kept_bytes)} of it are kept from one inference to the next: "
        "variables, and weights that are widened once."
    )
    sizes = "" if variant.arena is None or variant.arena.own_shapes else (
        " By the sizes that stand in the file; the run fed larger or smaller inputs."
    )
    return MemoryLevel(
        name="Arena by plan", size_bytes=plan.total_bytes, is_measured=False,
        condition="By the rules of LiteRT's planner, for the tensors of the file: the largest "
        "first, in places of 64 bytes, the model's inputs and outputs kept to the end. Scratch "
        f"that kernels ask for is in no file, so it is not in it.{kept}{sizes}",
    )


def _builtin(variant: Variant, lifetimes: Lifetimes) -> MemoryLevel:
    arena = variant.arena
    size = None if arena is None else arena.builtin_bytes
    words = _reason(variant, "arena.builtin_bytes")
    if arena is not None and size is not None:
        scratch = "without scratch" if not arena.scratch_tensors else (
            f"with {arena.scratch_tensors} scratch tensor"
            f"{'' if arena.scratch_tensors == 1 else 's'} of kernels "
            f"({format_bytes(arena.scratch_bytes)} together, not all at once)"
        )
        words = (
            "What the allocator handed out while LiteRT prepared the file with XNNPACK off, "
            f"before any inference: the arena, {scratch}, and the notes that each of "
            f"{len(lifetimes.operators)} operators keeps, up to 1 kB an operator."
        )
    return MemoryLevel(
        name="Built-in kernels", size_bytes=size, is_measured=True, condition=words
    )


def _default(variant: Variant) -> MemoryLevel:
    arena = variant.arena
    size = None if arena is None else arena.default_bytes
    words = _reason(variant, "arena")
    if arena is not None and size is not None:
        first = arena.first_run_bytes or 0
        words = (
            "The same in a fresh process with LiteRT's own choice of kernels: XNNPACK's packed "
            "copies of the weights and its workspace are in it. The first inference took "
            f"{format_bytes(first)} more."
        )
    return MemoryLevel(
        name="LiteRT's choice", size_bytes=size, is_measured=True, condition=words
    )


def _process(variant: Variant) -> MemoryLevel:
    peak, bare = variant.peak_memory_bytes, variant.runtime_memory_bytes
    size = None if peak is None or bare is None else max(0, peak - bare)
    words = _reason(variant, "peak_memory_bytes")
    if size is not None:
        words = (
            f"By how much a fresh process grew from before loading ({format_bytes(bare)}) to after "
            f"one inference ({format_bytes(peak)}), at its peak: whole pages, the file itself and "
            "code that is used for the first time are in it."
        )
    return MemoryLevel(name="Process", size_bytes=size, is_measured=True, condition=words)


def _reason(variant: Variant, key: str) -> str:
    told = [note for note in variant.audit.notes if note.startswith((f"{key} is null: ",
                                                                     "arena is null: "))]
    if told:
        reason = told[0].split(" is null: ", 1)[1]
        return f"Not measured: {reason}"
    return _OLDER if variant.runnable else "Not measured: the file was not run here."
