"""What became of each operation of a frozen graph for one target, told from evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from converter.converter_refusals import NEEDS_CUSTOM, NEEDS_SELECT_TF
from converter.operator_evidence import Evidence, Target
from converter.operator_trace import IGNORED, FrozenGraph, Trace, trace_nodes

BUILTIN = "builtin"
FUSED = "fused"
FOLDED = "folded"
CONVERTED = "converted"
TAKEN = "not refused"
FLOAT = "stays float"
SELECT_TF = "needs Select TF"
CUSTOM = "custom"
UNSUPPORTED = "unsupported"
UNKNOWN = "not told"
EXPECTED = "expected"
PROBLEMS = (UNSUPPORTED, CUSTOM, SELECT_TF, FLOAT)
"""States that a person should look at, the worst first."""
STATES = (*PROBLEMS, BUILTIN, FUSED, FOLDED, CONVERTED, TAKEN, UNKNOWN)
"""All states, in the order in which they are listed."""
_REFUSED = {NEEDS_SELECT_TF: SELECT_TF, NEEDS_CUSTOM: CUSTOM}
_NODE = re.compile(r"Node number (\d+) \((\w+)\)")
_MOST_NAMES = 3
_OTHER_NAMES = {"FULLY_CONNECTED": ("matmul", "batchmatmulv2")}
"""What TFLite calls otherwise than TensorFlow; a test holds it against the converter."""


@dataclass(frozen=True)
class Fate:
    """What became of an operation.

    Attributes:
        state: One of the states above.
        detail: By what: operators of the file, or why it is not told.
        source: `operator_evidence.RUN` or `PROBE`; `EXPECTED` where another target's evidence
            speaks for this one, which was not tried; empty where nothing speaks.
    """

    state: str
    detail: str = ""
    source: str = ""


def find_fates(
    graph: FrozenGraph, target: Target, evidence: Mapping[str, Evidence]
) -> dict[int, Fate]:
    """Return what became of each operation, by its place in the graph.

    Args:
        graph: The frozen graph.
        target: For which.
        evidence: What is known, by target.
    """
    places = [place for place, node in enumerate(graph.nodes) if node.op not in IGNORED]
    known = evidence.get(target.name)
    if known is None:
        return _expected(graph, places, evidence)
    if not known.converts:
        return _refused(graph, places, known)
    if known.operators is None:
        nothing = Fate(UNKNOWN, "the file that it became is gone or cannot be read", known.source)
        return dict.fromkeys(places, nothing)
    trace = trace_nodes(graph, known.operators)
    broken = _broken_operators(known)
    return {
        place: _fate_in_file(graph, target, known, trace, place, broken) for place in places
    }


def _fate_in_file(
    graph: FrozenGraph,
    target: Target,
    known: Evidence,
    trace: Trace,
    place: int,
    broken: set[int],
) -> Fate:
    operators = known.operators or ()
    made, between = trace.made.get(place, []), trace.between.get(place, [])
    numbers = made or between
    if not numbers and graph.constant[place]:
        return Fate(FOLDED, "it depends on no input", known.source)
    if not numbers:
        return Fate(CONVERTED, "no operator of the file bears its name", known.source)
    words = _listed([operators[n].name for n in numbers], " or " if between else ", ")
    customs = [operators[n] for n in made if operators[n].is_custom]
    floats = [operators[n] for n in numbers if operators[n].is_float]
    if broken & set(made):
        return Fate(UNSUPPORTED, f"{words}: {known.reason}", known.source)
    if customs:
        state = SELECT_TF if all(o.name.startswith("Flex") for o in customs) else CUSTOM
        return Fate(state, words, known.source)
    if target.wants_integers and floats and (made or len(floats) == len(numbers)):
        return Fate(FLOAT, _listed([o.name for o in floats], ", "), known.source)
    if between or _is_part(graph, trace, place, [operators[n].name for n in made]):
        return Fate(FUSED, words, known.source)
    return Fate(BUILTIN, words, known.source)


def _is_part(graph: FrozenGraph, trace: Trace, place: int, names: Sequence[str]) -> bool:
    """Whether a node shares its only operator with others, which is not that of its own name."""
    made = trace.made[place]
    if len(made) != 1 or len(trace.sharing[made[0]]) < 2:
        return False
    op, name = graph.nodes[place].op.lower(), names[0].replace("_", "").lower()
    own = op.startswith(name) or name.startswith(op) or op in _OTHER_NAMES.get(names[0], ())
    return not own


def _listed(names: Sequence[str], joined: str) -> str:
    kinds = list(dict.fromkeys(names))
    more = len(kinds) - _MOST_NAMES
    return joined.join(kinds[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _broken_operators(known: Evidence) -> set[int]:
    """Return the operator that LiteRT names where it cannot prepare or run a file."""
    found = _NODE.search(known.reason) if known.runs is False else None
    if found is None or known.operators is None:
        return set()
    number, name = int(found.group(1)), found.group(2)
    named = number < len(known.operators) and known.operators[number].name == name
    return {number} if named else set()


def _refused(graph: FrozenGraph, places: Sequence[int], known: Evidence) -> dict[int, Fate]:
    """The converter names all that it cannot take at once, so it takes what it does not name."""
    if not known.refusals:
        why = "the conversion failed without naming it"
        return dict.fromkeys(places, Fate(UNKNOWN, why, known.source))
    states = _states_of_refusals(graph, places, known)
    taken = Fate(TAKEN, "the converter stopped at others", known.source)
    return {
        place: Fate(states[place], "", known.source) if place in states else taken
        for place in places
    }


def _states_of_refusals(
    graph: FrozenGraph, places: Sequence[int], known: Evidence
) -> dict[int, str]:
    states: dict[int, str] = {}
    for refusal in known.refusals:
        for place in places if refusal.name else ():
            if graph.nodes[place].name == refusal.name:
                states[place] = _REFUSED[refusal.kind]
    named = {graph.nodes[place].op for place in states}
    for refusal in known.refusals:
        # Where single ones are named, others of the kind were not refused.
        for place in places if refusal.op and refusal.op not in named else ():
            if graph.nodes[place].op == refusal.op:
                states[place] = _REFUSED[refusal.kind]
    return states


def _expected(
    graph: FrozenGraph, places: Sequence[int], evidence: Mapping[str, Evidence]
) -> dict[int, Fate]:
    """What one target's conversion refused for want of an operator, every other one's will."""
    refused: dict[int, str] = {}
    for known in evidence.values():
        if not known.converts:
            refused |= _states_of_refusals(graph, places, known)
    return {
        place: Fate(refused[place], "another target's conversion says so", EXPECTED)
        if place in refused
        else Fate(UNKNOWN, "not tried")
        for place in places
    }
