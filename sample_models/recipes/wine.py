"""Model of Italian wines with two named inputs and two named outputs."""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from .packing import (
    Arrays,
    Metric,
    Recipe,
    Trained,
    accuracy,
    mean_absolute_error,
    without_optimizer,
)

# What a photometer sees; the rest of the analysis is wet chemistry.
COLOUR = ("color_intensity", "hue", "od280/od315_of_diluted_wines")
PREDICTED = "proline"
PROLINE_SCALE = 1000.0
HELD_BACK_ROWS = 100


def train() -> Trained:
    """Trains a network that reads both inputs and answers with cultivar and proline."""
    arrays = _load()
    train_rows, held_rows = train_test_split(
        np.arange(len(arrays["y_cultivar"])),
        test_size=HELD_BACK_ROWS,
        stratify=arrays["y_cultivar"],
        random_state=0,
    )
    seen = {name: rows[train_rows] for name, rows in arrays.items()}
    held = {name: rows[held_rows] for name, rows in arrays.items()}

    model = _model(seen)
    model.compile(
        optimizer=keras.optimizers.Adam(2e-3),
        loss={"cultivar": "sparse_categorical_crossentropy", "proline": "mean_squared_error"},
        # Proline errors are a fraction of the scale, so unweighted they would hardly count.
        loss_weights={"cultivar": 1.0, "proline": 5.0},
    )
    model.fit(
        {"chemistry": seen["chemistry"], "colour": seen["colour"]},
        {"cultivar": seen["y_cultivar"], "proline": seen["y_proline"]},
        batch_size=16,
        epochs=200,
        verbose=0,
    )
    return Trained(without_optimizer(model), held)


def score(data: Arrays, outputs: list[np.ndarray]) -> list[Metric]:
    """Measures both answers, the second one next to always answering the average."""
    cultivar, proline = outputs
    actual = data["y_proline"]
    return [
        accuracy("accuracy (cultivar)", cultivar.argmax(axis=1), data["y_cultivar"]),
        mean_absolute_error("mean absolute error (proline, scaled)", proline.ravel(), actual),
        mean_absolute_error(
            "mean absolute error of answering the average (proline, scaled)",
            np.full_like(actual, actual.mean()),
            actual,
        ),
    ]


def _load() -> Arrays:
    """Sorts the 13 columns into two inputs and the second label."""
    wine = load_wine()
    names = list(wine.feature_names)
    colour = [names.index(name) for name in COLOUR]
    proline = names.index(PREDICTED)
    chemistry = [i for i in range(len(names)) if i not in {*colour, proline}]
    table = wine.data.astype(np.float32)
    return {
        "chemistry": table[:, chemistry],
        "colour": table[:, colour],
        "y_cultivar": wine.target,
        "y_proline": table[:, proline] / np.float32(PROLINE_SCALE),
    }


def _model(seen: Arrays) -> keras.Model:
    """Builds the network; each branch standardizes its input with the training rows' figures."""
    inputs, branches = [], []
    for name, units in (("chemistry", 32), ("colour", 16)):
        entry = keras.Input((seen[name].shape[1],), name=name)
        standardize = layers.Normalization(name=f"standardize_{name}")
        standardize.adapt(seen[name])
        inputs.append(entry)
        branches.append(layers.Dense(units, activation="relu")(standardize(entry)))
    shared = layers.Dropout(0.2)(layers.Concatenate()(branches))
    shared = layers.Dense(32, activation="relu")(shared)
    cultivar = layers.Dense(3, activation="softmax", name="cultivar")(shared)
    proline = layers.Dense(1, name="proline")(shared)
    return keras.Model(inputs, [cultivar, proline], name="wine_two_inputs")


FACTS = {
    "title": "Wines, two inputs and two outputs",
    "description": (
        "Tells the cultivar of an Italian wine and estimates its proline content from chemistry "
        "and colour. Shows that drift has to be read for each output in its own unit, and that "
        "conversion keeps the names of inputs but numbers the outputs."
    ),
    "task": "mixed",
    "origin": (
        "Wine (S. Aeberhard and M. Forina, 1992, UCI Machine Learning Repository, "
        "doi:10.24432/C5PC7J), as shipped in scikit-learn: sklearn.datasets.load_wine."
    ),
    "licence": "Data: CC BY 4.0 (UCI). Shipped in scikit-learn (BSD-3-Clause).",
    "inputs": [
        {
            "name": "chemistry",
            "shape": [9],
            "meaning": (
                "Alcohol, malic acid, ash, alcalinity of ash, magnesium, total phenols, "
                "flavanoids, nonflavanoid phenols, proanthocyanins, in the data set's own units."
            ),
        },
        {
            "name": "colour",
            "shape": [3],
            "meaning": "Colour intensity, hue, OD280/OD315 of diluted wine, as in the data set.",
        },
    ],
    "outputs": [
        {"name": "cultivar", "shape": [3], "meaning": "Probability of each cultivar."},
        {"name": "proline", "shape": [1], "meaning": "Proline content, divided by 1000."},
    ],
    "class_names": ["class_0", "class_1", "class_2"],
    "scale": {"divisor": PROLINE_SCALE, "unit": "proline as in the data set"},
    "notes": (
        "Labels are y_cultivar (0, 1, 2) and y_proline (divided by 1000). The data set has only "
        "178 wines: 78 train the model and 100 are held back."
    ),
}

RECIPES = (
    Recipe(
        name="wine_two_inputs",
        suffix=".keras",
        facts=FACTS,
        train=train,
        score=score,
        input_arrays={"chemistry": "chemistry", "colour": "colour"},
    ),
)
