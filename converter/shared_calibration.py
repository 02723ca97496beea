"""Feed the calibration samples once for all integer recipes of one float graph. Workers only.

TFLiteConverter runs the representative dataset anew for every integer recipe, and twice for
int16x8, although the statistics depend only on the float graph and the samples. On MobileNetV2 with
100 samples that is 20 s in place of 5 s. `sharing_calibration` keeps the calibrator that has seen
the samples and hands it out again for the same float graph. A test holds that the files are equal,
byte for byte, to those of TFLiteConverter alone.

This reaches below TensorFlow's public interface, in this module only: `lite.py` builds its
calibrator as `calibrator.Calibrator(content, names, functions)`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tensorflow.lite.python.optimize import calibrator

_PlainCalibrator = calibrator.Calibrator


class CalibrationMemory:
    """The fed calibrators of one calibration set, by the hash of their float graph."""

    def __init__(self) -> None:
        self.fed: dict[str, Any] = {}
        self.feeds = 0


def _remembering_calibrator(memory: CalibrationMemory) -> type:
    class RememberingCalibrator(_PlainCalibrator):  # type: ignore[misc, valid-type]
        def __init__(self, model_content: bytes, *registerers: Any, **more: Any) -> None:  # noqa: ANN401
            self._key = hashlib.sha256(bytes(model_content)).hexdigest()
            known = memory.fed.get(self._key)
            if known is None:
                super().__init__(model_content, *registerers, **more)
            else:
                self.__dict__.update(known.__dict__)

        def _feed_tensors(self, dataset_gen: Callable[[], Any], resize_input: bool) -> None:
            if self._key in memory.fed:
                return
            super()._feed_tensors(dataset_gen, resize_input)
            memory.feeds += 1
            memory.fed[self._key] = self

    return RememberingCalibrator


@contextmanager
def sharing_calibration(memory: CalibrationMemory) -> Iterator[None]:
    """Let conversions inside the block share the calibrators in `memory`."""
    calibrator.Calibrator = _remembering_calibrator(memory)
    try:
        yield
    finally:
        calibrator.Calibrator = _PlainCalibrator
