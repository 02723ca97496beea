"""Which operations of a model work on which target: the report that page and command line show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from converter.graph_nodes import GraphNode
from converter.operator_evidence import TARGETS, Evidence, Target
from converter.operator_fates import (
    CUSTOM,
    FLOAT,
    PROBLEMS,
    SELECT_TF,
    STATES,
    UNKNOWN,
    UNSUPPORTED,
    Fate,
    find_fates,
)
from converter.operator_places import layer_of, name_with_places
from converter.operator_trace import IGNORED, FrozenGraph


@dataclass(frozen=True, kw_only=True)
class TargetReport:
    """How far a model gets on one target.

    Attributes:
        name: The recipe's name.
        label: What tables call it.
        source: `run` or `probe`; empty where it was not tried.
        converts: None where it was not tried.
        allocates: None where it was not tried or not told.
        runs: The same.
        reason: Why not, in one sentence.
        way: The nearest way that works; empty where none is known or needed.
    """

    name: str
    label: str
    source: str = ""
    converts: bool | None = None
    allocates: bool | None = None
    runs: bool | None = None
    reason: str = ""
    way: str = ""


@dataclass(frozen=True, kw_only=True)
class OperationRow:
    """One kind of operation.

    Attributes:
        op: As TensorFlow names it.
        count: How many the frozen graph holds.
        layers: The layers or name scopes that they come from.
        fates: For each target what became of them, the worst first, with how many.
        way: The nearest way that works, where one of them is a problem.
    """

    op: str
    count: int
    layers: tuple[str, ...]
    fates: dict[str, tuple[tuple[Fate, int], ...]]
    way: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether it fails its aim on one of the targets."""
        return any(fate.state in PROBLEMS for fates in self.fates.values() for fate, _ in fates)

    @property
    def places(self) -> str:
        """The layers in words, two of them by name."""
        return name_with_places("", self.layers).strip().removeprefix("(from ").removesuffix(")")


@dataclass(frozen=True, kw_only=True)
class SupportReport:
    """The operations of a model, target by target.

    Attributes:
        model: The file's name.
        targets: In a fixed order.
        rows: Problems first, then in the order of the graph.
        notes: Sentences a person should read.
    """

    model: str
    targets: tuple[TargetReport, ...]
    rows: tuple[OperationRow, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def untried(self) -> list[str]:
        """The targets that nothing is known of."""
        return [target.label for target in self.targets if not target.source]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON-ready values."""
        rows = [
            {
                "op": row.op,
                "count": row.count,
                "layers": list(row.layers),
                "targets": {
                    name: [{**asdict(fate), "count": count} for fate, count in fates]
                    for name, fates in row.fates.items()
                },
                "way": row.way,
            }
            for row in self.rows
        ]
        return {
            "schema": 1,
            "model": self.model,
            "targets": [asdict(target) for target in self.targets],
            "operations": rows,
            "notes": list(self.notes),
        }


def build_report(
    model: str,
    nodes: Sequence[GraphNode],
    evidence: Iterable[Evidence],
    notes: Sequence[str] = (),
) -> SupportReport:
    """Put together what is known of every operation.

    Args:
        model: The file's name.
        nodes: Of the frozen graph.
        evidence: At most one for each target.
        notes: To be passed on.
    """
    known = {item.target: item for item in evidence}
    graph = FrozenGraph(tuple(nodes))
    fates = {target.name: find_fates(graph, target, known) for target in TARGETS}
    kinds: dict[str, list[int]] = {}
    for place, node in enumerate(nodes):
        if node.op not in IGNORED:
            kinds.setdefault(node.op, []).append(place)
    rows = [_row(graph, op, places, fates, known) for op, places in kinds.items()]
    return SupportReport(
        model=model,
        targets=tuple(_target(target, known) for target in TARGETS),
        rows=tuple(sorted(rows, key=_severity)),
        notes=tuple(notes),
    )


def _row(
    graph: FrozenGraph,
    op: str,
    places: Sequence[int],
    fates: Mapping[str, Mapping[int, Fate]],
    known: Mapping[str, Evidence],
) -> OperationRow:
    counted = {
        name: tuple(sorted(Counter(of[p] for p in places).items(), key=lambda item: _rank(item[0])))
        for name, of in fates.items()
    }
    return OperationRow(
        op=op,
        count=len(places),
        layers=tuple(dict.fromkeys(layer_of(graph.nodes[place].name) for place in places)),
        fates=counted,
        way=_way_for(counted, known),
    )


def _rank(fate: Fate) -> int:
    return STATES.index(fate.state)


def _severity(row: OperationRow) -> int:
    worst = min(_rank(fate) for fates in row.fates.values() for fate, _ in fates)
    return min(worst, len(PROBLEMS))


def _target(target: Target, known: Mapping[str, Evidence]) -> TargetReport:
    found = known.get(target.name)
    if found is None:
        return TargetReport(name=target.name, label=target.label, reason="Not tried yet.")
    return TargetReport(
        name=target.name,
        label=target.label,
        source=found.source,
        converts=found.converts,
        allocates=found.allocates,
        runs=found.runs,
        reason=_sentence(found.reason.removeprefix(f"{target.name}: ")),
        way="" if found.runs else found.advice or _other_targets(target, known),
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _other_targets(target: Target, known: Mapping[str, Evidence]) -> str:
    """Name what has been seen to run, the nearest first; else what at least converts."""
    order = ["int8", "int8_full", "int16x8", "float32"] if target.wants_integers else ["float32"]
    running = [n for n in order if n in known and known[n].runs and n != target.name]
    if running:
        return f"{' and '.join(running[:2])} can be run here."
    flex = next(t for t in TARGETS if t.with_select_tf)
    if flex.name in known and known[flex.name].converts and not target.with_select_tf:
        return f"{flex.name} converts; no pip runtime runs such a file."
    return ""


def _way_for(
    fates: Mapping[str, Sequence[tuple[Fate, int]]], known: Mapping[str, Evidence]
) -> str:
    """Return the nearest way round what is worst of an operation, as far as it has been seen."""
    states = {fate.state for counted in fates.values() for fate, _ in counted}
    flex = next(t for t in TARGETS if t.with_select_tf)
    in_flex = {fate.state for fate, _ in fates[flex.name]}
    if CUSTOM in states:
        return (
            "Replace it in the model, or allow custom ops and supply a kernel: Select TF does not "
            "know it either."
        )
    if UNSUPPORTED in states:
        others = [n for n, e in known.items() if e.runs]
        if others:
            return f"{' and '.join(others[:3])} can be run here; else replace it in the model."
        return "Replace it in the model."
    if SELECT_TF in states:
        if flex.name not in known:
            return "Select TF should take it (probe it), or replace it in the model."
        if known[flex.name].converts or SELECT_TF in in_flex:
            return (
                f"{flex.name} takes it, for a runtime with the Flex delegate (no pip runtime has "
                "it); to run anywhere, replace it in the model."
            )
        return "Replace it in the model."
    if FLOAT in states:
        return _way_for_float(fates, known)
    return ""


def _way_for_float(
    fates: Mapping[str, Sequence[tuple[Fate, int]]], known: Mapping[str, Evidence]
) -> str:
    floats = [n for n, counted in fates.items() if any(f.state == FLOAT for f, _ in counted)]
    integer = [
        target.name
        for target in TARGETS
        if target.wants_integers
        and target.name in known
        and known[target.name].runs
        and not {fate.state for fate, _ in fates[target.name]} & {*PROBLEMS, UNKNOWN}
    ]
    if integer:
        return f"The recipe {integer[0]} computes it on integers."
    running = [n for n in floats if n in known and known[n].runs]
    if running:
        return (
            f"{' and '.join(running[:3])} can be run here with it in float; hardware for integers "
            "alone needs it replaced."
        )
    plain = known.get(TARGETS[0].name)
    return f"{plain.target} can be run here." if plain is not None and plain.runs else ""
