"""The samples that a quantizer is shown: checked, and cut into batches by input name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from converter.errors import ConversionError


def check_calibration(label: str, calibration: Mapping[str, np.ndarray]) -> None:
    """Refuse calibration samples that the quantizer would take and make nonsense of.

    Raises:
        ConversionError: When there are none, or one holds NaN or infinity (an empty or NaN set
            silently gives a float file, infinity kills the process: tensorflow#120295).
    """
    if not calibration or not len(next(iter(calibration.values()))):
        raise ConversionError(
            f"{label}: calibration needs at least one sample, found none; give more data or "
            "ask for calibration samples."
        )
    for name, array in calibration.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ConversionError(
                f"{label}: the calibration samples of input {name} hold NaN or infinity, "
                "which no scale can represent; clean the data."
            )


def representative_samples(
    calibration: Mapping[str, np.ndarray], batch: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yield one dict of inputs, each of `batch` samples, by name as the quantizer needs them."""
    samples = len(next(iter(calibration.values())))
    for start in range(0, max(samples - batch, 0) + 1, batch):
        chunk = {name: array[start : start + batch] for name, array in calibration.items()}
        yield {
            name: np.concatenate([a, np.repeat(a[-1:], batch - len(a), axis=0)])
            if len(a) < batch
            else np.ascontiguousarray(a)
            for name, a in chunk.items()
        }
