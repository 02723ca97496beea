"""The first half of a run: the model and the data are read, the model is loaded and frozen."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from converter.child_process import Worker
from converter.comparison import TFLITE_FORMAT
from converter.errors import DataError, ModelFileError, WorkerError, blame_the_disk
from converter.limits import Limits
from converter.model_file import ModelFile
from converter.model_options import set_dimensions
from converter.request import RunRequest
from converter.sample_arrays import load_arrays
from converter.samples import Samples
from converter.signature import Signature, TensorSpec
from converter.stored_values import fed_inputs, real_samples

Shapes = dict[str, tuple[int, ...]]


class Intake:
    """Asks the workers that read the files and the one that holds the model.

    Args:
        request: What is asked of the run.
        limits: Seconds for each question.
        scratch: Where workers may write.
    """

    def __init__(self, request: RunRequest, limits: Limits, scratch: Path) -> None:
        self.request = request
        self._limits = limits
        self._scratch = scratch
        self.source: dict[str, Any] = {}
        self._asked: dict[str, dict[str, Any]] = {}

    def inspect(self, reader: Worker) -> tuple[ModelFile, dict[str, int | None]]:
        """Return the model file's facts and its gzip sizes.

        Raises:
            ModelFileError: When it is no usable model, or reaches for files, network or code.
        """
        request = self.request
        reader.task = "in the model"
        try:
            answer = reader.ask(
                "inspect",
                self._limits.read_seconds,
                path=str(request.model_path.resolve()),
                name=request.model_name,
                options=request.model_options.to_json(),
            )
        except ModelFileError as error:
            # An upload lies under its hash, which says nothing to the person who gave it.
            sentence = str(error).replace(request.model_path.name, request.model_name)
            raise ModelFileError(sentence, error.details) from error
        except WorkerError as error:
            blame_the_disk(error, request.model_name)
            raise ModelFileError(
                f"{request.model_name}: expected a model file, found one on which {error} The file "
                "is damaged or hostile; give another one.",
                error.details,
            ) from error
        model = ModelFile.from_json(answer)
        model.name = request.model_name
        if model.format == TFLITE_FORMAT:
            _refuse_what_litert_cannot_run(model)
            model.notes.append(
                "The run starts from a .tflite: the TensorFlow model behind it is not known, so "
                "drift and accuracy are held against the given file itself."
            )
            if model.details["signature"] is None:
                model.notes.append(
                    "The file has no signature: its tensors are known by their own names, and the "
                    "variants made of it get a signature with these names."
                )
        gzip = reader.ask(
            "measure_gzip",
            self._limits.read_seconds,
            path=str(model.path),
            model_format=model.format,
            # A SavedModel's optimizer state lies in shards with the weights.
            optimizer_bytes=model.optimizer_bytes if model.format in {"keras", "h5"} else 0,
        )
        if model.format == "saved_model" and model.optimizer_bytes:
            gzip["gzip_without_optimizer_bytes"] = None
        return model, gzip

    def load(self, host: Worker, model: ModelFile) -> Signature:
        """Load the model and return its signature, with the sizes that the person chose.

        Raises:
            ModelFileError: When it cannot be loaded, or the sizes do not fit it.
        """
        chosen = self.request.model_options
        # A frozen graph is loaded between named tensors: those that inspection chose by default.
        options = replace(
            chosen,
            signature=model.details.get("signature"),
            input_tensors=tuple(model.details.get("input_tensors", [])),
            output_tensors=tuple(model.details.get("output_tensors", [])),
        )
        answer = self._ask_host(
            host,
            "load",
            path=str(self.request.model_path.resolve()),
            name=model.name,
            format=model.format,
            work_folder=str(self._scratch),
            options=options.to_json(),
            signature=Signature(
                tuple(fed_inputs(model.inputs, model.details)), tuple(model.outputs)
            ).to_json(),
        )
        model.notes += answer["notes"]
        self.source = {
            "original": "tflite" if model.format == TFLITE_FORMAT else "tensorflow",
            "loader": answer["loader"],
            "raw_inputs": answer["raw_inputs"],
            "changes": answer["changes"],
            "signature": model.details.get("signature"),
            "output_tensors": model.details.get("output_tensors"),
        }
        loaded = Signature.from_json(answer["signature"])
        inputs = set_dimensions(loaded.inputs, chosen.dimensions, model.name)
        return Signature(inputs, loaded.outputs)

    def read_data(self, reader: Worker, model: ModelFile, signature: Signature) -> Samples | None:
        """Return the samples of the data file; None where there is none.

        Raises:
            DataError: When they do not fit the model.
        """
        request = self.request
        if request.data_path is None:
            return None
        name = request.data_name or request.data_path.name
        target = self._scratch / "data"
        reader.task = "in the data"
        try:
            answer = reader.ask(
                "read_samples",
                self._limits.read_seconds,
                path=str(request.data_path.resolve()),
                name=name,
                inputs=[spec.to_json() for spec in signature.inputs],
                options=asdict(request.data_options),
                rescales="Rescaling" in model.details.get("layers", []),
                target=str(target),
            )
        except WorkerError as error:
            blame_the_disk(error, name)
            raise DataError(
                f"{name}: expected samples, found a file on which {error} The file is damaged or "
                "hostile; give another one.",
                error.details,
            ) from error
        labels = {name: np.array(array) for name, array in load_arrays(target / "labels").items()}
        samples = Samples(load_arrays(target / "inputs"), labels, tuple(answer["notes"]))
        return real_samples(samples, model.inputs, model.details)

    def fix_shapes(
        self, host: Worker, model: ModelFile, signature: Signature, samples: Samples | None
    ) -> Shapes:
        """Return the full shape of each input: the model's, the person's, the data's, a default."""
        known = samples and {name: list(a.shape[1:]) for name, a in samples.inputs.items()}
        inputs = [spec.to_json() for spec in signature.inputs]
        answer = self._ask_host(host, "fix", inputs=inputs, data_shapes=known)
        model.notes += answer["notes"]
        return {name: tuple(shape) for name, shape in answer["shapes"].items()}

    def freeze(
        self, host: Worker, model: ModelFile, signature: Signature, shapes: Shapes, folder: Path
    ) -> Signature:
        """Write the frozen model into a folder and return its signature without open sizes."""
        answer = self._ask_host(host, "freeze", folder=str(folder))
        model.notes += answer["notes"]
        inputs = tuple(TensorSpec(s.name, shapes[s.name], s.dtype) for s in signature.inputs)
        outputs = tuple(TensorSpec.from_json(item) for item in answer["outputs"])
        return Signature(inputs, outputs)

    def load_again(self, host: Worker) -> None:
        """Bring another float-model worker to where the first one was after `fix_shapes`.

        Raises:
            LiteDriftError: When it cannot load the model.
        """
        # The first one's unpacked archive is in use.
        scratch = Path(tempfile.mkdtemp(prefix="again-", dir=self._scratch))
        loading = {**self._asked["load"], "work_folder": str(scratch)}
        host.ask("load", self._limits.load_seconds, **loading)
        host.ask("fix", self._limits.load_seconds, **self._asked["fix"])

    def _ask_host(
        self,
        host: Worker,
        operation: str,
        **fields: Any,  # noqa: ANN401
    ) -> dict[str, Any]:
        """Ask the float-model worker; without it there is no run, so its death names the model."""
        host.task = f"in the step {operation!r}"
        self._asked[operation] = fields
        if self.source.get("original") == "tflite":
            host.task = "while preparing it"
        try:
            return host.ask(operation, self._limits.load_seconds, **fields)
        except WorkerError as error:
            name = self.request.model_name
            blame_the_disk(error, name)
            if operation == "freeze" and self.source.get("original") == "tflite":
                raise ModelFileError(
                    f"{name}: expected a file that LiteRT can prepare, found one on which {error} "
                    "The file is damaged or hostile; convert or upload it again.",
                    error.details,
                ) from error
            raise ModelFileError(
                f"{name}: the model could not be prepared ({error}); try it in "
                "TensorFlow first, or export it as a SavedModel.",
                error.details,
            ) from error


def _refuse_what_litert_cannot_run(model: ModelFile) -> None:
    """Refuse at once what would fail in LiteRT with a sentence that helps less.

    Raises:
        ModelFileError: When an operator has no kernel, or a tensor holds no numbers.
    """
    missing = model.details["missing_kernels"]
    if missing:
        names = ", ".join(name[:60] for name in missing[:5])
        kind = "TensorFlow operators, which need the Flex delegate"
        if not all(name.startswith("Flex") for name in missing):
            kind = "custom operators, which need kernels of their own"
        raise ModelFileError(
            f"{model.name}: expected a file that this runtime can run, found {kind} ({names}); it "
            "can be inspected, and run where those are installed."
        )
    for spec in (*model.inputs, *model.outputs):
        if spec.dtype in {"string", "resource", "variant"}:
            raise ModelFileError(
                f"{model.name}: expected inputs and outputs of numbers, found {spec.name[:60]!r} "
                f"of type {spec.dtype}; cut the model behind its text preprocessing and convert it "
                "again."
            )
    if not model.inputs or not model.outputs:
        end = "outputs" if model.inputs else "inputs"
        raise ModelFileError(
            f"{model.name}: expected a file with inputs and outputs, found one without {end}; "
            "convert the model again."
        )
