"""Measures how much the output of a finished run minds each operator's precision, until stopped."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from converter.analysed_run import Files
from converter.budget_solver import WAITING
from converter.candidate_session import SEARCH, CandidateSession
from converter.live_file import LiveFile
from converter.measurement_lock import building
from converter.sensitivity import Cell, Sensitivity, measure_cells, plan_cells

Listener = Callable[[str, float], None]


def measure_sensitivity(
    files: Files,
    out: Path,
    *,
    listener: Listener = lambda _stage, _share: None,
    progress: Path | None = None,
) -> Sensitivity:
    """Measure each operator in each precision, alone and left out.

    Args:
        files: Of the run, by name.
        out: Where temporary files may lie meanwhile.
        listener: Told of each stage; what it raises ends it, no child process is left.
        progress: Folder of the job: gets the map so far, and is looked into for a wish to stop.

    Raises:
        LiteDriftError: When the run has no float file or no samples.
    """
    shown = LiveFile(progress)
    listener("asking what each operator can be stored as", 0.0)
    with (
        CandidateSession(files, out, task="while measuring sensitivity") as session,
        building(lambda: listener(WAITING, 0.0)),
    ):
        judge = partial(session.figures, split=SEARCH)
        original = judge({})[0]
        planned = len(plan_cells(session.layers))
        labels = {layer.number: layer.operator for layer in session.layers}
        cells: list[Cell] = []

        def so_far() -> Sensitivity:
            return Sensitivity(
                layers=[layer for layer in session.layers if layer.has_weights], cells=cells,
                distinct=len({cell.sha256 for cell in cells}), planned=planned,
                samples=session.samples[SEARCH], refused=session.refused,
                original_sha256=original,
            )  # fmt: skip

        for cell in measure_cells(session.layers, judge):
            cells.append(cell)
            listener(f"{cell.precision} in {labels[cell.number]} {cell.number}",
                     len(cells) / max(1, planned))  # fmt: skip
            if not shown.show(so_far):
                break
        return so_far()
