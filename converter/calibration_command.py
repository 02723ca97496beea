"""`python -m converter calibration`: studies how much a variant depends on its calibration."""

from __future__ import annotations

import argparse

from converter.analysed_run import files_of
from converter.calibration_study import study_calibration
from converter.calibration_table import format_study
from converter.deep_analysis import Listener


def carry_out(options: argparse.Namespace, listener: Listener) -> None:
    """Print the study and keep it beside the run.

    Args:
        options: Of the command line.
        listener: Told of each stage.

    Raises:
        LiteDriftError: When the run, the variant or its samples cannot be used.
    """
    study = study_calibration(
        files_of(options.folder), options.recipe, work=options.folder, original=options.original,
        listener=listener,
    )  # fmt: skip
    study.save(options.folder)
    print(format_study(study))
