"""Questions about files, answered by a sandboxed child, for callers that must not parse them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from converter.anatomy import AnatomyNode
from converter.child_process import Worker
from converter.errors import DataError, LiteDriftError, ModelFileError, WorkerError, blame_the_disk
from converter.limits import current_limits
from converter.model_options import DEFAULT_OPTIONS, ModelOptions
from converter.model_traits import ModelTraits
from converter.request import DataOptions
from converter.sandbox import Permissions
from converter.signature import TensorSpec
from converter.size_anatomy import SizeAnatomy
from converter.stored_values import fed_inputs
from converter.tensor_lifetimes import Lifetimes


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
    # An upload lies under its hash, which says nothing to the person who gave it.
    notes = [note.replace(path.resolve().name, name[:80]) for note in facts["notes"]]
    return {**facts, "name": name, "notes": notes}


def list_graph_tensors(path: Path, name: str) -> dict[str, Any]:
    """Return which tensors of a frozen graph can be its inputs and outputs, the likeliest first.

    Args:
        path: Where it lies.
        name: The name a person knows it by, for messages.

    Returns:
        `GraphTensors.offer`'s lists.

    Raises:
        ModelFileError: When it is no frozen graph.
    """
    return _ask("list_graph_tensors", path, name, ModelFileError)


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
        `data_description.describe_data`'s answer.

    Raises:
        DataError: When it does not fit the model.
    """
    return _ask(
        "describe_data",
        path,
        name,
        DataError,
        name=name,
        inputs=_fed_inputs(model),
        options=asdict(options),
        traits=_traits(model).to_json(),
    )


def read_anatomy(path: Path, name: str, *, original: bool) -> AnatomyNode:
    """Return the tree of a file's parts, whose bytes sum to the file's.

    Args:
        path: Where it lies.
        name: The name a person knows it by.
        original: Whether it is a model file that a person brought; else a `.tflite`.

    Raises:
        ModelFileError: When it cannot be read.
    """
    answer = _ask(
        "take_apart", path, name, ModelFileError, name=name[:80], original=original
    )
    return AnatomyNode.from_json(answer)


def find_lifetimes(path: Path, name: str, signature: str | None = None) -> Lifetimes:
    """Return how long each activation of a `.tflite` lives.

    Args:
        path: Where it lies.
        name: The name a person knows it by.
        signature: Whose graph is meant; the default when left out.

    Raises:
        ModelFileError: When it is no TFLite flatbuffer or is damaged.
    """
    return Lifetimes.from_json(
        _ask("find_lifetimes", path, name, ModelFileError, signature=signature)
    )


def inspect_size(path: Path, name: str) -> SizeAnatomy:
    """Return to which layer and kind each byte of a `.tflite` belongs.

    Args:
        path: Where it lies.
        name: The name a person knows it by, for messages.

    Raises:
        ModelFileError: When it is no TFLite flatbuffer or is damaged.
    """
    answer = _ask("sort_bytes", path, name, ModelFileError)
    try:
        found = SizeAnatomy.from_json(answer)
        if found.size_bytes != path.stat().st_size:
            raise ValueError("its parts do not sum to the file")
    except (ValueError, OSError) as broken:
        raise ModelFileError(
            f"{name[:80]}: expected parts that sum to the file, found that {broken}; convert or "
            "upload it again."
        ) from broken
    return found


def _fed_inputs(model: dict[str, Any]) -> list[dict[str, Any]]:
    specs = [TensorSpec.from_json(item) for item in model["inputs"]]
    return [spec.to_json() for spec in fed_inputs(specs, model["details"])]


def _traits(model: dict[str, Any]) -> ModelTraits:
    inputs, outputs = (
        [TensorSpec.from_json(item) for item in model[ends]] for ends in ("inputs", "outputs")
    )
    return ModelTraits.of(inputs, outputs, model["details"])


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
        blame_the_disk(broken, shown)
        raise error(
            f"{shown[:80]}: expected a file that can be read, found that {broken} Give a smaller "
            "or an undamaged one."
        ) from broken
    except LiteDriftError as refused:
        # An upload lies under its hash, which says nothing to the person who gave it.
        sentence = str(refused).replace(resolved.name, shown[:80])
        raise type(refused)(sentence, refused.details) from refused
