"""TensorFlow's protobuf classes without importing TensorFlow (0.1 s in place of 2 s).

`tensorflow.core` holds generated protobuf modules that need nothing but `google.protobuf`, but
importing them runs `tensorflow/__init__.py`. A bare package object with the same search path
stands in for it while they load, and is taken away again.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from functools import cache
from typing import Any


@cache
def import_proto(module: str) -> Any:  # noqa: ANN401 - generated modules have no useful type
    """Return a generated module such as `core.protobuf.saved_model_pb2`.

    Args:
        module: Its name below the `tensorflow` package.

    Raises:
        ModuleNotFoundError: When TensorFlow is not installed or has no such module.
    """
    if getattr(sys.modules.get("tensorflow"), "__version__", None):
        return importlib.import_module(f"tensorflow.{module}")
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("TensorFlow is missing; run pip install -r requirements.txt")
    stand_in = types.ModuleType("tensorflow")
    stand_in.__path__ = list(spec.submodule_search_locations)
    sys.modules["tensorflow"] = stand_in
    try:
        return importlib.import_module(f"tensorflow.{module}")
    finally:
        for name in [n for n in sys.modules if n == "tensorflow" or n.startswith("tensorflow.")]:
            del sys.modules[name]
