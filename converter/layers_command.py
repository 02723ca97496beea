"""`python -m converter layers`: looks into one variant of a finished run."""

from __future__ import annotations

import argparse

from converter.analysed_run import analyse_run
from converter.deep_analysis import MOST_SAMPLES, Listener
from converter.errors import DataError
from converter.layer_table import format_analysis


def carry_out(options: argparse.Namespace, listener: Listener) -> None:
    """Print the analysis and keep it beside the run.

    Args:
        options: Of the command line.
        listener: Told of each stage.

    Raises:
        LiteDriftError: When the run, the variant, its float file or its samples cannot be used.
    """
    samples = MOST_SAMPLES if options.samples is None else options.samples
    if samples < 1:
        raise DataError(f"--samples: expected 1 or more, found {samples}; give a larger number.")
    analysis = analyse_run(
        options.folder,
        options.recipe,
        original=options.original,
        most_samples=samples,
        listener=listener,
    )
    print(format_analysis(analysis))
