"""Where the bytes went on the way from the original file to a variant, in steps that sum exactly.

Each step is a difference of two amounts that are read off the files: nothing is estimated, and the
last level is the variant's size to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from converter.comparison import ModelFacts
from converter.size_anatomy import (
    BIASES,
    GRAPH,
    LEFT_FLOAT,
    METADATA,
    OTHER_LAYERS,
    PADDING,
    PARAMETERS,
    SCALES,
    UNKNOWN,
    WEIGHTS,
    SizeAnatomy,
)

MOST_SAVERS = 8
"""Layers whose savings are a step of their own; the others are one together."""
LEVEL, FELL, CHANGED, SAVED, KEPT = "level", "fell", "changed", "saved", "kept"
"""Roles of a step: an amount; what the original leaves behind; what conversion changed in number;
what smaller types saved in a layer; what else the variant's file holds."""
ORIGINAL, UNPACKED, OPTIMIZER, CONTAINER = "original", "unpacked", "optimizer", "container"
PARAMETER_LEVEL, CONVERSION, SET_ASIDE = "parameters", "conversion", "set_aside"
FLOAT32, STORED, VARIANT = "float32", "stored", "variant"
UNPACKED_WITHOUT_OPTIMIZER = "unpacked_without_optimizer"
_KEPT_ORDER = (BIASES, LEFT_FLOAT, SCALES, GRAPH, METADATA, PADDING, UNKNOWN)


@dataclass(frozen=True)
class SizeStep:
    """One step.

    Attributes:
        role: `LEVEL`, `FELL`, `CHANGED`, `SAVED` or `KEPT`.
        what: What it is about: one of the names above, one of `size_anatomy.KINDS`, or for
            `SAVED` the name of a layer.
        change_bytes: Added, or taken away where it is negative; 0 for a level.
        level_bytes: How many bytes there are after it.
        layers: Layers that a `SAVED` step counts together; 0 where they were not counted.
    """

    role: str
    what: str
    change_bytes: int
    level_bytes: int
    layers: int = 1


def size_steps(
    model: ModelFacts, anatomy: SizeAnatomy, most_savers: int = MOST_SAVERS
) -> list[SizeStep]:
    """Return the steps, from the original file to the variant's.

    Args:
        model: The original.
        anatomy: The variant's bytes.
        most_savers: Layers to tell apart.
    """
    steps = [SizeStep(LEVEL, ORIGINAL, 0, model.size_bytes)]
    for role, what, change, layers in _changes(model, anatomy, most_savers):
        level = steps[-1].level_bytes
        if role == LEVEL:
            # A level that nothing has changed since the last would say the same twice.
            if steps[-1].role != LEVEL or what == VARIANT:
                steps.append(SizeStep(LEVEL, what, 0, level))
        elif change:
            steps.append(SizeStep(role, what, change, level + change, layers))
    return steps


def _changes(
    model: ModelFacts, anatomy: SizeAnatomy, most_savers: int
) -> Iterator[tuple[str, str, int, int]]:
    for what, change in _left_behind(model):
        yield FELL, what, change, 1
    yield LEVEL, PARAMETER_LEVEL, 0, 1
    aside = anatomy.float32_bytes(BIASES, LEFT_FLOAT)
    yield CHANGED, CONVERSION, anatomy.float32_bytes(*PARAMETERS) - model.parameter_bytes, 1
    yield CHANGED, SET_ASIDE, -aside, 1
    yield LEVEL, FLOAT32, 0, 1
    for layer, saved, layers in savings(anatomy, most_savers):
        yield SAVED, layer, -saved, layers
    yield LEVEL, STORED, 0, 1
    for kind in _KEPT_ORDER:
        yield KEPT, kind, anatomy.kind_bytes(kind), 1
    yield LEVEL, VARIANT, 0, 1


def _left_behind(model: ModelFacts) -> Iterator[tuple[str, int]]:
    """Yield what of the original's file is no parameter: together all but `parameter_bytes`."""
    bare = model.size_without_optimizer_bytes
    optimizer = model.optimizer_bytes
    if optimizer is None and model.size_bytes < bare:
        yield UNPACKED_WITHOUT_OPTIMIZER, bare - model.size_bytes
    else:
        # Only a zipped SavedModel is unpacked, and it alone needs the bytes to be told.
        optimizer = model.size_bytes - bare if optimizer is None else optimizer
        yield UNPACKED, bare + optimizer - model.size_bytes
        yield OPTIMIZER, -optimizer
    yield CONTAINER, model.parameter_bytes - bare


def savings(anatomy: SizeAnatomy, most: int) -> list[tuple[str, int, int]]:
    """Return `(layer, bytes saved, layers)`, the largest first, beyond `most` as one.

    What a layer saved is what its weights take in float32 less what they take as stored; negative
    where they take more.
    """
    found = {
        part.layer: part.float32_bytes - part.size_bytes
        for part in anatomy.parts
        if part.kind == WEIGHTS and part.float32_bytes != part.size_bytes
    }
    collected = found.pop(OTHER_LAYERS, None)
    ordered = sorted(found.items(), key=lambda item: -item[1])
    shown, rest = ordered[:most], ordered[most:]
    if len(rest) == 1 and collected is None:
        shown, rest = ordered, []
    result = [(layer, saved, 1) for layer, saved in shown]
    if rest or collected is not None:
        total = sum(saved for _, saved in rest) + (collected or 0)
        result.append((OTHER_LAYERS, total, 0 if collected is not None else len(rest)))
    return result
