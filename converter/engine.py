"""What carries out a run's recipes, chosen by what the run starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from converter.model_file import is_tflite
from converter.recipe import LITERT_QUANTIZER, TFLITE_CONVERTER


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The workers of a run, by their modules below `converter.workers`.

    Attributes:
        name: What a variant says of its origin.
        host: The worker that loads the original and fixes its input sizes.
        host_label: What messages call it.
        worker: The worker that builds variants.
        worker_label: What messages call it.
    """

    name: str
    host: str
    host_label: str
    worker: str
    worker_label: str


TENSORFLOW = Engine(
    name=TFLITE_CONVERTER,
    host="float_model",
    host_label="TensorFlow",
    worker="conversion",
    worker_label="the converter",
)
LITERT = Engine(
    name=LITERT_QUANTIZER,
    host="tflite_model",
    host_label="LiteRT",
    worker="requantization",
    worker_label="litert-quantizer",
)


def choose_engine(model: Path) -> Engine:
    """Return the engine for a model file, by its first 8 bytes: its workers start before the rest.

    A file that only begins like a `.tflite` is refused by whoever reads it whole.
    """
    return LITERT if is_tflite(model) else TENSORFLOW
