"""Analyses of a finished run as jobs of the server: one for each question, whoever asks it.

The job itself is `job.py`'s, what each kind does `analysis_kinds.py`'s; what it found is a file of
the run. See docs/runs.md.
"""

from __future__ import annotations

import time

from converter.analysis_kinds import KINDS, Analysis, is_known
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


def start_analysis(asked: Analysis, owner: str = "", *, anew: bool = False) -> str:
    """Start looking into a run, unless that goes on already or the answer is known.

    Args:
        asked: What is asked about which finished run.
        owner: Who asks: a browser session.
        anew: Whether to find the answer once more where it is known.

    Returns:
        The job's id, for `run_store.follow_run` and `cancel_run`.

    Raises:
        LiteDriftError: When there is no such run or variant, it cannot be looked into, or the job
            cannot be started.
    """
    run_id, kind = asked.run_id, KINDS[asked.kind]
    run, comparison, files = load_record(run_id), load_comparison(run_id), run_files(run_id)
    kind.check(asked, comparison, files)
    if not anew and is_known(asked, comparison, files):
        return asked.job_id
    now = time.time()
    submit(
        RunRecord(
            run_id=asked.job_id,
            name=f"{kind.title(asked.recipe)}, {run.name}",
            model_name=run.model_name,
            model_sha256=run.model_sha256,
            data_name=run.data_name,
            request=asked.to_request(),
            owner=owner,
            created=now,
            queued=now,
        )
    )
    return asked.job_id


def follow_analysis(asked: Analysis) -> Progress | None:
    """Return how far an analysis is, or how it ended; None where nobody asked.

    Raises:
        StoreError: When the history cannot be read.
    """
    known = {record.run_id for record in list_analyses(asked.run_id)}
    return follow_run(asked.job_id) if asked.job_id in known else None
