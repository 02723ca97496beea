"""The conditions of a measurement: processor, threads, versions; without importing TensorFlow."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_INSTRUCTION_SETS = (
    "sse4_1",
    "avx",
    "fma",
    "f16c",
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_int8",
    "asimd",
    "asimdhp",
    "asimddp",
    "i8mm",
    "sve",
)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where and with what a comparison was measured."""

    cpu: str
    cores: int
    instruction_sets: tuple[str, ...]
    threads: int
    python: str
    tensorflow: str
    ai_edge_litert: str
    litert_quantizer: str
    keras: str
    numpy: str
    system: str

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def read_environment(threads: int) -> Environment:
    """Describe this machine and the installed versions."""
    model, flags = _read_cpuinfo()
    return Environment(
        cpu=model,
        cores=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
        instruction_sets=tuple(name for name in _INSTRUCTION_SETS if name in flags),
        threads=threads,
        python=platform.python_version(),
        tensorflow=_version("tensorflow"),
        ai_edge_litert=_version("ai-edge-litert"),
        litert_quantizer=_version("litert-quantizer"),
        keras=_version("keras"),
        numpy=_version("numpy"),
        system=f"{platform.system()} {platform.machine()}",
    )


def read_clock_mhz() -> float | None:
    """Return the frequency of the fastest core in MHz; None where the system does not tell."""
    found = []
    for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq"):
        try:
            found.append(int(path.read_text()) / 1000)
        except (OSError, ValueError):
            continue
    return max(found, default=None)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _read_cpuinfo() -> tuple[str, set[str]]:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return platform.processor() or platform.machine() or "unknown", set()
    fields: dict[str, str] = {}
    for line in path.read_text(errors="replace").splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    name = fields.get("model name") or fields.get("Model") or platform.machine()
    return name, set((fields.get("flags") or fields.get("Features") or "").split())
