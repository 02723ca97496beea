"""The web process stays small: no TensorFlow; charts are loaded late and without Streamlit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def loaded_by(statement: str) -> set[str]:
    """Return the packages, and of our own the modules, that a fresh process has loaded."""
    code = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True,
                            text=True, check=True)
    return {
        name if name.startswith("components.") else name.split(".")[0]
        for name in json.loads(answer.stdout)
    }


def modules(folder: str) -> str:
    paths = sorted((ROOT / folder).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return "; ".join(f"import {name.removesuffix('.__init__')}" for name in names)


def test_pages_load_no_tensorflow_no_litert_and_charts_only_when_drawn():
    names = "; ".join(
        f"import components.{path.stem}" for path in sorted((ROOT / "components").glob("*.py"))
        if path.stem != "__init__"
    )
    names += f"; {modules('components/explore')}; {modules('components/budget')}"
    loaded = loaded_by(names)
    assert "streamlit" in loaded
    assert not loaded & {"tensorflow", "keras", "tf_keras", "ai_edge_litert", "pandas"}
    assert "components.figures" not in {name[:18] for name in loaded}


def test_figures_do_without_streamlit():
    loaded = loaded_by(modules("components/figures"))
    assert "plotly" in loaded
    assert not loaded & {"streamlit", "tensorflow", "keras", "ai_edge_litert"}
