"""`export` on the command line: what it writes, and how it refuses."""

from __future__ import annotations

import io
import zipfile

import nbformat
import numpy as np
import pyarrow.parquet as pq
import pytest

from converter.__main__ import main
from converter.comparison import SAMPLES_FILE, Comparison, save_latency_samples
from converter.run_export import load_samples_ms, tables_zip
from tests.converter.example_comparisons import make_comparison, make_failed


@pytest.fixture
def run_folder(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    make_comparison().save(folder)
    save_latency_samples(folder, {"original": np.array([0.1 + 0.2, 1.0])})
    return folder


def ends_with(capsys, code, *arguments):
    """Run the command line; return stdout and stderr after checking its code."""
    try:
        found = main([str(each) for each in arguments])
    except SystemExit as ended:
        found = ended.code
    output = capsys.readouterr()
    assert found == code, output.err
    return output.out, output.err


def test_tables_hold_the_raw_samples(run_folder, tmp_path, capsys):
    target = tmp_path / "tables.zip"
    out, err = ends_with(capsys, 0, "export", run_folder, "--tables", target)
    assert (out.strip(), err) == (str(target), "")
    with zipfile.ZipFile(target) as archive:
        table = pq.read_table(io.BytesIO(archive.read("latency_samples.parquet")))
    assert table["latency_ms"].to_pylist() == [0.1 + 0.2, 1.0]
    assert target.read_bytes() == tables_zip(make_comparison(), load_samples_ms(run_folder))


def test_the_comparison_itself_can_be_named(run_folder, tmp_path, capsys):
    targets = [tmp_path / "a.zip", tmp_path / "b.zip"]
    for source, target in zip((run_folder, run_folder / "comparison.json"), targets, strict=True):
        ends_with(capsys, 0, "export", source, "--tables", target)
    assert targets[0].read_bytes() == targets[1].read_bytes()


def test_the_notebook_is_one(run_folder, tmp_path, capsys):
    target = tmp_path / "again.ipynb"
    ends_with(capsys, 0, "export", run_folder, "--notebook", target)
    nbformat.validate(nbformat.read(target, as_version=4))


def test_a_run_without_samples_has_an_empty_table(run_folder):
    (run_folder / SAMPLES_FILE).unlink()
    assert load_samples_ms(run_folder) == {}
    assert tables_zip(Comparison.load(run_folder / "comparison.json"), {})


def damaged(folder, how):
    file = folder / ("comparison.json" if "comparison" in how else SAMPLES_FILE)
    if how == "no comparison":
        file.unlink()
    elif how == "comparison is text":
        file.write_text("not JSON")
    elif how == "comparison has a wrong figure":
        file.write_text(file.read_text().replace('"size_bytes": 25000', '"size_bytes": "=1+1"'))
    elif how == "samples are text":
        file.write_text("not an archive")
    elif how == "samples are empty":
        file.write_bytes(b"")
    elif how == "samples are objects":
        np.savez(file, original=np.array([{}], dtype=object))
    elif how == "samples are names":
        np.savez(file, original=np.array(["a"]))


@pytest.mark.parametrize(
    "how",
    [
        "no comparison", "comparison is text", "comparison has a wrong figure", "samples are text",
        "samples are empty", "samples are objects", "samples are names",
    ],
)  # fmt: skip
def test_what_is_damaged_is_one_line_and_writes_nothing(run_folder, tmp_path, capsys, how):
    damaged(run_folder, how)
    out, err = ends_with(capsys, 2, "export", run_folder, "--tables", tmp_path / "tables.zip")
    assert out == ""
    assert err.startswith("error: export: ")
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_nothing_to_rebuild_is_one_line(run_folder, tmp_path, capsys):
    make_comparison([make_failed()]).save(run_folder)
    _, err = ends_with(capsys, 2, "export", run_folder, "--notebook", tmp_path / "x.ipynb")
    assert err.startswith("error: export: The run has no variant that can be rebuilt")
    assert err.count("\n") == 1
    assert not (tmp_path / "x.ipynb").exists()


@pytest.mark.parametrize(
    "forms", [[], ["--tables"], ["--tables", "a.zip", "--notebook", "b.ipynb"]]
)
def test_one_form_has_to_be_named(run_folder, capsys, forms):
    _, err = ends_with(capsys, 2, "export", run_folder, *forms)
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_a_target_that_cannot_be_written_is_one_line(run_folder, tmp_path, capsys):
    for flag in ("--tables", "--notebook"):
        target = tmp_path / "none" / "file"
        _, err = ends_with(capsys, 2, "export", run_folder, flag, target)
        assert err.startswith("error: export: ")
        assert err.count("\n") == 1
