"""A probe of a finished run's model: for the targets that the run has not tried; kept with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from converter.comparison import CALIBRATION_FILE
from converter.errors import ModelFileError
from converter.model_file import file_sha256
from converter.run_operators import run_evidence
from converter.run_store import keep_file, load_comparison, load_request, run_files
from converter.trust import check_upload
from converter.uploads import is_upload


def probe_run(run_id: str, listener: Callable[[str, float], None]) -> None:
    """Probe the model of a run, and keep what was found as a file of the run.

    Args:
        run_id: A finished run that started from a TensorFlow model.
        listener: Told of each stage, and of the share of all that is done by then.

    Raises:
        LiteDriftError: When the model is gone or another one, or cannot be loaded.
        TrustError: When it was uploaded and the walls of this machine are too weak for it.
    """
    from converter.operator_probe import probe_model

    request, comparison, files = load_request(run_id), load_comparison(run_id), run_files(run_id)
    if is_upload(request.model_path):
        check_upload(request.model_path, request.model_name)
    path = request.model_path
    if not path.exists() or file_sha256(path) != comparison.model.sha256:
        raise ModelFileError(
            f"{request.model_name[:80]}: expected the model that this run is of, found "
            f"{'another one' if path.exists() else 'none'}; bring it again and start a new run."
        )
    probe = probe_model(
        request,
        run_evidence(files, comparison),
        calibration=files.get(CALIBRATION_FILE),
        listener=listener,
    )
    with tempfile.TemporaryDirectory(prefix="litedrift-") as folder:
        keep_file(run_id, probe.save(Path(folder)))
