"""A probe of a finished run's model: for the targets that the run has not tried."""

from __future__ import annotations

from collections.abc import Callable

from converter.comparison import CALIBRATION_FILE, Comparison
from converter.errors import ModelFileError
from converter.model_file import file_sha256
from converter.run_operators import Probe, run_evidence
from converter.run_store import load_comparison, load_request, run_files
from converter.trust import check_upload
from converter.uploads import is_upload


def check_probe(run_id: str, comparison: Comparison) -> None:
    """Refuse to probe what is not the model of a finished run any more.

    Args:
        run_id: The run.
        comparison: Its result.

    Raises:
        ModelFileError: When the model is gone or another one.
        TrustError: When it was uploaded and the walls of this machine are too weak for it.
    """
    request = load_request(run_id)
    path = request.model_path
    if is_upload(path):
        check_upload(path, request.model_name)
    if not path.exists() or file_sha256(path) != comparison.model.sha256:
        raise ModelFileError(
            f"{request.model_name[:80]}: expected the model that this run is of, found "
            f"{'another one' if path.exists() else 'none'}; bring it again and start a new run."
        )


def probe_run(run_id: str, listener: Callable[[str, float], None]) -> Probe:
    """Probe the model of a run for the targets that the run has not tried.

    Args:
        run_id: A finished run that started from a TensorFlow model.
        listener: Told of each stage, and of the share of all that is done by then.

    Raises:
        LiteDriftError: When the model is gone or another one, or cannot be loaded.
        TrustError: As for `check_probe`.
    """
    from converter.operator_probe import probe_model

    request, comparison, files = load_request(run_id), load_comparison(run_id), run_files(run_id)
    check_probe(run_id, comparison)
    return probe_model(
        request,
        run_evidence(files, comparison),
        calibration=files.get(CALIBRATION_FILE),
        listener=listener,
    )
