"""Three classifiers of the scikit-learn digits: plain CNN, depthwise-separable CNN, Fourier."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from .packing import Arrays, Metric, Recipe, Trained, accuracy, without_optimizer

DIGITS = 10
SIDE = 8
HELD_BACK_SHARE = 0.3
BATCH = 48

ORIGIN = (
    "Optical Recognition of Handwritten Digits (E. Alpaydin and C. Kaynak, 1998, UCI Machine "
    "Learning Repository, doi:10.24432/C50P49), as shipped in scikit-learn: sklearn.datasets."
    "load_digits, a copy of the UCI test set of 1797 scans."
)
LICENCE = "Data: CC BY 4.0 (UCI). Shipped in scikit-learn (BSD-3-Clause)."
INPUT = {
    "name": "scan",
    "shape": [SIDE, SIDE, 1],
    "meaning": "A scanned digit; ink per pixel, divided by 16 so that it runs from 0 to 1.",
}
OUTPUT = {"name": "digit", "shape": [DIGITS], "meaning": "Probability of each digit 0 to 9."}
SPLIT_NOTES = (
    "Held-back scans are a stratified random 30 % of the data set. The 13 writers therefore occur "
    "on both sides: the accuracy does not tell how the model does on a new writer."
)


def load_split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Splits the scans the same way for all digit samples.

    Returns:
        Training scans, held-back scans, training labels, held-back labels.
    """
    digits = load_digits()
    scans = (digits.images / 16.0).astype(np.float32)[..., np.newaxis]
    return tuple(
        train_test_split(
            scans,
            digits.target,
            test_size=HELD_BACK_SHARE,
            stratify=digits.target,
            random_state=0,
        )
    )


def train_cnn() -> Trained:
    """Trains the plain CNN and leaves it compiled, so its file carries the optimizer state."""
    scan = keras.Input((SIDE, SIDE, 1), name="scan")
    flow = _conv_block(scan, 32)
    flow = _conv_block(flow, 64)
    flow = layers.MaxPooling2D()(flow)
    flow = _conv_block(flow, 128)
    flow = layers.MaxPooling2D()(flow)
    flow = layers.Flatten()(flow)
    flow = layers.Dense(128, activation="relu")(flow)
    flow = layers.Dropout(0.3)(flow)
    digit = layers.Dense(DIGITS, activation="softmax", name="digit")(flow)
    model = keras.Model(scan, digit, name="digits_cnn")
    return Trained(model, _fit(model, epochs=25, rate=1e-3))


def train_mobilenet() -> Trained:
    """Trains a small stack of depthwise-separable blocks."""
    scan = keras.Input((SIDE, SIDE, 1), name="scan")
    flow = layers.Conv2D(32, 3, padding="same", use_bias=False)(scan)
    flow = _normalise_relu6(flow)
    for filters, stride in ((48, 1), (64, 2), (96, 1), (96, 2)):
        flow = _separable_block(flow, filters, stride)
    flow = layers.GlobalAveragePooling2D()(flow)
    digit = layers.Dense(DIGITS, activation="softmax", name="digit")(flow)
    model = keras.Model(scan, digit, name="digits_mobilenet")
    # The rate is high on purpose. Some channels die on the way, as they do in full-size
    # MobileNets; batch normalization then divides by a variance near zero, and folding it gives
    # those channels weights far larger than their neighbours'.
    data = _fit(model, epochs=60, rate=0.1)
    return Trained(without_optimizer(model), data)


def train_fourier() -> Trained:
    """Trains a dense classifier on the magnitude of the 2-D Fourier spectrum."""
    scan = keras.Input((SIDE, SIDE, 1), name="scan")
    # A border of zeros keeps strokes from wrapping round the edge in the (cyclic) spectrum.
    side = 2 * SIDE
    plane = layers.Reshape((side, side))(layers.ZeroPadding2D(SIDE // 2)(scan))
    real, imaginary = ops.fft2((plane, ops.zeros_like(plane)))
    # The small term keeps the gradient of the square root finite at zero.
    magnitude = ops.sqrt(real * real + imaginary * imaginary + 1e-6)
    flow = layers.BatchNormalization()(layers.Flatten()(magnitude))
    for units in (128, 64):
        flow = layers.Dense(units, activation="relu")(flow)
        flow = layers.Dropout(0.4)(flow)
    digit = layers.Dense(DIGITS, activation="softmax", name="digit")(flow)
    model = keras.Model(scan, digit, name="digits_fourier")
    data = _fit(model, epochs=80, rate=1e-3)
    return Trained(without_optimizer(model), data)


def score(data: Arrays, outputs: list[np.ndarray]) -> list[Metric]:
    """Measures how many held-back scans are read correctly."""
    return [accuracy("accuracy", outputs[0].argmax(axis=1), data["y"])]


def _conv_block(flow: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Adds convolution, batch normalization and ReLU."""
    flow = layers.Conv2D(filters, 3, padding="same", use_bias=False)(flow)
    return layers.ReLU()(layers.BatchNormalization()(flow))


def _separable_block(flow: keras.KerasTensor, filters: int, stride: int) -> keras.KerasTensor:
    """Adds a depthwise convolution followed by a pointwise one."""
    flow = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        # Keras' default counts all channels as fan-in, although each filter sees only its own.
        depthwise_initializer=keras.initializers.RandomNormal(stddev=0.3),
    )(flow)
    flow = _normalise_relu6(flow)
    return _normalise_relu6(layers.Conv2D(filters, 1, use_bias=False)(flow))


def _normalise_relu6(flow: keras.KerasTensor) -> keras.KerasTensor:
    """Adds batch normalization and ReLU6."""
    # Training is short: the default momentum would leave the running averages behind.
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.95)(flow))


def _fit(model: keras.Model, epochs: int, rate: float) -> Arrays:
    """Trains on the training scans and returns the held-back ones."""
    train_x, held_x, train_y, held_y = load_split()
    steps = epochs * int(np.ceil(len(train_x) / BATCH))
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)),
        loss="sparse_categorical_crossentropy",
    )
    model.fit(train_x, train_y, batch_size=BATCH, epochs=epochs, verbose=0)
    return {"x": held_x, "y": held_y}


def _facts(title: str, description: str, notes: str) -> dict[str, Any]:
    """Fills in what the three cards share."""
    return {
        "title": title,
        "description": description,
        "task": "classification",
        "origin": ORIGIN,
        "licence": LICENCE,
        "inputs": [INPUT],
        "outputs": [OUTPUT],
        "class_names": [str(digit) for digit in range(DIGITS)],
        "notes": f"{notes} {SPLIT_NOTES}",
    }


RECIPES = (
    Recipe(
        name="digits_cnn",
        suffix=".keras",
        facts=_facts(
            "Handwritten digits, plain CNN",
            "Reads 8x8 scans of handwritten digits with three convolutions. A well-behaved subject "
            "for every kind of quantization; its file also holds the optimizer state, which "
            "conversion leaves behind.",
            "Saved compiled, with the state of the Adam optimizer: two more values per weight.",
        ),
        train=train_cnn,
        score=score,
        input_arrays={"scan": "x"},
    ),
    Recipe(
        name="digits_mobilenet",
        suffix=".keras",
        facts=_facts(
            "Handwritten digits, MobileNet blocks",
            "Reads 8x8 scans of handwritten digits with depthwise-separable blocks. Folded batch "
            "normalization makes the weights of some channels far larger than others, so one scale "
            "per channel keeps the accuracy and one scale per tensor loses it.",
            "Trained at a high learning rate, so that some channels die as in full-size "
            "MobileNets; their near-zero variance is what makes the folded weights large.",
        ),
        train=train_mobilenet,
        score=score,
        input_arrays={"scan": "x"},
    ),
    Recipe(
        name="digits_fourier",
        suffix=".keras",
        facts=_facts(
            "Handwritten digits from their Fourier spectrum",
            "Reads 8x8 scans of handwritten digits from the magnitude of their 2-D Fourier "
            "spectrum. TensorFlow Lite has no built-in operator for this transform: conversion "
            "with built-in operators alone fails, and succeeds once Select TF operators are "
            "allowed.",
            "The operators are FFT2D and Complex. A file converted with Select TF operators runs "
            "only in an interpreter that has the Flex delegate.",
        ),
        train=train_fourier,
        score=score,
        input_arrays={"scan": "x"},
    ),
)
