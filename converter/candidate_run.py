"""A full run of one candidate: the float file it was made from as the original, it beside that."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from converter.errors import DataError
from converter.given_variant import GivenVariant
from converter.model_options import DEFAULT_OPTIONS
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.uploads import StoredFile, store_upload

FLOAT_FILE = "float32.tflite"
_MOST_STEM = 60


def request_candidate_run(
    request: RunRequest, source: Path, candidate: bytes, name: str
) -> RunRequest:
    """Return what a run is asked that measures a candidate as every other variant is measured.

    Data, samples, split, seed and threads are those of the run that it was explored in, so that
    the same samples are evaluated; latency follows the full protocol.

    Args:
        request: What that run was asked.
        source: Its float file.
        candidate: The candidate's file.
        name: What its row is called.

    Raises:
        DataError: When the run's data file is gone.
        StoreError: When there is no space for the files.
    """
    if request.data_path is not None and not request.data_path.exists():
        raise DataError(
            f"{(request.data_name or request.data_path.name)[:80]}: expected the data file of this "
            "run, found none; bring it again on the Model page and start the run anew."
        )
    stem = Path(request.model_name).stem[:_MOST_STEM]
    original = store_upload(io.BytesIO(source.read_bytes()), f"{stem}.{FLOAT_FILE}")
    made = store_upload(io.BytesIO(candidate), f"{name}.tflite")
    return replace(
        request,
        model_path=original.path,
        model_name=original.name,
        model_options=DEFAULT_OPTIONS,
        recipes=(PRESETS["float32"],),  # so that the run can be looked into and explored too
        recipes_asked=True,
        given_variants=(_given(made),),
        runs=None,
        measure_anew=False,
    )


def _given(file: StoredFile) -> GivenVariant:
    return GivenVariant(path=file.path, name=file.name, sha256=file.sha256)

