"""A run leaves its folder: it never destroys what it was given, nor mixes with an earlier run."""

import hashlib
import shutil

import numpy as np
import pytest

from converter import __main__ as command_line
from converter.comparison import COMPARISON_FILE


def run(capsys, *arguments):
    code = command_line.main(["run", *map(str, arguments), "--samples", "4", "--runs", "1",
                              "--calibration-samples", "2"])  # fmt: skip
    return code, capsys.readouterr().err


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def content(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def refused(capsys, folder, *arguments):
    before = content(folder)
    code, err = run(capsys, *arguments, "--out", folder)
    assert code == 2
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert "would be overwritten by the run" in line
    assert content(folder) == before
    return line


def test_a_model_named_like_a_variant_is_not_overwritten(capsys, folder, tflite_file):
    shutil.copy(tflite_file, folder / "float16.tflite")
    line = refused(capsys, folder, folder / "float16.tflite", "--recipes", "float16")
    assert "float16.tflite" in line


def test_nor_reached_by_another_name(capsys, folder, tflite_file, tmp_path):
    shutil.copy(tflite_file, tmp_path / "mine.tflite")
    (folder / "float16.tflite").symlink_to(tmp_path / "mine.tflite")
    refused(capsys, folder, tmp_path / "mine.tflite", "--recipes", "float16")
    assert (tmp_path / "mine.tflite").read_bytes() == tflite_file.read_bytes()


def test_a_variant_named_like_a_recipe_is_not_overwritten(capsys, folder, tflite_file):
    shutil.copy(tflite_file, folder / "int8.tflite")
    line = refused(capsys, folder, tflite_file, "--recipes", "int8",
                   "--variant", folder / "int8.tflite")  # fmt: skip
    assert "int8.tflite" in line


@pytest.mark.parametrize("name", ["calibration.npz", "evaluation.npz", "samples_int8.npz"])
def test_data_named_like_a_file_of_the_run_is_not_overwritten(capsys, folder, tflite_file, name):
    np.savez(folder / name, x=np.zeros((8, 8, 8, 1), np.float32))
    line = refused(capsys, folder, tflite_file, "--recipes", "int8", "--data", folder / name)
    assert name in line


def test_the_folder_of_a_saved_model_is_no_place_for_a_run(capsys, saved_model_folder, tmp_path):
    model = shutil.copytree(saved_model_folder, tmp_path / "model")
    before = sorted(model.rglob("*"))
    for out in (model, model / "variables"):
        code, err = run(capsys, model, "--recipes", "float32", "--out", out)
        assert code == 2
        assert "outside the model's folder" in err
        assert sorted(model.rglob("*")) == before


def test_what_lies_beside_a_run_s_files_is_used_and_stays(capsys, folder, tflite_file):
    shutil.copy(tflite_file, folder / "mine.tflite")
    np.savez(folder / "mine.npz", x=np.zeros((8, 8, 8, 1), np.float32))
    given = {name: content(folder)[name] for name in ("mine.tflite", "mine.npz")}
    code, err = run(capsys, folder / "mine.tflite", "--recipes", "int8",
                    "--data", folder / "mine.npz", "--out", folder)  # fmt: skip
    assert code == 0, err
    assert given.items() <= content(folder).items()


class TestAnEarlierRun:
    @pytest.fixture
    def earlier(self, capsys, folder, tflite_file):
        assert run(capsys, tflite_file, "--recipes", "int8", "--out", folder)[0] == 0
        return content(folder)

    def test_stays_whole_where_the_input_cannot_be_used(self, capsys, folder, earlier, tmp_path):
        (tmp_path / "broken.tflite").write_bytes(b"\x1c\0\0\0TFL3 no model")
        assert run(capsys, tmp_path / "broken.tflite", "--out", folder)[0] == 2
        assert content(folder) == earlier

    def test_its_result_goes_before_a_new_file_comes(
        self, capsys, folder, earlier, tflite_file, monkeypatch
    ):
        seen = []

        def cancel(*_, **__):
            seen.append((folder / COMPARISON_FILE).exists())
            raise KeyboardInterrupt

        # The first that a run writes into its folder, and the last thing before its result.
        monkeypatch.setattr("converter.latency_step.LatencyStep.carry_out", cancel)
        assert run(capsys, tflite_file, "--recipes", "int8", "--out", folder)[0] == 130
        assert seen == [False]
        assert not (folder / COMPARISON_FILE).exists()
        code = command_line.main(["gate", str(folder), "--recipe", "int8",
                                  "--max-size-bytes", "100000000"])  # fmt: skip
        assert code == 2
