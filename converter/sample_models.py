"""The bundled sample models: trained on real data, each with its card and evaluation data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLES_FOLDER = Path(__file__).resolve().parent.parent / "sample_models"
_ORDER = (
    "digits_cnn",
    "digits_mobilenet",
    "cancer_mlp",
    "sunspots_lstm",
    "wine_two_inputs",
    "digits_fourier",
)


@dataclass(frozen=True)
class SampleModel:
    """One sample and what its card says."""

    name: str
    title: str
    description: str
    task: str
    model_path: Path
    data_path: Path
    card: dict[str, Any]


def list_samples() -> list[SampleModel]:
    """Return the bundled samples, the simplest first."""
    cards = [json.loads(path.read_text()) for path in SAMPLES_FOLDER.glob("*/card.json")]
    samples = [_sample(card) for card in cards]
    known = {name: index for index, name in enumerate(_ORDER)}
    return sorted(samples, key=lambda sample: (known.get(sample.name, len(known)), sample.name))


def _sample(card: dict[str, Any]) -> SampleModel:
    folder = SAMPLES_FOLDER / card["name"]
    return SampleModel(
        name=card["name"],
        title=card["title"],
        description=card["description"],
        task=card["task"],
        model_path=folder / card["model_file"],
        data_path=folder / card["data_file"],
        card=card,
    )
