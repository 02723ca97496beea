"""The folder under which everything that LiteDrift keeps lies."""

from __future__ import annotations

import os
from pathlib import Path

from converter.child_process import PROJECT_ROOT


def data_home() -> Path:
    """Return the folder for runs and uploads: `LITEDRIFT_HOME`, or `.litedrift` in the project."""
    home = Path(os.environ.get("LITEDRIFT_HOME") or PROJECT_ROOT / ".litedrift").absolute()
    home.mkdir(parents=True, exist_ok=True)
    return home
