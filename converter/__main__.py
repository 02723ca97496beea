"""The command line: `python -m converter COMMAND`; its contract is in docs/cli.md."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import NoReturn

from converter.budget import OBJECTIVES
from converter.comparison import COMPARISON_FILE, Comparison
from converter.errors import (
    DataError,
    GateError,
    LiteDriftError,
    ModelFileError,
    RunCancelledError,
)
from converter.further_latency import FurtherRequest
from converter.gate import Bounds, gate_checks
from converter.gate_summary import append_summary, summary_table
from converter.given_variant import GivenVariant
from converter.limits import bound_own_memory
from converter.model_options import ModelOptions, parse_dimensions
from converter.progress_line import ProgressLine
from converter.recipe import PRESETS, TFLITE_DEFAULTS, Recipe, find_recipes
from converter.request import IMAGE_SCALES, DataOptions, RunRequest
from converter.trust import machine_walls, weakness

EXIT_OK, EXIT_GATE, EXIT_INPUT, EXIT_CANCELLED = 0, 1, 2, 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in the one line that the contract asks for."""

    def error(self, message: str) -> NoReturn:
        """End with code 2."""
        self.exit(EXIT_INPUT, f"error: {self.prog}: {message}; --help lists the arguments\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands."""
    parser = _Parser(prog="python -m converter", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    inspect = commands.add_parser("inspect", help="facts about a model file, as JSON")
    inspect.add_argument("model", metavar="MODEL", type=Path)
    _add_model_options(inspect)

    run = commands.add_parser("run", help="convert, measure and compare")
    run.add_argument("model", metavar="MODEL", type=Path)
    run.add_argument("--data", type=Path, help=".npz, .npy, .csv or a zip of images")
    run.add_argument("--recipes", default=None, help="names, separated by commas")
    run.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="FILE.tflite",
        type=Path,
        help="a .tflite to compare beside the recipes; repeatable",
    )
    run.add_argument("--samples", type=int, help="evaluation samples at most")
    run.add_argument("--calibration-samples", type=int, help="calibration samples at most")
    run.add_argument("--runs", type=int, help="exactly so many timed runs after 5 warm-ups")
    run.add_argument("--threads", type=int, default=1)
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--thread-sweep", default="", metavar="1,2,4", help="counts to time too")
    run.add_argument("--kernels", default="", help="also time with default,no-xnnpack,reference")
    run.add_argument(
        "--baselines", default="", help="also time TensorFlow's predict,call,function,xla"
    )
    run.add_argument("--out", type=Path, required=True, metavar="DIR")
    _add_reading_options(run)
    _add_model_options(run)

    operators = commands.add_parser("operators", help="which operations work on which target")
    operators.add_argument("model", metavar="MODEL", type=Path)
    operators.add_argument("--data", type=Path, help=".npz, .npy, .csv or a zip of images")
    operators.add_argument("--run", type=Path, metavar="DIR", help="what this run shows is known")
    operators.add_argument("--json", type=Path, metavar="FILE", help="also write it as JSON")
    _add_reading_options(operators)
    _add_model_options(operators)

    layers = commands.add_parser("layers", help="look into one variant of a finished run")
    layers.add_argument("folder", metavar="DIR", type=Path)
    layers.add_argument("--recipe", required=True)
    layers.add_argument("--original", type=Path, metavar="FILE.tflite", help="what the run is of")
    layers.add_argument("--samples", type=int, help="evaluation samples at most")

    calibration = commands.add_parser("calibration", help="study a variant's calibration")
    calibration.add_argument("folder", metavar="DIR", type=Path)
    calibration.add_argument("--recipe", required=True)
    calibration.add_argument("--original", type=Path, metavar="FILE.tflite", help="as for layers")

    budget = commands.add_parser("budget", help="search mixed precision for a budget")
    budget.add_argument("folder", metavar="DIR", type=Path)
    budget.add_argument("--max-size-bytes", type=int)
    budget.add_argument("--min-sqnr-db", type=float)
    budget.add_argument("--min-agreement", type=float, metavar="0..1")
    budget.add_argument("--max-accuracy-drop", type=float, metavar="0..1")
    budget.add_argument("--max-predicted-ms", type=float)
    budget.add_argument("--minimize", choices=OBJECTIVES, default="size")
    budget.add_argument("--evaluations", type=int, help="distinct candidates at most")
    budget.add_argument("--seed", type=int, default=0)

    gate = commands.add_parser("gate", help="check a variant against bounds")
    gate.add_argument("comparison", metavar="DIR/comparison.json", type=Path)
    gate.add_argument("--recipe", required=True)
    for flag in (
        "--max-size-bytes",
        "--max-p50-ms",
        "--min-sqnr-db",
        "--min-top1-agreement",
        "--max-accuracy-drop",
    ):
        gate.add_argument(flag, type=float)
    gate.add_argument("--summary", type=Path, metavar="FILE", help="append a Markdown table to it")

    bundle = commands.add_parser("bundle", help="pack a run's folder into one zip")
    bundle.add_argument("folder", metavar="DIR", type=Path)
    bundle.add_argument("--out", type=Path, required=True, metavar="FILE.zip")

    verify = commands.add_parser("verify", help="run a bundle again and say what agrees")
    verify.add_argument("bundle", metavar="BUNDLE", type=Path)
    verify.add_argument("--out", type=Path, metavar="DIR", help="keep the new run here")

    export = commands.add_parser("export", help="write a finished run in another form")
    export.add_argument("folder", metavar="DIR", type=Path, help="the --out of a run")
    forms = export.add_mutually_exclusive_group(required=True)
    forms.add_argument("--tables", metavar="FILE.zip", type=Path, help="CSV and Parquet")
    forms.add_argument("--notebook", metavar="FILE.ipynb", type=Path, help="rebuilds the variants")

    job = commands.add_parser("job", help="carry out a run of the dashboard")
    job.add_argument("run_id", metavar="ID")

    commands.add_parser("sandbox", help="which walls hold around child processes, as JSON")
    return parser


def _add_reading_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label-column", help="of a .csv")
    parser.add_argument("--image-scale", choices=IMAGE_SCALES, default="auto")
    parser.add_argument("--unroll", action="store_true", help="unroll recurrent Keras layers first")
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="NAME=1,64,64,3",
        help="sizes for an input's open dimensions, batch first, ? to leave one open; repeatable",
    )


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--inputs", default="", help="of a frozen graph: tensors to feed")
    parser.add_argument("--outputs", default="", help="of a frozen graph: tensors to fetch")
    parser.add_argument("--signature", help="of a SavedModel; serving_default when left out")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code."""
    options = build_parser().parse_args(arguments)
    handlers = {
        "inspect": _inspect,
        "run": _run,
        "operators": _operators,
        "layers": _layers,
        "calibration": _calibration,
        "budget": _budget,
        "gate": _gate,
        "export": _export,
        "bundle": _bundle,
        "verify": _verify,
        "job": _job,
        "sandbox": _sandbox,
    }
    try:
        return handlers[options.command](options)
    except (KeyboardInterrupt, RunCancelledError):
        print("cancelled", file=sys.stderr)
        return EXIT_CANCELLED
    except LiteDriftError as error:
        print(f"error: {options.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_INPUT
    except BrokenPipeError:
        # The reader of stdout has gone (`| head`); that is its right, and no error.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - lives until the process ends
        return EXIT_OK
    except OSError as error:
        name = error.filename or "the disk"
        print(
            f"error: {options.command}: {name}: {error.strerror or error}; check the path, its "
            "permissions and the free space",
            file=sys.stderr,
        )
        return EXIT_INPUT
    except MemoryError:
        print(
            f"error: {options.command}: the input needs more memory than there is; give a "
            "smaller one",
            file=sys.stderr,
        )
        return EXIT_INPUT


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _model_options(options: argparse.Namespace) -> ModelOptions:
    return ModelOptions(
        signature=options.signature,
        input_tensors=_names(options.inputs),
        output_tensors=_names(options.outputs),
        dimensions=tuple(parse_dimensions(text) for text in getattr(options, "shape", [])),
        unroll=getattr(options, "unroll", False),
    )


def _inspect(options: argparse.Namespace) -> int:
    from converter.inspection import inspect_model_file

    name = options.model.resolve().name
    facts = inspect_model_file(options.model, name, _model_options(options))
    print(json.dumps(facts, indent=1))
    return EXIT_OK


def _run(options: argparse.Namespace) -> int:
    from converter.bundle import write_request
    from converter.pipeline import run_comparison
    from converter.rebuild_script import write_rebuild_scripts
    from converter.table import format_comparison

    _listen_for_cancel()
    bound_own_memory()
    Thread(target=_warn_of_weak_walls, daemon=True).start()
    if options.out.exists() and not options.out.is_dir():
        raise DataError(f"{options.out.name}: --out expects a folder, found a file; give another.")
    request = RunRequest(
        model_path=options.model,
        model_name=options.model.resolve().name,
        model_options=_model_options(options),
        data_path=options.data,
        data_name=options.data.name if options.data else None,
        data_options=DataOptions(
            label_column=options.label_column, image_scale=options.image_scale
        ),
        recipes=_recipes(options),
        recipes_asked=options.recipes is not None,
        given_variants=tuple(_given_variant(path) for path in options.variant),
        samples=options.samples,
        calibration_samples=options.calibration_samples,
        runs=options.runs,
        threads=options.threads,
        seed=options.seed,
        further=_further(options),
    )
    comparison = run_comparison(request, options.out, ProgressLine())
    write_request(request, options.out)
    write_rebuild_scripts(comparison, options.out)
    print(format_comparison(comparison))
    return EXIT_OK


def _recipes(options: argparse.Namespace) -> tuple[Recipe, ...]:
    from converter.engine import LITERT, choose_engine

    if options.recipes is None:
        starts_from_tflite = choose_engine(options.model) is LITERT
        return tuple(find_recipes(list(TFLITE_DEFAULTS if starts_from_tflite else PRESETS)))
    if not options.recipes.strip() and options.variant:
        return ()
    return tuple(find_recipes(options.recipes.split(",")))


def _further(options: argparse.Namespace) -> FurtherRequest:
    try:
        threads = tuple(int(text) for text in _names(options.thread_sweep))
    except ValueError:
        raise DataError(
            "--thread-sweep expects whole numbers separated by commas, found "
            f"{options.thread_sweep[:40]!r}."
        ) from None
    return FurtherRequest(
        threads=threads, kernels=_names(options.kernels), baselines=_names(options.baselines)
    )


def _given_variant(path: Path) -> GivenVariant:
    from converter.model_file import file_sha256

    if not path.is_file():
        raise ModelFileError(
            f"{path.name}: --variant expects a .tflite file, found no such file; check the path."
        )
    return GivenVariant(path=path.resolve(), name=path.name, sha256=file_sha256(path))


def _warn_of_weak_walls() -> None:
    """Say on stderr where a hostile model could do harm; the run goes on meanwhile."""
    with contextlib.suppress(LiteDriftError):  # a setting that is wrong is told by the run itself
        weak = weakness(machine_walls())
        if weak:
            print(f"warning: weak sandbox: {weak}", file=sys.stderr, flush=True)


def _budget(options: argparse.Namespace) -> int:
    from converter.budget_command import carry_out

    _listen_for_cancel()
    bound_own_memory()
    carry_out(options, ProgressLine().show_share)
    return EXIT_OK


def _calibration(options: argparse.Namespace) -> int:
    from converter.calibration_command import carry_out

    _listen_for_cancel()
    bound_own_memory()
    carry_out(options, ProgressLine().show_share)
    return EXIT_OK


def _operators(options: argparse.Namespace) -> int:
    from converter.operators_command import carry_out

    _listen_for_cancel()
    bound_own_memory()
    Thread(target=_warn_of_weak_walls, daemon=True).start()
    carry_out(options, _model_options(options), ProgressLine().show_share)
    return EXIT_OK


def _layers(options: argparse.Namespace) -> int:
    from converter.layers_command import carry_out

    _listen_for_cancel()
    bound_own_memory()
    carry_out(options, ProgressLine().show_share)
    return EXIT_OK


def _gate(options: argparse.Namespace) -> int:
    bounds = Bounds(
        max_size_bytes=options.max_size_bytes,
        max_p50_ms=options.max_p50_ms,
        min_sqnr_db=options.min_sqnr_db,
        min_top1_agreement=options.min_top1_agreement,
        max_accuracy_drop=options.max_accuracy_drop,
    )
    if bounds.is_empty:
        raise GateError(
            "Expected at least one bound such as --max-size-bytes, found none; add one."
        )
    path = options.comparison
    comparison = Comparison.load(path / COMPARISON_FILE if path.is_dir() else path)
    variant = comparison.variant(options.recipe)
    checks = gate_checks(variant, bounds)
    if options.summary is not None:
        append_summary(options.summary, summary_table(comparison, variant, checks))
    violations = [check.violation for check in checks if not check.holds]
    for violation in violations:
        print(violation)
    if not violations:
        print(f"{options.recipe}: every bound holds")
    return EXIT_GATE if violations else EXIT_OK


def _bundle(options: argparse.Namespace) -> int:
    from converter.bundle import bundle_run_folder

    bundle_run_folder(options.folder, options.out)
    print(f"{options.out}: {options.out.stat().st_size} bytes")
    return EXIT_OK


def _verify(options: argparse.Namespace) -> int:
    from converter.rerun import format_verification, verify_bundle

    _listen_for_cancel()
    bound_own_memory()
    Thread(target=_warn_of_weak_walls, daemon=True).start()
    found = verify_bundle(options.bundle, options.out, ProgressLine())
    print(format_verification(found))
    return EXIT_OK if found.holds else EXIT_GATE


def _export(options: argparse.Namespace) -> int:
    from converter.run_export import write_notebook, write_tables

    if options.tables is not None:
        write_tables(options.folder, options.tables)
    else:
        write_notebook(options.folder, options.notebook)
    print(options.tables or options.notebook)
    return EXIT_OK


def _job(options: argparse.Namespace) -> int:
    """Carry out a run that `run_store.start_run` has laid down."""
    _listen_for_cancel()
    bound_own_memory()
    from converter.job import carry_out

    carry_out(options.run_id)
    return EXIT_OK


def _listen_for_cancel() -> None:
    # Said outright: in the background of a shell Ctrl-C arrives ignored, and Python keeps it so.
    signal.signal(signal.SIGINT, _cancel)
    signal.signal(signal.SIGTERM, _cancel)


def _cancel(_signal: int, _frame: object) -> NoReturn:
    raise RunCancelledError("The run was cancelled.")


def _sandbox(_: argparse.Namespace) -> int:
    from converter.sandbox_probe import probe_sandbox

    print(json.dumps(probe_sandbox().to_json(), indent=1))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
