"""What a person asks of one run: a model, its data, the recipes and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from converter.errors import DataError, RecipeError
from converter.further_latency import NOTHING_FURTHER, FurtherRequest
from converter.given_variant import GivenVariant
from converter.latency import LatencyProtocol
from converter.model_options import DEFAULT_OPTIONS, ModelOptions
from converter.recipe import PRESETS, Recipe

REQUEST_FILE = "request.json"
"""What a run was asked, beside its results."""
DEFAULT_EVALUATION_SAMPLES = 1000
DEFAULT_CALIBRATION_SAMPLES = 100
RANDOM_EVALUATION_SAMPLES = 100
IMAGE_SCALES = ("auto", "0..1", "-1..1", "0..255", "imagenet", "imagenet-caffe")
IMAGE_RESIZES = ("stretch", "crop", "pad")
CHANNEL_ORDERS = ("auto", "RGB", "BGR")


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How a data file is read.

    Attributes:
        label_column: Of a CSV; None takes a column named like a label, or the one left over.
        image_scale: Range to which image bytes are scaled, one of `IMAGE_SCALES`; `auto` is 0..255
            for a model that rescales by itself and 0..1 for any other. `imagenet` subtracts
            ImageNet's mean colour and divides by its deviation, `imagenet-caffe` subtracts the mean
            from 0..255: what Keras's `preprocess_input` does in the modes `torch` and `caffe`.
        image_resize: How images come to the model's size, one of `IMAGE_RESIZES`: `stretch` leaves
            nothing out and bends the proportions, `crop` cuts the middle out, `pad` adds black.
        channel_order: In which the model takes colours, one of `CHANNEL_ORDERS`; `auto` is BGR for
            the scale `imagenet-caffe` and RGB for any other.
    """

    label_column: str | None = None
    image_scale: str = "auto"
    image_resize: str = "stretch"
    channel_order: str = "auto"


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One run.

    Attributes:
        model_path: The model file or SavedModel folder.
        model_name: Its name as the person knows it.
        model_options: How to read it.
        data_path: The data file; None for seeded random samples.
        data_name: Its name as the person knows it.
        data_options: How to read it.
        recipes: What to convert, in order.
        recipes_asked: Whether a person chose them. Those taken by default are left out where they
            cannot apply; those that were chosen become a row with the reason.
        given_variants: `.tflite` files to compare beside those that the run converts.
        samples: Evaluation samples at most; None for the default.
        calibration_samples: Calibration samples at most; None for the default.
        runs: Exactly so many timed runs after 5 warm-ups; None for the full protocol.
        threads: Threads for the original and for every variant.
        seed: Of the split and of random samples.
        measure_anew: Whether latency is measured even where it is known for exactly these files and
            conditions.
        further: Latencies to measure beside the default ones.
    """

    model_path: Path
    model_name: str
    model_options: ModelOptions = DEFAULT_OPTIONS
    data_path: Path | None = None
    data_name: str | None = None
    data_options: DataOptions = DataOptions()
    recipes: tuple[Recipe, ...] = tuple(PRESETS.values())
    recipes_asked: bool = True
    given_variants: tuple[GivenVariant, ...] = ()
    samples: int | None = None
    calibration_samples: int | None = None
    runs: int | None = None
    threads: int = 1
    seed: int = 0
    measure_anew: bool = False
    further: FurtherRequest = NOTHING_FURTHER

    def __post_init__(self) -> None:
        """Refuse settings out of range, and recipes that would overwrite each other's files."""
        names = [recipe.name for recipe in self.recipes]
        if not names and not self.given_variants:
            raise RecipeError("A run needs at least one recipe, found none; choose one.")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise RecipeError(
                f"A run needs recipes of different names, found {twice[0]!r} more than once; "
                "rename one."
            )
        checks = (
            ("samples", self.samples, 1),
            ("calibration samples", self.calibration_samples, 0),
            ("runs", self.runs, 1),
            ("threads", self.threads, 1),
            ("seed", self.seed, 0),
        )
        for name, value, least in checks:
            if value is not None and value < least:
                raise DataError(f"{name} must be at least {least}, found {value}.")

    @property
    def protocol(self) -> LatencyProtocol:
        """The latency protocol that the settings ask for."""
        return LatencyProtocol() if self.runs is None else LatencyProtocol.exactly(self.runs)

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON-ready values."""
        return {
            "model_path": str(self.model_path),
            "model_name": self.model_name,
            "model_options": self.model_options.to_json(),
            "data_path": None if self.data_path is None else str(self.data_path),
            "data_name": self.data_name,
            "data_options": asdict(self.data_options),
            "recipes": [recipe.to_json() for recipe in self.recipes],
            "recipes_asked": self.recipes_asked,
            "given_variants": [file.to_json() for file in self.given_variants],
            "samples": self.samples,
            "calibration_samples": self.calibration_samples,
            "runs": self.runs,
            "threads": self.threads,
            "seed": self.seed,
            "measure_anew": self.measure_anew,
            "further": self.further.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunRequest:
        """Read `to_json`'s form."""
        read = dict(values)
        read["model_path"] = Path(read["model_path"])
        read["model_options"] = ModelOptions.from_json(read["model_options"])
        read["data_path"] = None if read["data_path"] is None else Path(read["data_path"])
        read["data_options"] = DataOptions(**read["data_options"])
        read["recipes"] = tuple(Recipe.from_json(item) for item in read["recipes"])
        given = read.get("given_variants", [])  # requests of older runs have none
        read["given_variants"] = tuple(GivenVariant.from_json(item) for item in given)
        read["further"] = FurtherRequest.from_json(read.get("further", {}))
        return cls(**read)
