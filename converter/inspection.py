"""Questions about files, answered by a sandboxed child, for callers that must not parse them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from converter.child_process import Worker
from converter.errors import DataError, LiteDriftError, ModelFileError, WorkerError
from converter.limits import current_limits
from converter.model_options import DEFAULT_OPTIONS, ModelOptions
from converter.request import DataOptions
from converter.sandbox import Permissions


def inspect_model_file(
    path: Path, name: str, options: ModelOptions = DEFAULT_OPTIONS
) -> dict[str, Any]:
    """Return what `python -m converter inspect` prints of a model file.

    Args:
        path: Where it lies.
        name: The name a person knows it by, for messages.
        options: Which signature or tensors of it are meant.

    Raises:
        ModelFileError: When it is not a usable model file.
    """
    facts = _ask("describe_model", path, name, ModelFileError, options=options.to_json())
    return {**facts, "name": name}


def inspect_data_file(
    path: Path, name: str, model: dict[str, Any], options: DataOptions
) -> dict[str, Any]:
    """Return how a data file reads for a model.

    Args:
        path: Where it lies.
        name: The name a person knows it by.
        model: `inspect_model_file`'s answer.
        options: How to read it.

    Returns:
        `{"samples", "labelled", "label_names", "inputs": [{"name", "shape", "dtype", "min", "max",
        "mean"}], "notes"}`.

    Raises:
        DataError: When it does not fit the model.
    """
    return _ask(
        "describe_data",
        path,
        name,
        DataError,
        name=name,
        inputs=model["inputs"],
        options=asdict(options),
        rescales="Rescaling" in model["details"].get("layers", []),
    )


def _ask(
    operation: str,
    path: Path,
    shown: str,
    error: type[LiteDriftError],
    **fields: Any,  # noqa: ANN401
) -> dict[str, Any]:
    resolved = path.resolve()
    try:
        with Worker(
            "converter.workers.reading",
            "reading it",
            permissions=Permissions(read=(resolved,)),
        ) as worker:
            seconds = current_limits().read_seconds
            return worker.ask(operation, seconds, path=str(resolved), **fields)
    except WorkerError as broken:
        raise error(
            f"{shown[:80]}: expected a file that can be read, found that {broken} Give a smaller "
            "or an undamaged one."
        ) from broken
    except LiteDriftError as refused:
        # An upload lies under its hash, which says nothing to the person who gave it.
        sentence = str(refused).replace(resolved.name, shown[:80])
        raise type(refused)(sentence, refused.details) from refused
