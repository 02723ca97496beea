"""Classifier of breast tumours from cell-nucleus measurements, saved as legacy HDF5."""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from .packing import Arrays, Metric, Recipe, Trained, accuracy, without_optimizer

HELD_BACK_SHARE = 0.3


def train() -> Trained:
    """Trains a small dense network that standardizes its own inputs."""
    cancer = load_breast_cancer()
    # scikit-learn codes malignant as 0; a model named after malignancy should answer 1 for it.
    malignant = (cancer.target == 0).astype(np.int64)
    features = cancer.data.astype(np.float32)
    train_x, held_x, train_y, held_y = train_test_split(
        features, malignant, test_size=HELD_BACK_SHARE, stratify=malignant, random_state=0
    )

    measurements = keras.Input((features.shape[1],), name="measurements")
    standardize = layers.Normalization()
    standardize.adapt(train_x)
    flow = standardize(measurements)
    decay = keras.regularizers.L2(1e-2)
    for units in (64, 32):
        flow = layers.Dense(units, activation="relu", kernel_regularizer=decay)(flow)
        flow = layers.Dropout(0.3)(flow)
    answer = layers.Dense(1, activation="sigmoid", name="malignant")(flow)
    model = keras.Model(measurements, answer, name="cancer_mlp")
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy")
    model.fit(train_x, train_y, batch_size=32, epochs=60, verbose=0)
    return Trained(without_optimizer(model), {"x": held_x, "y": held_y})


def score(data: Arrays, outputs: list[np.ndarray]) -> list[Metric]:
    """Measures accuracy at a threshold of one half, and how many malignant cases are found."""
    called = (outputs[0].ravel() >= 0.5).astype(np.int64)
    malignant = data["y"] == 1
    return [
        accuracy("accuracy", called, data["y"]),
        accuracy("sensitivity (malignant cases found)", called[malignant], data["y"][malignant]),
    ]


FACTS = {
    "title": "Breast tumours, dense network",
    "description": (
        "Calls a breast tumour malignant or benign from 30 measurements of its cell nuclei, and "
        "standardizes them itself. The raw measurements differ in size by many orders of "
        "magnitude: full integer quantization has one scale for all of them, wipes out the small "
        "ones and ruins the answers, while quantizing the weights alone does no harm."
    ),
    "task": "binary classification",
    "origin": (
        "Breast Cancer Wisconsin (Diagnostic) (W. Wolberg, O. Mangasarian, N. Street and "
        "W. Street, 1995, UCI Machine Learning Repository, doi:10.24432/C5DW2B), as shipped in "
        "scikit-learn: sklearn.datasets.load_breast_cancer."
    ),
    "licence": "Data: CC BY 4.0 (UCI). Shipped in scikit-learn (BSD-3-Clause).",
    "inputs": [
        {
            "name": "measurements",
            "shape": [30],
            "meaning": (
                "Ten properties of the cell nuclei, each as mean, standard error and worst value, "
                "in the data set's own units; the model's first layer standardizes them."
            ),
        }
    ],
    "outputs": [
        {
            "name": "malignant",
            "shape": [1],
            "meaning": "Probability that the tumour is malignant; y is 1 for malignant.",
        }
    ],
    "class_names": ["benign", "malignant"],
    "notes": "A demonstration of model conversion, not a medical device. Threshold 0.5.",
}

RECIPES = (
    Recipe(
        name="cancer_mlp",
        suffix=".h5",
        facts=FACTS,
        train=train,
        score=score,
        input_arrays={"measurements": "x"},
    ),
)
