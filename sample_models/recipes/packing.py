"""Writes a trained sample to disk, scores the file that was written, and describes it in a card."""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Arrays = dict[str, np.ndarray]
Metric = dict[str, Any]

DATA_FILE = "data.npz"
CARD_FILE = "card.json"


@dataclass(frozen=True)
class Trained:
    """A model that has been trained, and the rows that were kept away from it."""

    model: keras.Model
    data: Arrays


@dataclass(frozen=True)
class Recipe:
    """Everything needed to build one sample.

    Attributes:
        name: Folder name, also the stem of the model file.
        suffix: Model file format: `.keras`, `.h5` or `.zip` (a zipped SavedModel).
        facts: The part of the card that is written by hand.
        train: Trains the model.
        score: Turns held-back arrays and the model's outputs, in the model's order, into metrics.
            The first one is the sample's headline metric.
        input_arrays: Name of the data array that feeds each model input.
    """

    name: str
    suffix: str
    facts: dict[str, Any]
    train: Callable[[], Trained]
    score: Callable[[Arrays, list[np.ndarray]], list[Metric]]
    input_arrays: dict[str, str]


def metric(name: str, value: float, samples: int) -> Metric:
    """Builds one metric entry of a card."""
    return {"name": name, "value": round(float(value), 6), "samples": int(samples)}


def accuracy(name: str, predicted: np.ndarray, actual: np.ndarray) -> Metric:
    """Share of rows whose predicted class is the labelled one."""
    return metric(name, np.mean(predicted == actual), len(actual))


def mean_absolute_error(name: str, predicted: np.ndarray, actual: np.ndarray) -> Metric:
    """Mean distance between prediction and label, in the label's own scale."""
    return metric(name, np.mean(np.abs(predicted - actual)), len(actual))


def without_optimizer(model: keras.Model) -> keras.Model:
    """Returns the same layers as a model that was never compiled, so no optimizer is saved."""
    return keras.Model(model.input, model.output, name=model.name)


def build(recipe: Recipe, out: Path) -> dict[str, Any]:
    """Trains one sample, writes its folder and returns its card.

    Args:
        recipe: The sample to build.
        out: Folder that holds one folder per sample.

    Returns:
        The card, as written to `card.json`.
    """
    keras.backend.clear_session()
    # Seeded per sample, so building one sample alone gives the same model as building them all.
    keras.utils.set_random_seed(20)
    trained = recipe.train()

    folder = out / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    model_path = folder / f"{recipe.name}{recipe.suffix}"
    _save_model(trained.model, model_path)
    np.savez_compressed(folder / DATA_FILE, **trained.data)

    card = _card(recipe, trained, model_path)
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    (folder / CARD_FILE).write_text(text, encoding="utf-8")
    return card


def _save_model(model: keras.Model, path: Path) -> None:
    """Saves the model in the format its suffix stands for."""
    if path.suffix == ".zip":
        _save_zipped_savedmodel(model, path)
    else:
        model.save(path)


def _save_zipped_savedmodel(model: keras.Model, path: Path) -> None:
    """Exports a SavedModel and zips it, with one root folder named after the sample."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / path.stem
        model.export(root, verbose=False)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(p for p in root.rglob("*") if p.is_file()):
                archive.write(file, file.relative_to(scratch).as_posix())


def _predict(path: Path, inputs: Arrays) -> list[np.ndarray]:
    """Loads the saved file as a user of the sample would and runs it on the inputs."""
    if path.suffix == ".zip":
        return _predict_savedmodel(path, inputs)
    model = keras.models.load_model(path, compile=False, safe_mode=True)
    # A model with one input expects a plain array, not a dictionary of one.
    fed = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    outputs = model.predict(fed, verbose=0)
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _predict_savedmodel(path: Path, inputs: Arrays) -> list[np.ndarray]:
    """Runs the serving signature of a zipped SavedModel."""
    with tempfile.TemporaryDirectory() as scratch:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(scratch)
        loaded = tf.saved_model.load(str(Path(scratch) / path.stem))
        signature = loaded.signatures["serving_default"]
        outputs = signature(**{name: tf.constant(rows) for name, rows in inputs.items()})
    return [outputs[name].numpy() for name in sorted(outputs)]


def _card(recipe: Recipe, trained: Trained, model_path: Path) -> dict[str, Any]:
    """Joins the hand-written facts with what can be measured on the saved file."""
    inputs = {name: trained.data[array] for name, array in recipe.input_arrays.items()}
    headline, *further = recipe.score(trained.data, _predict(model_path, inputs))
    content = model_path.read_bytes()
    card = {
        "name": recipe.name,
        **recipe.facts,
        "model_file": model_path.name,
        "data_file": DATA_FILE,
        "metric": headline,
        "parameters": int(trained.model.count_params()),
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    if further:
        card["further_metrics"] = further
    return card
