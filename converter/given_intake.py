"""Files that a person brings beside a model: kept, read in a child, and bound to the run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from converter.child_process import Worker
from converter.comparison import Audit, Variant
from converter.errors import LiteDriftError, ModelFileError, WorkerError, blame_the_disk
from converter.given_variant import GivenVariant
from converter.limits import Limits
from converter.signature import Signature
from converter.tensor_binding import Binding, Ends, bind_file
from converter.worker_pool import WorkerPool

_NOT_NUMBERS = {"string", "resource", "variant"}


class GivenIntake:
    """Takes given files one after the other; a file that kills its reader costs itself alone.

    Args:
        pool: Of the run.
        results: The run's folder, which gets a copy of each file.
        limits: Seconds for each question.
        signature: Inputs and outputs of the run, without open sizes.
    """

    def __init__(
        self, pool: WorkerPool, results: Path, limits: Limits, signature: Signature
    ) -> None:
        self._pool = pool
        self._results = results
        self._limits = limits
        self._signature = signature
        self._reader: Worker | None = None

    def take(self, variant: Variant, file: GivenVariant) -> Binding:
        """Copy a file into the run, fill in what it holds, and say how it is opened.

        Raises:
            LiteDriftError: When it cannot be read, has changed, or does not fit the run.
        """
        path = self._results / f"{variant.recipe}.tflite"
        try:
            shutil.copyfile(file.path, path)
        except OSError as broken:
            raise ModelFileError(
                f"{file.name[:80]}: the file cannot be copied into the run ({broken.strerror}); "
                "check that it is still there, and the free space."
            ) from broken
        answer = self._read(path, file)
        facts = answer["facts"]
        if facts["sha256"] != file.sha256:
            raise ModelFileError(
                f"{file.name[:80]}: the file has changed since it was chosen; choose it again."
            )
        ends = Ends(
            signature=Signature.from_json(answer["signature"]),
            quantized_inputs=frozenset(answer["quantized_inputs"]),
            quantized_outputs=frozenset(answer["quantized_outputs"]),
        )
        _refuse_texts(file.name[:80], ends.signature)
        binding, notes = bind_file(file.name[:80], self._signature, ends, answer["key"])
        # Only now: a file that is no variant of this model has no figures beside the others.
        for name, value in facts.items():
            setattr(variant, name, value)
        variant.audit = Audit(**answer["audit"])
        variant.audit.notes += notes
        variant.file = path.name
        return binding

    def close(self) -> None:
        """End the reader."""
        if self._reader is not None:
            self._reader.close()

    def _read(self, path: Path, file: GivenVariant) -> dict[str, Any]:
        if self._reader is None or not self._reader.is_alive:
            self.close()
            self._reader = self._pool.start("given_file", "reading the file")
        self._reader.task = f"in {file.name[:80]}"
        try:
            return self._reader.ask("describe", self._limits.read_seconds, path=str(path))
        except WorkerError as error:
            path.unlink(missing_ok=True)
            blame_the_disk(error, file.name)
            raise ModelFileError(
                f"{file.name[:80]}: expected a .tflite file, found one on which {error} The file "
                "is damaged or hostile; give another one.",
                error.details,
            ) from error
        except LiteDriftError as error:
            path.unlink(missing_ok=True)
            # In the run it lies under the row's name, which says less to who gave it.
            sentence = str(error).replace(path.name, file.name[:80])
            raise type(error)(sentence, error.details) from error


def _refuse_texts(name: str, signature: Signature) -> None:
    for spec in (*signature.inputs, *signature.outputs):
        if spec.dtype in _NOT_NUMBERS:
            raise ModelFileError(
                f"{name}: expected inputs and outputs of numbers, found {spec.name[:60]!r} of type "
                f"{spec.dtype}; give a file without its text preprocessing."
            )
