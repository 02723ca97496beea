"""Deep analyses as jobs of the server: one for each variant of a run, whoever asks for it.

The job itself is `job.py`'s; what it found is a file of the run. See docs/runs.md.
"""

from __future__ import annotations

import contextlib
import hashlib
import time

from converter.analysed_run import can_be_analysed, find_analysis
from converter.errors import LiteDriftError, ModelFileError
from converter.history import RunRecord
from converter.progress import Progress
from converter.run_store import (
    follow_run,
    list_analyses,
    load_comparison,
    load_record,
    run_files,
    submit,
)


def analysis_id(run_id: str, recipe: str) -> str:
    """Return the id under which the analysis of a variant waits, goes on and is cancelled."""
    return hashlib.sha256(f"analysis {run_id} {recipe}".encode()).hexdigest()[:24]


def start_analysis(run_id: str, recipe: str, owner: str = "") -> str:
    """Start looking into a variant, unless that goes on already or is known.

    Args:
        run_id: A finished run.
        recipe: The variant's name.
        owner: Who asks: a browser session.

    Returns:
        The job's id, for `run_store.follow_run` and `cancel_run`.

    Raises:
        ModelFileError: When the variant cannot be looked into.
        LiteDriftError: When there is no such run or variant, or the job cannot be started.
    """
    run, comparison, files = load_record(run_id), load_comparison(run_id), run_files(run_id)
    variant = comparison.variant(recipe)
    reason = can_be_analysed(files, comparison, variant)
    if reason is not None:
        raise ModelFileError(f"{recipe[:80]}: this variant cannot be looked into: {reason}.")
    job_id, now = analysis_id(run_id, recipe), time.time()
    with contextlib.suppress(LiteDriftError):  # one that is unreadable is made anew
        if find_analysis(files, variant) is not None:
            return job_id
    submit(
        RunRecord(
            run_id=job_id,
            name=f"Layers of {recipe}, {run.name}",
            model_name=run.model_name,
            model_sha256=run.model_sha256,
            data_name=run.data_name,
            request={"analysis_of": run_id, "recipe": recipe},
            owner=owner,
            created=now,
            queued=now,
        )
    )
    return job_id


def follow_analysis(run_id: str, recipe: str) -> Progress | None:
    """Return how far the analysis of a variant is, or how it ended; None where nobody asked.

    Raises:
        StoreError: When the history cannot be read.
    """
    job_id = analysis_id(run_id, recipe)
    known = {record.run_id for record in list_analyses(run_id)}
    return follow_run(job_id) if job_id in known else None
