"""The sandbox and the limits in words: what each wall keeps out, each limit with its setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.format import MISSING, format_bytes, format_count
from converter.limits import Limits, setting_name
from converter.sandbox_report import LAYERS, ON, SandboxReport
from converter.trust import weakness

LAYER_WORDS = {
    "memory_watchdog": "Watchdog: memory, processes, free disk",
    "rlimits": "Resource limits: processor time, file size",
    "namespaces": "Namespaces: a network and users of its own",
    "capabilities": "No capabilities: nothing of root's power",
    "no_new_privs": "No new privileges by running programs",
    "landlock": "Landlock: files of the run, nothing else",
    "landlock_network": "Landlock: no TCP",
    "landlock_scopes": "Landlock: no signals to other processes",
    "seccomp": "seccomp: no sockets, programs, links",
}
LIMIT_WORDS = {
    "upload_bytes": "Uploaded file",
    "unpacked_bytes": "Archive unpacked, weights declared",
    "archive_members": "Files in an archive",
    "data_bytes": "Data file, and its samples",
    "csv_columns": "Columns of a .csv",
    "image_pixels": "Pixels of an image",
    "memory_bytes": "Memory of a child process",
    "worker_processes": "Processes of a child",
    "free_disk_bytes": "Disk that must stay free",
    "cpu_seconds": "Processor time of a child",
    "read_seconds": "Reading a file",
    "load_seconds": "Loading or freezing a model",
    "convert_seconds": "Converting a variant",
    "evaluate_seconds": "Running all samples",
    "latency_seconds": "A turn of latency",
    "parallel_runs": "Runs at once",
    "quota_bytes": "All that is kept",
    "undo_seconds": "Undo of a deletion",
    "upload_idle_seconds": "An upload without a run",
}
SETTING_PREFIX = setting_name("")
RULE = (
    "All of this must hold for an uploaded .keras, .h5, SavedModel or .pb to be loaded, because "
    "loading one runs its code."
)


def warning_text(report: SandboxReport, *, trusts_uploads: bool) -> str | None:
    """Return what every page says on a machine whose walls are weak; None where they are not."""
    weak = weakness(report)
    if not weak:
        return None
    then = "Uploads that would run code are refused."
    if trusts_uploads:
        then = "The operator trusts uploads: they are run all the same."
    return f"Weak sandbox: {weak}. {then}"


def layer_rows(report: SandboxReport) -> dict[str, str]:
    """Return each layer in words with `on`, or why it is off."""
    return {LAYER_WORDS[name]: report.layers.get(name, "not tried") for name in LAYERS}


def limit_rows(limits: Limits) -> list[dict[str, str]]:
    """Return each limit in words, with its value and its setting without `SETTING_PREFIX`."""
    return [
        {"What": LIMIT_WORDS[name], "Limit": _amount(name, value), "Setting": name.upper()}
        for name, value in vars(limits).items()
    ]


def _amount(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        text = format_bytes(value)
    elif name.endswith("_seconds"):
        text = f"{value:,g} s" if value < 1 else f"{value:,.0f} s"
    else:
        text = format_count(int(value))
    return f"at least {text}" if name == "free_disk_bytes" else text


def sandbox_sentence(recorded: Mapping[str, Any] | None) -> str:
    """Return which walls stood around a run, from its `environment.sandbox`."""
    if not recorded or "layers" not in recorded:
        return MISSING
    level = str(recorded.get("level", "none"))
    off = [name for name, state in dict(recorded["layers"]).items() if state != ON]
    if not off:
        return f"{level}: every wall stood around the child processes"
    return f"{level}: without {', '.join(str(name).replace('_', ' ') for name in off)}"
