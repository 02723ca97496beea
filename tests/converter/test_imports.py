"""The arrows of the design: who may import whom, and which process never sees TensorFlow."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONVERTER = sorted((ROOT / "converter").rglob("*.py"))
WEB = sorted(
    [ROOT / "app.py", *(ROOT / "components").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
)
RUNTIMES = {"tensorflow", "keras", "tf_keras", "ai_edge_litert", "litert_quantizer"}


def label(path):
    return path.relative_to(ROOT).as_posix()


@cache
def imported_modules(path):
    """Return the full names of all modules that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{label(path)} imports relatively"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            argument = node.args[0]
            found |= {argument.value} if isinstance(argument, ast.Constant) else set()
    return found


def packages(path):
    return {name.split(".")[0] for name in imported_modules(path)}


@cache
def code_words(path):
    """Return the names and attributes that a file's own code uses, not its texts or comments."""
    return {
        getattr(node, "id", None) or getattr(node, "attr", None)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name | ast.Attribute)
    } | {name.rsplit(".", 1)[-1] for name in imported_modules(path)}


@pytest.mark.parametrize("path", CONVERTER, ids=label)
def test_the_domain_imports_no_interface(path):
    assert packages(path) & {"streamlit", "plotly", "components", "pages"} == set()


@pytest.mark.parametrize("path", WEB, ids=label)
def test_the_interface_imports_no_runtime(path):
    assert packages(path) & RUNTIMES == set()


@pytest.mark.parametrize("path", sorted((ROOT / "components" / "figures").glob("*.py")), ids=label)
def test_figures_are_pure(path):
    assert "streamlit" not in packages(path)


@pytest.mark.parametrize("path", WEB, ids=label)
def test_the_interface_reaches_no_worker(path):
    workers = {
        "converter.workers",
        "converter.float_model",
        "converter.tflite_converter",
        "converter.litert_model",
        "converter.freezing",
        "converter.reference_runner",
        "converter.shared_calibration",
        "converter.float_file_converter",
        "converter.evaluation",
    }
    found = {
        name
        for name in imported_modules(path)
        if any(name == worker or name.startswith(f"{worker}.") for worker in workers)
    }
    assert found == set()


def converter_modules_of_the_interface():
    """Return the modules of the domain that pages and components import, and those they may."""
    may = {
        f"converter.{name}"
        for name in (
            "run_store",
            "run_cleanup",
            "inspection",
            "verdict",
            "recipe",
            "pareto",
            "welcome",
            "sample_models",
            "rebuild_script",
            "comparison",
            "progress",
            "request",
            "drift",
            "gate",
            "table",
        )
    }
    known = {f"converter.{path.stem}" for path in (ROOT / "converter").glob("*.py")}
    used = {name for path in WEB for name in imported_modules(path)}
    return sorted(may | (used & known))


@pytest.fixture(scope="module")
def loaded_by():
    """Import one module after the other in one process; return what each was the first to load."""
    code = (
        "import importlib, json, sys\n"
        "found, before = {}, set()\n"
        f"for module in {converter_modules_of_the_interface()!r}:\n"
        "    importlib.import_module(module)\n"
        f"    now = {RUNTIMES!r} & {{name.split('.')[0] for name in sys.modules}}\n"
        "    found[module], before = sorted(now - before), now\n"
        "print(json.dumps(found))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return json.loads(answer.stdout)


@pytest.mark.parametrize("module", converter_modules_of_the_interface())
def test_what_the_interface_imports_never_loads_a_runtime(module, loaded_by):
    assert loaded_by[module] == []


def test_the_components_together_never_load_a_runtime():
    modules = ", ".join(
        label(path).removesuffix(".py").replace("/", ".")
        for path in WEB
        if path.parts[-2] in {"components", "figures"} and path.name != "__init__.py"
    )
    code = (
        f"import sys, {modules}\n"
        f"print(sorted({RUNTIMES!r} & {{name.split('.')[0] for name in sys.modules}}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert answer.stdout.strip().splitlines()[-1] == "[]"


ONE_OWNER = {
    "TFLiteConverter": {"converter/tflite_converter.py"},
    "ConverterError": {"converter/tflite_converter.py"},
    # TFLiteConverter's, and litert-quantizer's of the same name.
    "Calibrator": {"converter/shared_calibration.py", "converter/requantizer.py"},
    "Quantizer": {"converter/requantizer.py"},
    "load_model": {"converter/float_model.py"},
    "Interpreter": {"converter/litert_model.py"},
    "h5py": {
        "converter/hdf5_anatomy.py",
        "converter/hdf5_walk.py",
        "converter/keras_file.py",
        "converter/screening_hdf5.py",
    },
    "Popen": {"converter/child_process.py", "converter/job_runner.py"},
}


@pytest.mark.parametrize("word", ONE_OWNER)
def test_one_module_touches_each_foreign_interface(word):
    found = {label(path) for path in CONVERTER if word in code_words(path)}
    assert found == ONE_OWNER[word]


@pytest.mark.parametrize(
    ("module", "owners"),
    [
        ("ai_edge_litert.interpreter", {"converter/litert_model.py"}),
        ("litert_quantizer", {"converter/requantizer.py"}),
        ("keras", {"converter/float_model.py"}),
        ("tf_keras", {"converter/float_model.py"}),
        (
            "tensorflow",
            {
                "converter/float_file_converter.py",
                "converter/float_model.py",
                "converter/freezing.py",
                "converter/frozen_constants.py",
                "converter/reference_runner.py",
                "converter/tflite_converter.py",
                "converter/shared_calibration.py",
                "converter/workers/float_model.py",
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_place_imports_each_runtime(module, owners):
    found = {
        label(path)
        for path in CONVERTER
        if any(n == module or n.startswith(f"{module}.") for n in imported_modules(path))
    }
    assert found <= owners
    assert found


@pytest.mark.parametrize("path", CONVERTER, ids=label)
def test_nothing_is_unpickled(path):
    words = code_words(path)
    assert not words & {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert ast.unparse(node.value) == "False"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"np.load", "numpy.load"}:
            assert "allow_pickle" in {keyword.arg for keyword in node.keywords}


def test_only_the_store_knows_what_stands_behind_the_seams():
    seams = {"converter.installation", "converter.sqlite_history", "converter.job_runner"}
    users = {label(path) for path in CONVERTER if seams & set(imported_modules(path))}
    assert users == {
        "converter/installation.py", "converter/run_store.py", "converter/run_cleanup.py",
        "converter/job.py",
    }  # fmt: skip
