"""Several runs side by side: in which conditions they differ, and what may not be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from converter.comparison import Comparison, Variant
from converter.verdict import judge

NOT_KNOWN = "\N{EN DASH}"
Pair = tuple[int, str]
"""The number of a comparison and the name of one of its variants."""


@dataclass(frozen=True)
class Condition:
    """One condition with its value in each run, in the runs' order."""

    label: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether two runs have different values."""
        return len(set(self.values)) > 1


_ENVIRONMENT = {
    "threads": "Threads", "cpu": "CPU", "cores": "Cores", "instruction_sets": "Instructions",
    "system": "System", "ai_edge_litert": "LiteRT", "tensorflow": "TensorFlow", "keras": "Keras",
    "litert_quantizer": "litert-quantizer", "python": "Python", "numpy": "NumPy",
}  # fmt: skip
_MACHINE = ("cpu", "cores", "instruction_sets", "system")


def differing_conditions(
    comparisons: Sequence[Comparison], pairs: Sequence[Pair] = ()
) -> list[Condition]:
    """Return the conditions in which the runs differ, the ones that matter most first.

    Args:
        comparisons: The runs' results.
        pairs: The variants in view. Flags are held against each other for those of one name.
    """
    return [item for item in _all_conditions(comparisons, pairs) if item.differs]


def _all_conditions(comparisons: Sequence[Comparison], pairs: Sequence[Pair]) -> list[Condition]:
    questions: list[tuple[str, Callable[[Comparison], Any]]] = [
        ("Model", lambda c: c.model.name),
        ("Model's SHA-256", lambda c: c.model.sha256[:12]),
        ("Format", lambda c: c.model.format),
        ("Parameters", lambda c: f"{c.model.parameters:,}"),
        ("Evaluation data", lambda c: c.data.name or "seeded random samples"),
        ("Data's SHA-256", lambda c: c.data.sha256 and c.data.sha256[:12]),
        ("Evaluation samples", lambda c: c.data.evaluation_samples),
        ("Calibration samples", lambda c: c.data.calibration_samples),
        ("Labels", lambda c: "yes" if c.data.labelled else "no"),
        ("Seed", lambda c: c.data.seed),
        ("Batch", lambda c: c.settings.get("batch")),
        ("Timed runs", _protocol),
    ]
    questions += [
        (label, lambda c, key=key: c.environment.get(key))  # type: ignore[misc]
        for key, label in _ENVIRONMENT.items()
    ]
    conditions = [_ask(label, comparisons, question) for label, question in questions]
    conditions += _flags(comparisons, pairs)
    conditions.append(_ask("Latency measured", comparisons, _measured))
    conditions.append(_ask("Finished", comparisons, lambda c: _minute(c.created)))
    return conditions


def _ask(
    label: str, comparisons: Sequence[Comparison], question: Callable[[Comparison], Any]
) -> Condition:
    return Condition(label, tuple(_text(question(c)) for c in comparisons))


def _text(value: object) -> str:
    if value in (None, "", [], ()):
        return NOT_KNOWN
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _protocol(comparison: Comparison) -> str:
    runs = comparison.settings.get("runs")
    return "full protocol" if runs is None else f"exactly {runs}"


def _measured(comparison: Comparison) -> str | None:
    measured = comparison.settings.get("latency_measured")
    return _minute(str(measured)) if measured else None


def _minute(text: str) -> str:
    return text[:16].replace("T", " ")


def _flags(comparisons: Sequence[Comparison], pairs: Sequence[Pair]) -> list[Condition]:
    """Return the flags in which variants of one name differ between runs."""
    names = dict.fromkeys(name for _, name in pairs)
    conditions = []
    for name in names:
        variants = [_find(comparison, name) for comparison in comparisons]
        if sum(variant is not None for variant in variants) < 2:
            continue
        known = [{} if v is None else {**v.flags, "engine": v.engine} for v in variants]
        for flag in dict.fromkeys(key for flags in known for key in flags):
            found = Condition(f"{name}: {flag.replace('_', ' ')}", tuple(
                NOT_KNOWN if variant is None else _text(flags.get(flag))
                for variant, flags in zip(variants, known, strict=True)
            ))  # fmt: skip
            # A run without this variant has no other flags than the rest: it has none.
            if len(set(found.values) - {NOT_KNOWN}) > 1 or (found.differs and None not in variants):
                conditions.append(found)
    return conditions


def _find(comparison: Comparison, name: str) -> Variant | None:
    return next((v for v in comparison.variants if v.recipe == name), None)


def comparability_warnings(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a sentence for each kind of figure that these runs do not allow to compare."""
    if len(comparisons) < 2:
        return []
    sentences = []
    if _several(comparisons, lambda c: c.model.sha256):
        sentences.append(
            "The models differ: drift tells how close each variant is to its own original, not "
            "which model is better."
        )
    if _several(comparisons, lambda c: (c.data.source, c.data.sha256, c.data.seed)):
        sentences.append(
            "The evaluation data differ: drift and accuracy were measured on other samples, so "
            "compare them with care."
        )
    elif _several(comparisons, lambda c: (c.data.evaluation_samples, c.data.calibration_samples)):
        sentences.append(
            "Other numbers of samples took part: drift and accuracy were measured on other "
            "samples of the same data."
        )
    if _several(comparisons, lambda c: [_text(c.environment.get(key)) for key in _MACHINE]):
        sentences.append(
            "The machines differ: a difference in latency may come from the machine alone."
        )
    if _several(comparisons, lambda c: _text(c.environment.get("threads"))):
        sentences.append(
            "The numbers of threads differ: latencies are not comparable between these runs."
        )
    return sentences


def _several(comparisons: Sequence[Comparison], question: Callable[[Comparison], Any]) -> bool:
    return len({repr(question(comparison)) for comparison in comparisons}) > 1


def default_pairs(comparisons: Sequence[Comparison], most: int) -> list[Pair]:
    """Return the variants to begin with: those that are recommended, then those all runs have.

    Args:
        comparisons: The runs' results.
        most: How many variants at most, over all runs.
    """
    usable = [
        [v.recipe for v in c.variants if v.status == "ok" and v.size_bytes] for c in comparisons
    ]
    recommended = [judge(comparison).recipe for comparison in comparisons]
    shared = [
        name for name in dict.fromkeys(name for names in usable for name in names)
        if all(name in names for names in usable)
    ]  # fmt: skip
    pairs: list[Pair] = []
    for name in dict.fromkeys([*(r for r in recommended if r is not None), *shared]):
        added = [(index, name) for index, names in enumerate(usable) if name in names]
        if len(pairs) + len(added) <= most:
            pairs += added
    return pairs
