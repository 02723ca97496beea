"""The run that a new installation starts by itself, so that there is something to look at."""

from __future__ import annotations

import os

from converter.errors import StoreError
from converter.request import RunRequest
from converter.run_store import data_home, list_runs, start_run
from converter.sample_models import list_samples

_MARK = "welcome"


def ensure_welcome_run() -> str | None:
    """Start the comparison of the first bundled sample, once for each installation.

    Returns:
        The newest run that has a result or goes on; None where there is none and none could be
        started.
    """
    runs = list_runs()
    for run in runs:
        if run.has_result or run.progress.is_active:
            return run.run_id
    samples = list_samples()
    if not samples or not _claim():
        return None
    sample = samples[0]
    return start_run(
        RunRequest(
            model_path=sample.model_path,
            model_name=sample.model_path.name,
            data_path=sample.data_path,
            data_name=sample.data_path.name,
        )
    )


def _claim() -> bool:
    """Whether this process is the first to ask: two first visitors must not start two runs."""
    try:
        os.close(os.open(data_home() / _MARK, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    except OSError as broken:
        raise StoreError(
            f"The data folder cannot be written ({broken.strerror}); set LITEDRIFT_HOME to one "
            "that can."
        ) from broken
    return True
