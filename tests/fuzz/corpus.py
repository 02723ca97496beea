"""The corpus on disk: built by a child that may import TensorFlow, read by whoever attacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from converter.child_process import PROJECT_ROOT
from tests.fuzz.attack import Case

_MANIFEST = "corpus.json"


def build_corpus(folder: Path, outside: Path) -> None:
    """Write sound and hostile files of every format into a folder; the same ones each time.

    Args:
        folder: Where they go.
        outside: A folder into which the hostile ones try to write.
    """
    folder.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.corpus", folder, outside],
        cwd=PROJECT_ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode != 0:
        raise RuntimeError(f"the corpus could not be built: {built.stderr[-2000:]}")


def read_corpus(folder: Path) -> tuple[list[Case], list[Case]]:
    """Return the sound and the hostile cases that `build_corpus` has written."""
    lists = json.loads((folder / _MANIFEST).read_text())
    usual, hostile = ([_case(values) for values in lists[key]] for key in ("usual", "hostile"))
    return usual, hostile


def _case(values: dict[str, str | bool | None]) -> Case:
    read = dict(values)
    read["path"] = Path(str(read["path"]))
    read["model"] = Path(str(read["model"])) if read["model"] else None
    return Case(**read)


def main() -> None:
    """Write the files and the list of them."""
    from tests.fuzz.hostile_archives import build_archives
    from tests.fuzz.hostile_data import build_data
    from tests.fuzz.hostile_graphs import build_graphs
    from tests.fuzz.hostile_tflite import build_tflite
    from tests.fuzz.usual_files import IMAGE_MODEL, TABLE_MODEL, build_usual

    folder, outside = map(Path, sys.argv[1:])
    usual = list(build_usual(folder))
    table, image = folder / TABLE_MODEL, folder / IMAGE_MODEL
    hostile = [
        *build_archives(folder),
        *build_tflite(folder, folder / "float.tflite"),
        *build_data(folder, outside, table, image),
        *build_graphs(folder, outside),
    ]
    lists = {"usual": [*map(asdict, usual)], "hostile": [*map(asdict, hostile)]}
    (folder / _MANIFEST).write_text(json.dumps(lists, default=str))


if __name__ == "__main__":
    main()
