"""Worker: reads a `.tflite` that a person brought beside a model, before LiteRT sees it."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve

enter_walls()

from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from converter.audit import describe_file  # noqa: E402
from converter.model_file import file_sha256, gzip_size  # noqa: E402
from converter.signature import Signature  # noqa: E402
from converter.tflite_file import content_sha256, read_tflite  # noqa: E402


def describe(path: str) -> dict[str, Any]:
    """Say what the file holds; nothing in it is executed."""
    where = Path(path)
    file = read_tflite(where)
    return {
        "facts": {
            "sha256": file_sha256(where),
            "content_sha256": content_sha256(where),
            "size_bytes": where.stat().st_size,
            "gzip_bytes": gzip_size(where),
        },
        "audit": asdict(describe_file(file)),
        "signature": Signature(file.inputs, file.outputs).to_json(),
        "key": file.signature,
        "quantized_inputs": sorted(file.quantized_inputs),
        "quantized_outputs": sorted(file.quantized_outputs),
    }


if __name__ == "__main__":
    serve({"describe": describe})
