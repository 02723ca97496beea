"""The notebook that rebuilds a run's variants: safe for any name, and true in a clean process."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from converter.child_process import PROJECT_ROOT
from converter.comparison import CALIBRATION_FILE, Comparison
from converter.errors import ExportError
from converter.model_file import file_sha256
from converter.rebuild_notebook import build_rebuild_notebook
from converter.rebuild_script import build_rebuild_script
from converter.recipe import GIVEN, TFLITE_PRESETS
from tests.converter.example_comparisons import make_comparison, make_failed, make_variant
from tests.converter.example_tflites import write_classifier
from tests.converter.test_rebuild_script import HOSTILE, only_code_of

CANCER = PROJECT_ROOT / "sample_models" / "cancer_mlp" / "cancer_mlp.h5"


def notebook_of(comparison):
    return nbformat.reads(build_rebuild_notebook(comparison).decode(), as_version=4)


def code_of(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def text_of(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


class TestContent:
    def test_has_a_section_for_each_variant_with_flags_and_hash(self):
        comparison = make_comparison([make_variant("float32"), make_variant("int8")])
        text = text_of(notebook_of(comparison))
        assert re.findall(r"^## `(.*)`$", text, re.M) == ["float32", "int8"]
        for variant in comparison.variants:
            assert f"Expected SHA-256: `{variant.sha256}`" in text
        assert '- optimizations: `["DEFAULT"]`' in text
        assert "tensorflow==2.21.0 keras==3.15.1" in text
        assert comparison.model.sha256 in text

    def test_shares_its_code_with_the_scripts(self):
        comparison = make_comparison([make_variant("int8")])
        functions = {
            node.name: ast.dump(node)
            for node in ast.parse(code_of(notebook_of(comparison))).body
            if isinstance(node, ast.FunctionDef)
        }
        script = build_rebuild_script(comparison, comparison.variants[0])
        for node in ast.parse(script).body:
            if isinstance(node, ast.FunctionDef) and node.name != "main":
                assert functions[node.name] == ast.dump(node)

    def test_is_valid_and_the_same_twice(self):
        content = build_rebuild_notebook(make_comparison())
        nbformat.validate(nbformat.reads(content.decode(), as_version=4))
        assert content == build_rebuild_notebook(make_comparison())

    def test_says_what_is_left_out(self):
        mine = make_variant("int8", engine=GIVEN, flags={}, given_name="m.tflite")
        text = text_of(notebook_of(make_comparison([make_variant("float32"), mine, make_failed()])))
        assert "Not in here: `int8`, which was given as a file." in text
        assert "Not in here: `int8_full`, which failed in the run." in text

    @pytest.mark.parametrize("variants", [[], [make_failed()]], ids=["none", "failed"])
    def test_a_run_without_anything_to_rebuild_is_refused(self, variants):
        with pytest.raises(ExportError, match="no variant that can be rebuilt"):
            build_rebuild_notebook(make_comparison(variants))


class TestHostileNames:
    @pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
    def test_no_name_becomes_code(self, name):
        plain = code_of(notebook_of(make_comparison()))
        assert only_code_of(code_of(notebook_of(make_comparison(name=name)))) == only_code_of(plain)

    @pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", ".hidden", "a/b", "a\\b"])
    def test_no_name_becomes_a_path_elsewhere(self, name):
        assert "MODEL = Path('model')" in code_of(notebook_of(make_comparison(name=name)))

    @pytest.mark.parametrize("name", ["<img src=x>", "``` # b", "`<b>`", "a\n# Title", "[x](y)"])
    def test_no_name_becomes_markup(self, name):
        text = notebook_of(make_comparison(name=name)).cells[0].source
        assert text.count("\n# ") == 0
        outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
        assert "<" not in outside
        assert "[x]" not in outside

    def test_a_file_out_of_an_imported_comparison_stays_in_its_folder(self):
        variant = make_variant("int8", file="../../x.tflite")
        assert "'x.tflite'" in code_of(notebook_of(make_comparison([variant])))
        assert "../" not in code_of(notebook_of(make_comparison([variant])))


def run_of(folder, model, recipes):
    """Run the command line on a model and return the run's folder."""
    out = folder / "out"
    result = subprocess.run(
        [sys.executable, "-m", "converter", "run", model, "--recipes", recipes, "--samples", "8",
         "--calibration-samples", "6", "--runs", "1", "--out", out],
        cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return out


def execute(content, folder):
    """Execute a notebook in a kernel of its own and return the lines of its last output."""
    notebook = nbformat.reads(content.decode(), as_version=4)
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    (table,) = [each.text for each in notebook.cells[-1].outputs if each.get("name") == "stdout"]
    return [line.split(maxsplit=3) for line in table.splitlines()]


@pytest.fixture(scope="module")
def tflite_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("from_tflite")
    model = write_classifier(folder / "net.tflite")
    return model, run_of(folder, model, "int8,int4_weight_only")


def test_a_keras_run_is_reproduced_byte_for_byte(tmp_path):
    out = run_of(tmp_path, CANCER, "float32,int8")
    comparison = Comparison.load(out / "comparison.json")
    place = tmp_path / "elsewhere"
    place.mkdir()
    shutil.copy(CANCER, place)
    shutil.copy(out / CALIBRATION_FILE, place)
    table = execute(build_rebuild_notebook(comparison), place)
    assert table == [
        ["variant", "rebuilt", "equal", "how"],
        ["float32", "yes", "yes", "identical to the run's file"],
        ["int8", "yes", "yes", "identical to the run's file"],
    ]
    for variant in comparison.variants:
        assert file_sha256(place / "rebuilt" / variant.file) == variant.sha256


def test_a_run_from_a_tflite_is_reproduced_byte_for_byte(tflite_run, tmp_path):
    model, out = tflite_run
    comparison = Comparison.load(out / "comparison.json")
    shutil.copy(model, tmp_path)
    shutil.copy(out / CALIBRATION_FILE, tmp_path)
    table = execute(build_rebuild_notebook(comparison), tmp_path)
    made = [v for v in comparison.variants if v.recipe in TFLITE_PRESETS]
    assert [row[:3] for row in table[1:]] == [[v.recipe, "yes", "yes"] for v in made]
    assert len(made) == 2
    for variant in made:
        assert file_sha256(tmp_path / "rebuilt" / variant.file) == variant.sha256


def test_what_differs_is_compared_by_outputs_and_what_fails_does_not_stop_the_rest(
    tflite_run, tmp_path
):
    model, out = tflite_run
    values = json.loads((out / "comparison.json").read_text())
    comparison = Comparison.from_json(values)
    int8, int4 = comparison.variants
    # As if the run's machine had written another file for int8: the other's, under its hash.
    shutil.copy(model, tmp_path)
    shutil.copy(out / CALIBRATION_FILE, tmp_path)
    shutil.copy(out / int4.file, tmp_path / int8.file)
    int8.sha256 = int4.sha256
    table = execute(build_rebuild_notebook(comparison), tmp_path)
    assert table[1][:3] == ["int8", "yes", "no"]
    assert re.search(r"on 6 samples its outputs differ: 'scores' by at most [\d.e-]+ ", table[1][3])
    assert table[2][:3] == ["int4_weight_only", "yes", "yes"]

    (tmp_path / CALIBRATION_FILE).unlink()
    table = execute(build_rebuild_notebook(comparison), tmp_path)
    assert table[1] == ["int8", "no", "no", "FileNotFoundError"]
    assert table[2][:3] == ["int4_weight_only", "yes", "yes"]


def test_the_script_tells_by_how_much_outputs_differ(tflite_run, tmp_path):
    model, out = tflite_run
    int8, int4 = (Comparison.load(out / "comparison.json")).variants
    script = tmp_path / "rebuild_int8.py"
    source = (out / script.name).read_text()
    script.write_text(source.replace(int8.sha256, int4.sha256))
    result = subprocess.run(
        [sys.executable, "-I", script, model, out / CALIBRATION_FILE, "-o", tmp_path / "x.tflite",
         "--run-file", out / int4.file],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert "NOT the bytes of the run's file; on 6 samples its outputs differ" in result.stdout
    assert file_sha256(tmp_path / "x.tflite") == int8.sha256
