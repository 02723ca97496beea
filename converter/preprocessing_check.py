"""Names a mistake in how data was prepared, by trying what would undo it on the original itself.

Where the original is often wrong on labelled samples, it is run again on some of them with the
usual preparations done or undone. A better one is named only where chance cannot explain it
(McNemar's exact test), so that a model that is merely weak raises no alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from converter.drift import two_columns
from converter.paired_test import mcnemar_p_value

Array = np.ndarray
Runner = Callable[[Mapping[str, Array]], Mapping[str, Array]]
MOST_SAMPLES = 128
SUSPICIOUS = 0.95
"""An original that is right this often was fed as in training."""
_LEAST_GAIN, _MOST_CHANCE = 0.1, 1e-3
_CHANNELS = 3
_IMAGE_RANK = 3


@dataclass(frozen=True)
class Preparation:
    """One thing that may have been forgotten or done once too often.

    Attributes:
        done: How the samples are called after it.
        advice: What to do.
        apply: Prepares an array, shape `(samples, ...)`.
    """

    done: str
    advice: str
    apply: Callable[[Array], Array]


def check_preprocessing(
    run: Runner, inputs: Mapping[str, Array], output: str, scores: Array, labels: Array
) -> str | None:
    """Return a sentence that names the likely mistake; None where there is none to name.

    Args:
        run: Runs the original on inputs by name.
        inputs: What it was fed, shape `(samples, ...)` each.
        output: The output that is labelled.
        scores: Its values there, shape `(samples, classes)`, or one probability a sample.
        labels: Class indices, shape `(samples,)`.
    """
    if len(inputs) != 1:
        return None
    ((name, array),) = inputs.items()
    if array.dtype.kind != "f" or len(array) < MOST_SAMPLES // 8:
        return None
    chosen = np.unique(np.linspace(0, len(array) - 1, MOST_SAMPLES).round().astype(int))
    fed, truth = np.asarray(array[chosen]), labels.reshape(-1)[chosen]
    right = _predicted(np.asarray(scores[chosen])) == truth
    if not np.isfinite(fed).all() or right.mean() >= SUSPICIOUS:
        return None
    best: tuple[float, Preparation, Array] | None = None
    for preparation in usual_preparations(fed):
        prepared = preparation.apply(fed).astype(array.dtype)
        if not np.isfinite(prepared).all():
            continue
        now = _predicted(np.asarray(run({name: prepared})[output])) == truth
        if best is None or now.mean() > best[0]:
            best = (float(now.mean()), preparation, now)
    if best is None:
        return None
    share, preparation, now = best
    won, lost = int((now & ~right).sum()), int((right & ~now).sum())
    if share - right.mean() < _LEAST_GAIN or mcnemar_p_value(lost, won) > _MOST_CHANCE:
        return None
    return (
        f"The original is right on {right.mean():.0%} of {len(chosen)} labelled samples as they "
        f"are, and on {share:.0%} of them {preparation.done}: the data was probably not prepared "
        f"as in training; {preparation.advice} and run again."
    )


def _predicted(scores: Array) -> Array:
    return np.argmax(two_columns(scores), axis=1)


def usual_preparations(array: Array) -> list[Preparation]:
    """Return what may be wrong with samples of this range and shape."""
    low, high = float(array.min()), float(array.max())
    found: list[Preparation] = []
    if low >= 0 and 2 < high <= 255:  # noqa: PLR2004 - bytes
        found += [
            Preparation("divided by 255", "divide it by 255 (images: choose the scale 0..1)",
                        lambda x: x / 255),
            Preparation("brought from 0..255 to -1..1",
                        "divide it by 127.5 and subtract 1 (images: choose the scale -1..1)",
                        lambda x: x / 127.5 - 1),
        ]  # fmt: skip
    if low >= -1.05 and high <= 1.05:  # noqa: PLR2004 - about one
        found.append(Preparation(
            "multiplied by 255", "multiply it by 255 (images: choose the scale 0..255)",
            lambda x: (x if low >= 0 else (x + 1) / 2) * 255,
        ))  # fmt: skip
        if low >= 0:
            found.append(Preparation(
                "brought from 0..1 to -1..1",
                "multiply it by 2 and subtract 1 (images: choose the scale -1..1)",
                lambda x: 2 * x - 1,
            ))  # fmt: skip
        else:
            found.append(Preparation(
                "brought from -1..1 to 0..1",
                "add 1 and halve it (images: choose the scale 0..1)", lambda x: (x + 1) / 2,
            ))  # fmt: skip
    if array.ndim > _IMAGE_RANK and array.shape[-1] == _CHANNELS:
        found.append(Preparation(
            "with their channels in reverse order",
            "swap red and blue (RGB against BGR)", lambda x: x[..., ::-1],
        ))  # fmt: skip
    if array.ndim >= _IMAGE_RANK and array.shape[1] == array.shape[2]:
        found.append(Preparation(
            "with rows and columns swapped", "transpose the images",
            lambda x: np.swapaxes(x, 1, 2),
        ))  # fmt: skip
    if array.ndim >= _IMAGE_RANK:
        found.append(Preparation(
            "with bright and dark swapped", "invert the images",
            lambda x: x.max() + x.min() - x,
        ))  # fmt: skip
    deviation = array.std(axis=0)
    if array.ndim == 2 and (deviation > 0).any():  # noqa: PLR2004 - a table
        mean, spread = array.mean(axis=0), np.where(deviation > 0, deviation, 1)
        found.append(Preparation(
            "standardized by their own mean and deviation",
            "standardize the columns with the mean and deviation of the training data",
            lambda x: (x - mean) / spread,
        ))  # fmt: skip
    return found
