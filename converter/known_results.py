"""What a run takes from earlier ones, and what it leaves: conversions, evaluations, the reference.

One place decides which fields of a variant each step fills in, so that a variant that is taken
from the shelf is equal to one that was made now.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converter.comparison import (
    Audit,
    Reference,
    Variant,
    variant_from_json,
    variant_to_json,
)
from converter.limits import MB
from converter.recipe import Recipe
from converter.result_keys import ResultKeys
from converter.reuse import Shelf
from converter.sample_arrays import load_npz, save_npz
from converter.tensor_binding import Binding

EVALUATED = (
    *("runnable", "peak_memory_bytes", "runtime_memory_bytes", "arena", "evaluation_batch"),
    *("drift", "output_drift", "accuracy", "output_accuracy"),
)
"""The fields of a variant that its evaluation fills in, beside notes in its audit."""
MOST_REFERENCE_BYTES = 256 * MB
"""Outputs larger than this are computed anew: keeping them would cost more than it saves."""
_OUTPUTS_FILE = "outputs.npz"
_VARIANT_FILE = "variant.tflite"


@dataclass
class Reused:
    """What was not computed in this run, because it was known.

    Attributes:
        conversions: Names of variants.
        evaluations: Names of variants.
        reference: Whether the original's outputs were known.
    """

    conversions: list[str] = field(default_factory=list)
    evaluations: list[str] = field(default_factory=list)
    reference: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the fields, names in a fixed order: steps end in any."""
        return {
            "conversions": sorted(self.conversions),
            "evaluations": sorted(self.evaluations),
            "reference": self.reference,
        }


class KnownResults:
    """One run's results on the shelf.

    Args:
        shelf: Where they lie.
        keys: Of the run.
        scratch: For files on their way.
    """

    def __init__(self, shelf: Shelf, keys: ResultKeys, scratch: Path) -> None:
        self._shelf = shelf
        self._keys = keys
        self._scratch = scratch
        self._lock = threading.Lock()
        self.reused = Reused()

    def take_conversion(self, variant: Variant, recipe: Recipe, target: Path) -> bool:
        """Fill in a variant's file and audit where they are known."""
        found = self._shelf.find(self._keys.conversion(recipe))
        if found is None:
            return False
        link_or_copy(found.files[_VARIANT_FILE], target)
        record_conversion(variant, found.value, target)
        with self._lock:
            self.reused.conversions.append(variant.recipe)
        return True

    def keep_conversion(self, recipe: Recipe, answer: Mapping[str, Any], file: Path) -> None:
        """Keep what the worker answered, and the file."""
        key = self._keys.conversion(recipe)
        self._shelf.keep(key, "conversion", answer, {_VARIANT_FILE: file})

    def evaluate(
        self, variant: Variant, binding: Binding, folder: Path, work: Callable[[], Path]
    ) -> None:
        """Fill in a variant's figures: from the shelf, or by working them out and keeping them.

        Args:
            variant: Converted, with its SHA-256.
            binding: How its file is opened.
            folder: Gets the file that holds its samples.
            work: Fills them in and returns that file.
        """
        key = self._keys.evaluation_of(str(variant.sha256), binding, variant.recipe)
        found = self._shelf.find(key)
        if found is not None:
            known = variant_from_json(found.value["variant"])
            for name in EVALUATED:
                setattr(variant, name, getattr(known, name))
            variant.audit.notes += found.value["notes"]
            for name, file in found.files.items():
                link_or_copy(file, folder / name)
            with self._lock:
                self.reused.evaluations.append(variant.recipe)
            return
        before = len(variant.audit.notes)
        file = work()
        value = {"variant": variant_to_json(variant), "notes": variant.audit.notes[before:]}
        self._shelf.keep(key, "evaluation", value, {file.name: file})

    def reference_outputs(
        self, record: Reference, work: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Return the original's outputs: from the shelf, or by working them out and keeping them.

        Args:
            record: Gets the memory that was measured with them.
            work: Computes them, by output name.
        """
        key = self._keys.reference()
        found = self._shelf.find(key)
        if found is not None:
            record.peak_memory_bytes = found.value["peak_memory_bytes"]
            record.runtime_memory_bytes = found.value["runtime_memory_bytes"]
            self.reused.reference = True
            return load_npz(found.files[_OUTPUTS_FILE])
        outputs = work()
        if sum(array.nbytes for array in outputs.values()) <= MOST_REFERENCE_BYTES:
            file = self._scratch / _OUTPUTS_FILE
            save_npz(file, outputs)
            memory = {
                "peak_memory_bytes": record.peak_memory_bytes,
                "runtime_memory_bytes": record.runtime_memory_bytes,
            }
            self._shelf.keep(key, "reference", memory, {_OUTPUTS_FILE: file})
            file.unlink()
        return outputs


def record_conversion(variant: Variant, answer: Mapping[str, Any], file: Path) -> None:
    """Fill in what a conversion worker answered."""
    values = dict(answer)
    variant.audit = Audit(**values.pop("audit"))
    variant.file = file.name
    for name, value in values.items():
        setattr(variant, name, value)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a read-only file a second name; copy it where the two lie on different disks."""
    target.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)
