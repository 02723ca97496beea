"""A bundle of another installation becomes a run like one's own; a hostile one leaves nothing."""

import time

import pytest

from converter import __main__ as command_line
from converter import run_store
from converter.bundle import bundle_run_folder, write_bundle
from converter.bundle_import import import_bundle
from converter.errors import BundleError
from converter.graph_nodes import GRAPH_FILE, load_nodes
from converter.history import DONE
from converter.recipe import PRESETS
from converter.request import RunRequest


def finish(run_id):
    end = time.monotonic() + 90
    while (progress := run_store.follow_run(run_id)).is_active:
        assert time.monotonic() < end
        time.sleep(0.03)
    assert progress.status == DONE, progress.error


@pytest.fixture
def bundle(tflite_file, tmp_path, monkeypatch):
    """Made by one installation, in whose home no other one looks."""
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path / "theirs"))
    run_id = run_store.start_run(
        RunRequest(
            model_path=tflite_file, model_name="their <model>.tflite", samples=6,
            calibration_samples=4, runs=2, recipes=(PRESETS["float32"], PRESETS["int8"]),
        )
    )
    finish(run_id)
    path = tmp_path / "theirs.zip"
    comparison = run_store.load_comparison(run_id)
    write_bundle(run_store.run_files(run_id), run_store.load_request(run_id), comparison, path)
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path / "ours"))
    return path, comparison


def test_it_is_looked_at_and_run_again_like_a_run_of_ones_own(bundle, tmp_path):
    path, comparison = bundle
    run_id = import_bundle(path, "theirs.zip")
    assert run_store.load_comparison(run_id).to_json() == comparison.to_json()
    record = run_store.load_record(run_id)
    assert (record.name, record.status) == ("their <model>.tflite", DONE)
    assert "Imported from theirs.zip" in record.note
    assert record.model_sha256 == comparison.model.sha256
    assert {"float32.tflite", "int8.tflite", "latency_samples.npz"} <= set(
        run_store.run_files(run_id)
    )
    path.unlink()
    run_store.resume_run(run_id)
    finish(run_id)
    again = run_store.load_comparison(run_id)
    assert [v.sha256 for v in again.variants] == [v.sha256 for v in comparison.variants]
    assert list((tmp_path / "ours").glob(".import-*")) == []


@pytest.mark.parametrize("share", [0.0, 0.4, 0.98])
def test_a_damaged_one_is_refused_and_leaves_nothing(bundle, tmp_path, share):
    path, _ = bundle
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BundleError, match=r"theirs\.zip"):
        import_bundle(path, "theirs.zip")
    assert run_store.list_runs() == []
    assert list((tmp_path / "ours").glob("artifacts/??/*")) == []
    assert list((tmp_path / "ours").glob(".import-*")) == []


def test_a_saved_model_folder_comes_in_as_the_zip_that_an_upload_of_it_would_be(
    saved_model_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path / "ours"))
    out = tmp_path / "run"
    code = command_line.main(["run", str(saved_model_folder), "--recipes", "float32", "--samples",
                              "4", "--runs", "1", "--out", str(out)])  # fmt: skip
    assert code == 0
    bundle_run_folder(out, tmp_path / "folder.zip")
    run_id = import_bundle(tmp_path / "folder.zip", "folder.zip")
    kept = run_store.run_files(run_id)[GRAPH_FILE]  # what the File format page draws
    assert kept.read_bytes() == (out / GRAPH_FILE).read_bytes()
    assert len(load_nodes(kept)) > 3
    request = run_store.load_request(run_id)
    assert request.model_path.parent == tmp_path / "ours" / "uploads"
    assert request.model_path.suffix == ".zip"
    before = run_store.load_comparison(run_id)
    run_store.resume_run(run_id)
    finish(run_id)
    after = run_store.load_comparison(run_id)
    assert [v.content_sha256 for v in after.variants] == [
        v.content_sha256 for v in before.variants
    ]
