"""The limits that keep one file from filling the machine; operators change them by environment."""

from __future__ import annotations

import os
from dataclasses import dataclass

from converter.errors import SettingError

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what a run may take, each with its unit in its name."""

    unpacked_bytes: int = 2048 * MIB
    archive_members: int = 20_000
    data_bytes: int = 1024 * MIB
    csv_columns: int = 10_000
    image_pixels: int = 50_000_000
    memory_bytes: int = 8192 * MIB
    read_seconds: float = 60.0
    load_seconds: float = 180.0
    convert_seconds: float = 300.0
    evaluate_seconds: float = 300.0
    latency_seconds: float = 120.0


def current_limits() -> Limits:
    """Return the defaults, each overridable as `LITEDRIFT_<NAME>` in the environment.

    Raises:
        SettingError: When an override is no number.
    """
    overrides: dict[str, float] = {}
    for name, default in vars(Limits()).items():
        text = os.environ.get(f"LITEDRIFT_{name.upper()}")
        if text is not None:
            try:
                overrides[name] = type(default)(text)
            except ValueError as broken:
                raise SettingError(
                    f"LITEDRIFT_{name.upper()}: expected a number, found {text[:40]!r}; correct or "
                    "unset it in the environment."
                ) from broken
    return Limits(**overrides)  # type: ignore[arg-type]
