"""The folder that a run writes into: what it may not destroy there, when a result is outdated."""

from __future__ import annotations

from pathlib import Path

from converter.comparison import CALIBRATION_FILE, COMPARISON_FILE, SAMPLES_FILE
from converter.errors import StoreError
from converter.given_variant import variant_names
from converter.graph_nodes import GRAPH_FILE
from converter.kept_samples import EVALUATION_FILE, REFERENCE_FILE
from converter.recipe import AS_GIVEN
from converter.request import REQUEST_FILE, RunRequest
from converter.sample_file import sample_file_name

_FIXED = (
    *(COMPARISON_FILE, REQUEST_FILE, CALIBRATION_FILE, SAMPLES_FILE),
    *(EVALUATION_FILE, REFERENCE_FILE, GRAPH_FILE),
)


def check_out_folder(request: RunRequest, folder: Path) -> None:
    """Refuse a folder in which the run would overwrite what it was given.

    Raises:
        StoreError: When the model, the data or a given variant lies where the run writes, by
            whatever name it is reached.
    """
    if request.model_path.is_dir() and folder.resolve().is_relative_to(
        request.model_path.resolve()
    ):
        raise StoreError(
            f"{folder.name[:80]}: expected a folder outside the model's folder, found one inside "
            "it, which the run would change; give another."
        )
    given = [request.model_path, *(file.path for file in request.given_variants)]
    given += [request.data_path] if request.data_path is not None else []
    for name in _written_names(request):
        for path in given:
            if _is_same(path, folder / name):
                raise StoreError(
                    f"{path.name[:80]}: it would be overwritten by the run, whose file "
                    f"{name[:80]} lies in the same place; give the run another folder."
                )


def drop_earlier_result(folder: Path) -> None:
    """Remove an earlier run's result, which the first new file beside it makes untrue."""
    (folder / COMPARISON_FILE).unlink(missing_ok=True)
    (folder / GRAPH_FILE).unlink(missing_ok=True)  # a run from a .tflite writes none of its own


def _written_names(request: RunRequest) -> list[str]:
    recipes = [recipe.name for recipe in request.recipes]
    rows = [AS_GIVEN.name, *recipes, *variant_names(request.given_variants, recipes)]
    return [
        *_FIXED,
        *(f"{row}.tflite" for row in rows),
        *(sample_file_name(row) for row in rows),
        *(f"rebuild_{row}.py" for row in rows),
    ]


def _is_same(given: Path, written: Path) -> bool:
    try:
        return written.samefile(given)
    except OSError:  # one of them is not there
        return False
