"""Worker: builds one variant after the other from the frozen graph, and audits each file."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, freeze_heap, quiet_imports, serve, step_back

enter_walls()
step_back()
quiet_imports()

import hashlib  # noqa: E402
import time  # noqa: E402
from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from converter.audit import audit_file  # noqa: E402
from converter.comparison import write_whole  # noqa: E402
from converter.model_file import gzip_size  # noqa: E402
from converter.recipe import Recipe  # noqa: E402
from converter.shared_calibration import CalibrationMemory  # noqa: E402
from converter.tflite_converter import convert  # noqa: E402
from converter.tflite_file import content_sha256, read_tflite  # noqa: E402


class ConversionWorker:
    """Converts recipes of one frozen graph with one calibration set."""

    def __init__(self) -> None:
        self._memory = CalibrationMemory()
        self._calibration: dict[str, np.ndarray] | None = None

    def convert(
        self, saved_model: str, recipe: dict[str, Any], calibration: str, batch: int, target: str
    ) -> dict[str, Any]:
        """Convert by a recipe, write the file and say what is in it."""
        asked = Recipe.from_json(recipe)
        samples = self._samples(Path(calibration)) if asked.calibrate else {}
        freeze_heap()
        start = time.perf_counter()
        content = convert(Path(saved_model), asked, samples, batch, self._memory)
        seconds = time.perf_counter() - start
        path = Path(target)
        write_whole(path, content)
        return {
            "convert_seconds": seconds,
            "size_bytes": len(content),
            "gzip_bytes": gzip_size(path),
            "content_sha256": content_sha256(path),
            "sha256": hashlib.sha256(content).hexdigest(),
            "audit": asdict(audit_file(read_tflite(path), asked)),
        }

    def _samples(self, path: Path) -> dict[str, np.ndarray]:
        if self._calibration is None:
            with np.load(path, allow_pickle=False) as archive:
                self._calibration = {name: archive[name] for name in archive.files}
        return self._calibration


def main() -> None:
    """Serve until stdin closes."""
    worker = ConversionWorker()
    serve({"convert": worker.convert})


if __name__ == "__main__":
    main()
