"""Makes the run of a bundle again and holds what it finds against what the bundle says."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from converter.bundle import Bundle, read_bundle
from converter.comparison import Comparison
from converter.errors import BundleError
from converter.graph_nodes import GRAPH_FILE, GraphNode, load_nodes
from converter.pipeline import run_comparison
from converter.progress import Progress
from converter.rebuild_script import write_rebuild_scripts
from converter.verification import TOLERANCE, Agreement, hold_graphs, verify


@dataclass(frozen=True)
class Verification:
    """A bundle, what it found when it was run again, and where the two agree."""

    bundle: Bundle
    comparison: Comparison
    agreements: list[Agreement]

    @property
    def holds(self) -> bool:
        """Whether all that should agree agrees."""
        return all(entry.agrees is not False for entry in self.agreements)


def verify_bundle(
    path: Path, out: Path | None, listener: Callable[[Progress], None] = lambda _: None
) -> Verification:
    """Unpack a bundle, carry out its request as `run` does, and compare.

    Args:
        path: The bundle.
        out: Gets the new results, without a `request.json`: the model goes with the unpacked
            bundle. None keeps none of them.
        listener: Told of every change of progress.

    Raises:
        BundleError: When the bundle cannot be used.
        LiteDriftError: When its model or data cannot.
        RunCancelledError: When it was cancelled.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise BundleError(f"{out.name}: --out expects a folder, found a file; give another.")
    with tempfile.TemporaryDirectory(prefix="litedrift-verify-") as scratch:
        bundle = read_bundle(path, Path(scratch) / "bundle")
        folder = Path(scratch) / "again" if out is None else out
        comparison = run_comparison(bundle.request, folder, listener)
        if out is not None:
            write_rebuild_scripts(comparison, out)
        agreements = verify(bundle.comparison, comparison)
        agreements += hold_graphs(_nodes(bundle.files.get(GRAPH_FILE)), _nodes(folder / GRAPH_FILE))
        return Verification(bundle, comparison, agreements)


def _nodes(path: Path | None) -> list[GraphNode] | None:
    return load_nodes(path) if path is not None and path.is_file() else None


def format_verification(found: Verification) -> str:
    """Return what `verify` prints: one line for each agreement, then the tolerance and the sum."""
    bundle, entries = found.bundle, found.agreements
    differing = sum(entry.agrees is False for entry in entries)
    agreeing = sum(entry.agrees is True for entry in entries)
    lines = [
        f"{bundle.comparison.model.name}, run on {bundle.comparison.created}, packed by LiteDrift "
        f"{bundle.litedrift}; run again on {found.comparison.created}",
        *map(str, entries),
        f"tolerance: {TOLERANCE}",
        f"{agreeing} agree, {differing} differ",
    ]
    # Names and reasons are a stranger's: none may begin a line of its own.
    return "\n".join(visible_line(line) for line in lines)


def visible_line(text: str) -> str:
    """Return text on one line, with a mark for each character that a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
