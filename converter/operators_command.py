"""`python -m converter operators`: probes a model's operations, target by target."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from converter.comparison import CALIBRATION_FILE, COMPARISON_FILE, Comparison, write_whole
from converter.errors import ModelFileError
from converter.model_file import file_sha256
from converter.model_options import ModelOptions
from converter.operator_evidence import Evidence
from converter.operator_probe import Listener, probe_model
from converter.operator_support import SupportReport, build_report
from converter.operator_table import format_report
from converter.request import DataOptions, RunRequest
from converter.run_operators import run_evidence


def carry_out(
    options: argparse.Namespace, model_options: ModelOptions, listener: Listener
) -> None:
    """Print the report, and write it as JSON where that was asked.

    Args:
        options: Of the command line.
        model_options: Which signature, tensors and sizes of the model are meant.
        listener: Told of each stage.

    Raises:
        LiteDriftError: When the model, the data or the run cannot be used.
    """
    report = _report(options, model_options, listener)
    if options.json is not None:
        write_whole(options.json, json.dumps(report.to_json(), indent=1).encode())
    print(format_report(report))


def _report(
    options: argparse.Namespace, model_options: ModelOptions, listener: Listener
) -> SupportReport:
    name = options.model.resolve().name
    request = RunRequest(
        model_path=options.model,
        model_name=name,
        model_options=model_options,
        data_path=options.data,
        data_name=options.data.name if options.data else None,
        data_options=DataOptions(
            label_column=options.label_column, image_scale=options.image_scale
        ),
    )
    known: list[Evidence] = []
    calibration = None
    if options.run is not None:
        known = _evidence_of_run(options.run, options.model, name)
        kept = options.run / CALIBRATION_FILE
        calibration = kept if kept.is_file() else None
    probe = probe_model(request, known, calibration=calibration, listener=listener)
    return build_report(name, probe.nodes, [*known, *probe.evidence], probe.notes)


def _evidence_of_run(folder: Path, model: Path, name: str) -> list[Evidence]:
    comparison = Comparison.load(folder / COMPARISON_FILE)
    if comparison.model.sha256 != file_sha256(model):
        raise ModelFileError(
            f"{name}: expected the model that the run in {folder.name} is of, found another one; "
            "give that one, or leave --run out."
        )
    return run_evidence({path.name: path for path in folder.iterdir()}, comparison)
