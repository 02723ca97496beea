"""Questions about files, answered by a child process, for pages that must not parse them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from converter.child_process import PROJECT_ROOT
from converter.errors import DataError, LiteDriftError, ModelFileError
from converter.request import DataOptions

INSPECTION_SECONDS = 60.0


def inspect_model_file(path: Path, name: str) -> dict[str, Any]:
    """Return what `python -m converter inspect` says of a model file.

    Args:
        path: Where it lies.
        name: The name a person knows it by, for messages.

    Raises:
        ModelFileError: When it is not a usable model file.
    """
    facts = _ask(["inspect", str(path)], path, name, ModelFileError)
    facts["name"] = name
    return facts


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
    with tempfile.NamedTemporaryFile("w", suffix=".json") as question:
        json.dump({"model": model, "name": name, "options": vars(options)}, question)
        question.flush()
        return _ask(["inspect-data", str(path), "--question", question.name], path, name, DataError)


def _ask(
    arguments: list[str], path: Path, name: str, error: type[LiteDriftError]
) -> dict[str, Any]:
    try:
        answer = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "converter", *arguments],
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSPECTION_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise error(
            f"{name[:80]}: reading the file took longer than {INSPECTION_SECONDS:.0f} s and was "
            "stopped; give a smaller file."
        ) from None
    if answer.returncode == 0:
        facts: dict[str, Any] = json.loads(answer.stdout)
        return facts
    lines = [line for line in answer.stderr.splitlines() if line.startswith("error: ")]
    if not lines:
        raise error(
            f"{name[:80]}: reading the file ended the process that read it (exit code "
            f"{answer.returncode}); the file is damaged or hostile, give another one."
        )
    # On a page the step goes without saying, and the file's name on disk, its hash, says nothing.
    sentence = lines[-1].removeprefix("error: ").removeprefix(f"{arguments[0]}: ")
    raise error(sentence.replace(path.name, name[:80]))
