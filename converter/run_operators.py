"""What a finished run, and a probe of its model if there was one, say of the model's operations."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from converter.child_process import Worker
from converter.comparison import Comparison, write_whole
from converter.errors import LiteDriftError, ModelFileError
from converter.graph_nodes import GRAPH_FILE, GraphNode, load_nodes
from converter.limits import current_limits
from converter.operator_evidence import Evidence, evidence_of, read_operators, target_of
from converter.operator_support import SupportReport, build_report
from converter.operator_trace import FileOperator
from converter.sandbox import Permissions

PROBE_FILE = "operators.json"


@dataclass(kw_only=True)
class Probe:
    """What a probe has shown.

    Attributes:
        nodes: Of the frozen graph.
        evidence: For each target that was probed.
        notes: Its conditions.
    """

    nodes: list[GraphNode] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def save(self, folder: Path) -> Path:
        """Write it into a folder and return the file."""
        values = {
            "schema": 1,
            "graph": [node.to_json() for node in self.nodes],
            "evidence": [item.to_json() for item in self.evidence],
            "notes": self.notes,
        }
        path = folder / PROBE_FILE
        write_whole(path, json.dumps(values).encode())
        return path

    @classmethod
    def load(cls, path: Path) -> Probe:
        """Read `save`'s file.

        Raises:
            ModelFileError: When it is unreadable.
        """
        try:
            values = json.loads(path.read_text())
            return cls(
                nodes=[GraphNode.from_json(item) for item in values["graph"]],
                evidence=[Evidence.from_json(item) for item in values["evidence"]],
                notes=list(values["notes"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
            raise ModelFileError(
                f"{path.name}: expected what a probe of a model's operations has found, found "
                f"something else ({type(broken).__name__}); probe again."
            ) from broken


def read_support(files: Mapping[str, Path], comparison: Comparison) -> SupportReport:
    """Return what a finished run, and a probe of it if there was one, says of the operations.

    Args:
        files: The run's, by name.
        comparison: Its result.

    Raises:
        ModelFileError: When the run has kept no list of its operations and was not probed.
    """
    probe = Probe.load(files[PROBE_FILE]) if PROBE_FILE in files else Probe()
    nodes = probe.nodes
    if GRAPH_FILE in files:
        nodes = load_nodes(files[GRAPH_FILE])
    elif not nodes:
        raise ModelFileError(
            f"{comparison.model.name}: this run has kept no list of the model's operations (it is "
            "older than they are, or has more than can be shown); probe the model, or run it again."
        )
    known = {item.target: item for item in probe.evidence}
    known |= {item.target: item for item in run_evidence(files, comparison)}
    return build_report(comparison.model.name, nodes, known.values(), probe.notes)


def run_evidence(files: Mapping[str, Path], comparison: Comparison) -> list[Evidence]:
    """Return what the variants of a finished run show; their files are read in a child."""
    found = {}
    for variant in comparison.variants:
        target = target_of(variant)
        if target is not None and target.name not in found:
            found[target.name] = (variant, target, files.get(variant.file or ""))
    paths = [path for _, _, path in found.values() if path is not None]
    listed = list_file_operators(paths)
    return [
        evidence_of(variant, target, None if path is None else listed.get(path))
        for variant, target, path in found.values()
    ]


def list_file_operators(paths: Sequence[Path]) -> dict[Path, tuple[FileOperator, ...]]:
    """Return the operators of files, read in a child."""
    if not paths:
        return {}
    found = {}
    with Worker(
        "converter.workers.operators",
        "reading the file",
        permissions=Permissions(read=tuple(path.resolve() for path in paths)),
    ) as worker:
        for path in paths:
            # A file that cannot be read costs its own target alone.
            with contextlib.suppress(LiteDriftError):
                answer = worker.ask(
                    "list_operators", current_limits().read_seconds, path=str(path.resolve())
                )
                found[path] = read_operators(answer["operators"])
    return found
