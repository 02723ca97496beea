"""Worker: builds one variant after the other from a float `.tflite`, and audits each file."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve, step_back

enter_walls()
step_back()

import hashlib  # noqa: E402
import time  # noqa: E402
from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from converter.audit import audit_file  # noqa: E402
from converter.comparison import write_whole  # noqa: E402
from converter.errors import ConversionError  # noqa: E402
from converter.model_file import gzip_size  # noqa: E402
from converter.recipe import LITERT_QUANTIZER, Recipe  # noqa: E402
from converter.requantizer import Requantizer, quantizable_operators  # noqa: E402
from converter.signature import Signature  # noqa: E402
from converter.tflite_file import content_sha256, read_tflite  # noqa: E402


class RequantizationWorker:
    """Quantizes one file by recipes with one calibration set."""

    def __init__(self) -> None:
        self._requantizer: Requantizer | None = None
        self._calibration: dict[str, np.ndarray] | None = None

    def convert(
        self,
        source: str,
        signature: dict[str, Any],
        key: str | None,
        signatures: int,
        recipe: dict[str, Any],
        calibration: str,
        batch: int,
        target: str,
    ) -> dict[str, Any]:
        """Quantize by a recipe, write the file and say what is in it."""
        asked = Recipe.from_json(recipe)
        if self._requantizer is None:
            self._requantizer = Requantizer(
                Path(source), Signature.from_json(signature), key, signatures
            )
        samples = self._samples(Path(calibration)) if asked.needs_samples else {}
        start = time.perf_counter()
        content = self._requantizer.quantize(asked, samples)
        seconds = time.perf_counter() - start
        path = Path(target)
        write_whole(path, content)
        known = quantizable_operators(asked)
        audit = audit_file(read_tflite(path), asked, LITERT_QUANTIZER, known)
        if asked.strict_integer and audit.float_ops:
            names = ", ".join(f"{count} {name}" for name, count in audit.float_op_names.items())
            raise ConversionError(
                f"{asked.name}: litert-quantizer leaves operators in float ({names}), and this "
                "recipe allows integers only; take int8, which keeps them."
            )
        return {
            "convert_seconds": seconds,
            "size_bytes": len(content),
            "gzip_bytes": gzip_size(path),
            "content_sha256": content_sha256(path),
            "sha256": hashlib.sha256(content).hexdigest(),
            "audit": asdict(audit),
        }

    def _samples(self, path: Path) -> dict[str, np.ndarray]:
        if self._calibration is None:
            with np.load(path, allow_pickle=False) as archive:
                self._calibration = {name: archive[name] for name in archive.files}
        return self._calibration


def main() -> None:
    """Serve until stdin closes."""
    worker = RequantizationWorker()
    serve({"convert": worker.convert})


if __name__ == "__main__":
    main()
