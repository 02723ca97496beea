"""Forecaster of the yearly sunspot number, saved as a zipped SavedModel."""

import keras
import numpy as np
from keras import layers
from statsmodels.datasets import sunspots

from .packing import Arrays, Metric, Recipe, Trained, mean_absolute_error, without_optimizer

WINDOW = 24
SCALE = 100.0
# Of the 309 years the last 124 are held back: enough for 100 windows that do not reach back into
# the training years, not even with their inputs.
HELD_BACK_YEARS = 124


def train() -> Trained:
    """Trains an LSTM on the early years."""
    numbers = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(np.float32) / SCALE
    train_x, train_y = _windows(numbers[:-HELD_BACK_YEARS])
    held_x, held_y = _windows(numbers[-HELD_BACK_YEARS:])

    window = keras.Input((WINDOW, 1), name="window")
    # Unrolled, because TensorFlow Lite's built-in operators take a loop over a list of tensors
    # only when the batch size is fixed.
    flow = layers.LSTM(32, unroll=True)(window)
    forecast = layers.Dense(1, name="next_year")(flow)
    model = keras.Model(window, forecast, name="sunspots_lstm")
    epochs, batch = 60, 16
    steps = epochs * int(np.ceil(len(train_x) / batch))
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5e-3, steps)),
        loss="mean_squared_error",
    )
    model.fit(train_x, train_y, batch_size=batch, epochs=epochs, verbose=0)
    return Trained(without_optimizer(model), {"x": held_x, "y": held_y})


def score(data: Arrays, outputs: list[np.ndarray]) -> list[Metric]:
    """Measures the forecast error, next to that of expecting no change."""
    return [
        mean_absolute_error("mean absolute error (scaled)", outputs[0].ravel(), data["y"]),
        mean_absolute_error(
            "mean absolute error of repeating the last year (scaled)",
            data["x"][:, -1, 0],
            data["y"],
        ),
    ]


def _windows(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a series into overlapping windows and the value that follows each."""
    starts = range(len(numbers) - WINDOW)
    inputs = np.stack([numbers[start : start + WINDOW] for start in starts])
    return inputs[..., np.newaxis], numbers[WINDOW:]


FACTS = {
    "title": "Sunspots, LSTM",
    "description": (
        "Forecasts next year's sunspot number from the last 24 years. A recurrent network passes "
        "its rounding errors on from step to step, so drift shows up in a regression value "
        "instead of a changed class."
    ),
    "task": "regression",
    "origin": (
        "Yearly sunspot numbers 1700 to 2008, National Geophysical Data Center, as shipped in "
        "statsmodels: statsmodels.datasets.sunspots."
    ),
    "licence": (
        "Data: public domain, as statsmodels states. Shipped in statsmodels (BSD-3-Clause)."
    ),
    "inputs": [
        {
            "name": "window",
            "shape": [WINDOW, 1],
            "meaning": "Sunspot numbers of 24 consecutive years, oldest first, divided by 100.",
        }
    ],
    "outputs": [
        {
            "name": "next_year",
            "shape": [1],
            "meaning": "Sunspot number of the year after the window, divided by 100.",
        }
    ],
    "scale": {"divisor": SCALE, "unit": "yearly sunspot number"},
    "notes": (
        "Input, output and errors are in hundreds of sunspots: multiply by 100. Trained on "
        "the years 1700 to 1884; every held-back window lies wholly within 1885 to 2008. In the "
        "SavedModel's signature the output is called output_0."
    ),
}

RECIPES = (
    Recipe(
        name="sunspots_lstm",
        suffix=".zip",
        facts=FACTS,
        train=train,
        score=score,
        input_arrays={"window": "x"},
    ),
)
