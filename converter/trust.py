"""Whose models are loaded behind which walls: a stranger's only where every promise is kept.

Loading a TensorFlow model is executing it. Bundled samples and what the operator names on the
command line are trusted; an upload is a stranger's. Where this machine's walls keep less than
`sandbox_report.PROMISES`, an upload in an executable format is refused, unless the operator says
otherwise by `LITEDRIFT_TRUST_UPLOADS`.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from converter.errors import SettingError, TrustError
from converter.limits import setting_name
from converter.sandbox import WITHOUT_LAYERS
from converter.sandbox_probe import NOT_TRIED, probe_sandbox
from converter.sandbox_report import SandboxReport

TRUST_UPLOADS = setting_name("trust_uploads")
_YES, _NO = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}

_known: dict[str, SandboxReport] = {}
_probing = threading.Lock()


def trusts_uploads() -> bool:
    """Return whether the operator lets uploads run behind weak walls.

    Raises:
        SettingError: When the setting is neither yes nor no.
    """
    text = os.environ.get(TRUST_UPLOADS, "").strip().lower()
    if text not in _YES | _NO:
        raise SettingError(
            f"{TRUST_UPLOADS}: expected 1 or 0, found {text[:40]!r}; correct or unset it in the "
            "environment."
        )
    return text in _YES


def machine_walls() -> SandboxReport:
    """Return which walls this machine offers; tried in a child, once in the life of a process.

    Raises:
        SettingError: When `LITEDRIFT_WITHOUT_LAYERS` names no layer.
    """
    with _probing:
        report = walls_if_known()
        if report is None:
            report = probe_sandbox()
            # A child that could not start says nothing about the machine: it is asked again.
            if not report.layers["seccomp"].startswith(NOT_TRIED):
                _known[_switched_off()] = report
        return report


def walls_if_known() -> SandboxReport | None:
    """Return what `machine_walls` would, where that takes no time."""
    return _known.get(_switched_off())


def learn_walls() -> None:
    """Let `machine_walls` find out in the background, so that nobody has to wait for it."""
    threading.Thread(target=_learn, name="walls", daemon=True).start()


def _learn() -> None:
    try:
        machine_walls()
    except SettingError:
        return  # whoever asks is told


def _switched_off() -> str:
    return os.environ.get(WITHOUT_LAYERS, "")


def check_upload(path: Path, name: str) -> None:
    """Refuse an uploaded model that would be executed behind walls that are too weak for it.

    Args:
        path: Where the upload lies.
        name: The name that it came with, for the message.

    Raises:
        TrustError: When it is in an executable format, a promise is broken, and the operator has
            not said that uploads are trusted.
        SettingError: When a setting has no usable value.
    """
    from converter.model_file import is_tflite  # HDF5 and protobuf: only where it is needed

    if trusts_uploads() or machine_walls().is_enough_for_strangers or is_tflite(path):
        return
    raise TrustError(
        f"{name[:80]}: loading this model would run its code, for which the sandbox of this "
        f"machine is too weak ({weakness(machine_walls())}); give a .tflite, or ask the operator, "
        f"who may set {TRUST_UPLOADS}=1."
    )


def weakness(report: SandboxReport) -> str:
    """Return what is missing and what that means, for a sentence; empty where all promises hold.

    Example:
        `without landlock, a hostile model could read or change files of this server's user`
    """
    broken = report.broken_promises
    if not broken:
        return ""
    missing = {layer for promise in broken for layer in report.reasons(promise)}
    layers = [name for name in report.layers if name in missing]
    return f"without {', '.join(layers)}, {broken[0].broken[:1].lower()}{broken[0].broken[1:-1]}"
