"""The run that a new installation starts by itself, so that there is something to look at."""

from __future__ import annotations

import os

from converter.comparison import write_whole
from converter.data_home import data_home
from converter.errors import StoreError
from converter.request import RunRequest
from converter.run_store import load_record, start_run
from converter.sample_models import list_samples

_MARK = "welcome"


def ensure_welcome_run() -> str | None:
    """Start the comparison of the first bundled sample, once for each installation.

    Returns:
        Its id, and no other visitor's; None where it is gone or could not be started.
    """
    known = _read_mark()
    if known:
        return known
    samples = list_samples()
    if not samples or not _claim():
        return None
    sample = samples[0]
    run_id = start_run(
        RunRequest(
            model_path=sample.model_path,
            model_name=sample.model_path.name,
            data_path=sample.data_path,
            data_name=sample.data_path.name,
        )
    )
    write_whole(data_home() / _MARK, run_id.encode())
    return run_id


def _read_mark() -> str | None:
    try:
        run_id = (data_home() / _MARK).read_text().strip()
        load_record(run_id)
    except (OSError, StoreError, UnicodeDecodeError):
        return None
    return run_id


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
