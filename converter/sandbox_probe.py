"""Trying out which walls would hold here: `python -m converter.sandbox_probe` prints it as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from converter.sandbox import Permissions, SandboxLimits, enter_sandbox, skipped_layers
from converter.sandbox_report import ON, SandboxReport

_PROJECT_ROOT = Path(__file__).resolve().parent.parent
_PROBE_SECONDS = 10.0
NOT_TRIED = "could not be tried"


def probe_sandbox() -> SandboxReport:
    """Return which layers would hold a child of this process, by trying them in one.

    Raises:
        SettingError: When `LITEDRIFT_WITHOUT_LAYERS` names no layer.
    """
    skipped_layers()
    try:
        answer = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "converter.sandbox_probe"],
            cwd=_PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
        return SandboxReport.from_json(json.loads(answer.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as broken:
        return SandboxReport.without_layers(f"{NOT_TRIED}: {broken}")


def _probe() -> SandboxReport:
    """Enter, and take no layer's word for it: some kernels accept what they do not enforce."""
    outside = Path(tempfile.gettempdir()) / f"litedrift-probe-{os.getpid()}"
    layers = dict(enter_sandbox(Permissions(), SandboxLimits()).layers)
    trespasses: tuple[tuple[str, Callable[[], object]], ...] = (
        ("landlock", Path("/etc/passwd").read_bytes),
        ("landlock", outside.touch),
        ("seccomp", lambda: socket.socket(socket.AF_UNIX).close()),
        # A path that is not there: where programs may be started, the answer is ENOENT.
        ("seccomp", lambda: os.execv(f"{outside}/none", ["none"])),  # noqa: S606
    )
    for name, trespass in trespasses:
        if layers[name] == ON and not _is_refused(trespass):
            layers[name] = "accepted by this kernel, but without effect"
    with contextlib.suppress(OSError):
        outside.unlink()
    return SandboxReport(layers)


def _is_refused(trespass: Callable[[], object]) -> bool:
    try:
        trespass()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


if __name__ == "__main__":
    print(json.dumps(_probe().to_json()))
