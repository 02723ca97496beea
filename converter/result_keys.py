"""Keys of results: a hash of everything that a step's outcome depends on, and of our own code.

Samples take part by their content as it is fed, so it does not matter which file or seed they
came from.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter.recipe import Recipe
from converter.samples import Samples
from converter.tensor_binding import Binding

Json = Mapping[str, Any]


@functools.cache
def code_digest() -> str:
    """Return a hash of the domain's source: a result of other code is never taken for ours."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def arrays_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Return a hash of named arrays: names, shapes, dtypes and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(json.dumps([name, array.shape, array.dtype.str]).encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def samples_digest(samples: Samples, rows: np.ndarray | None = None) -> str:
    """Return a hash of samples with their labels and, where they matter, their places."""
    places = None if rows is None else rows.tolist()
    return _digest(arrays_digest(samples.inputs), arrays_digest(samples.labels), places)


@dataclass(frozen=True, kw_only=True)
class ResultKeys:
    """The keys of one run.

    Attributes:
        model: What the original is: hash, options, signature, engine.
        versions: Of what converts and runs.
        calibration: Digest of the calibration samples.
        evaluation: Digest of the evaluation samples and their labels.
        threads: For LiteRT and TensorFlow.
    """

    model: Json
    versions: Json
    calibration: str
    evaluation: str
    threads: int

    def conversion(self, recipe: Recipe) -> str:
        """Return the key of a recipe's file."""
        samples = self.calibration if recipe.needs_samples else ""
        return self._key("conversion", recipe.to_json(), samples)

    def reference(self) -> str:
        """Return the key of the original's outputs and accuracy."""
        return self._key("reference", self.evaluation, self.threads)

    def evaluation_of(self, sha256: str, binding: Binding, name: str) -> str:
        """Return the key of a file's figures; the name stands in sentences about it."""
        return self._key("evaluation", sha256, binding.to_json(), name, self.reference())

    def latency(self, environment: Json, protocol: Json, candidates: Mapping[str, str]) -> str:
        """Return the key of a measurement.

        Args:
            environment: Of `read_environment`.
            protocol: How it is measured.
            candidates: The hash of each file by name; the original is in `model`.
        """
        machine = {**environment, "machine": platform.node()}
        return self._key("latency", machine, protocol, dict(candidates), self.evaluation)

    def _key(self, kind: str, *parts: object) -> str:
        return _digest(code_digest(), kind, self.model, self.versions, *parts)


def _digest(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
