"""What an audit says in words, for the Compare page and the report alike; not escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.format import format_count, shorten
from converter.audit import same_note
from converter.comparison import Audit
from converter.toggles import IGNORED, NO, PARTLY, YES, effect_note

EFFECTS = {YES: "took effect", PARTLY: "partly", NO: "no effect", IGNORED: "ignored"}
_MOST_NAMES = 6
_MOST_ROWS = 12


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why operators are not what was asked for.

    Attributes:
        operators: Their names with counts.
        kind: `In float`, `Between float and integer` or `TensorFlow (Flex)`.
        why: The reason, in a sentence.
    """

    operators: str
    kind: str
    why: str


def effect_word(effect: object) -> str:
    """Return the badge's word for an effect; one that is not known as it is."""
    return EFFECTS.get(str(effect), str(effect) or "unknown")


def reasons(audit: Audit) -> list[Reason]:
    """Return why operators stayed in float, stand at borders or need Flex; at most a dozen rows."""
    rows = [*_grouped("In float", audit.float_reasons),
            *_grouped("Between float and integer", audit.border_reasons)]
    if audit.flex_op_names:
        rows.append(Reason(
            operators=names_with_counts(audit.flex_op_names), kind="TensorFlow (Flex)",
            why="TFLite has no builtin form of it; it needs a runtime with the Flex delegate.",
        ))
    if len(rows) <= _MOST_ROWS:
        return rows
    more = len(rows) - _MOST_ROWS + 1
    return [*rows[:_MOST_ROWS - 1],
            Reason(operators=f"{more} more reasons", kind="", why="All are in comparison.json.")]


def _grouped(kind: str, rows: list[dict[str, Any]]) -> list[Reason]:
    """Return one row a reason, with the operators that share it."""
    groups: dict[str, dict[str, int]] = {}
    for row in rows:
        names = groups.setdefault(str(row.get("reason", "")), {})
        names[str(row.get("operator", ""))] = row.get("count", 0)
    return [
        Reason(operators=names_with_counts(names), kind=kind, why=f"{why[:1].upper()}{why[1:]}.")
        for why, names in groups.items()
    ]


def operators_sentence(audit: Audit) -> str:
    """Return how many operators of each kind there are; empty where none is known."""
    if not audit.total_ops:
        return ""
    counts = [
        (audit.integer_ops, "integer"), (audit.float_ops, "float"),
        (audit.hybrid_ops, "of these with integer weights"),
        (audit.border_ops, "quantize or dequantize"),
        (audit.flex_ops, "TensorFlow (Flex)"), (audit.custom_ops, "custom"),
    ]
    named = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"{audit.total_ops} operators{': ' if named else ''}{named}."


def types_sentence(audit: Audit) -> str:
    """Return how weights, biases and activations are stored; empty where that is not known."""
    parts = []
    for kind in ("weights", "biases", "activations"):
        types = audit.tensor_types.get(kind) or {}
        if types:
            listed = ", ".join(f"{format_count(count)} {name}" for name, count in types.items())
            parts.append(f"{kind} {listed}{' tensors' if kind == 'activations' else ''}")
    return f"Stored as: {'; '.join(parts)}." if parts else ""


def same_sentence(audit: Audit) -> str:
    """Return which other variants hold the same; empty for none."""
    if not audit.same_as:
        return ""
    sentence = f"Holds the same as {', '.join(audit.same_as)}, but for the converter's metadata"
    if any(note in audit.notes for note in _same_notes(audit, changed_nothing=True)):
        sentence += ": what differs between the recipes changed nothing"
    return f"{sentence}."


def other_notes(audit: Audit) -> list[str]:
    """Return the notes that repeat neither a row of the flags nor `same_sentence`."""
    told = {effect_note(row) for row in audit.flags}
    told |= _same_notes(audit, changed_nothing=True) | _same_notes(audit, changed_nothing=False)
    return [note for note in audit.notes if note not in told]


def _same_notes(audit: Audit, *, changed_nothing: bool) -> set[str]:
    return {same_note(name, changed_nothing=changed_nothing) for name in audit.same_as}


def names_with_counts(names: Mapping[str, Any]) -> str:
    """Return operators' names with their counts, the first six."""
    listed = [f"{count} {shorten(name, 40)}" for name, count in list(names.items())[:_MOST_NAMES]]
    rest = len(names) - _MOST_NAMES
    return ", ".join([*listed, f"{rest} kinds more"] if rest > 0 else listed)
