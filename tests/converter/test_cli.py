"""The command line's contract: what goes to stdout, what to stderr, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import psutil
import pytest

from converter.child_process import PROJECT_ROOT

SAMPLES = PROJECT_ROOT / "sample_models"
CNN = SAMPLES / "digits_cnn" / "digits_cnn.keras"
CNN_DATA = SAMPLES / "digits_cnn" / "data.npz"


def converter(*arguments, timeout=300):
    return subprocess.run(
        [sys.executable, "-m", "converter", *map(str, arguments)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The bundled digits model, all six recipes, few samples."""
    out = tmp_path_factory.mktemp("digits") / "new" / "folder"
    result = converter(
        "run", CNN, "--data", CNN_DATA, "--samples", 60, "--calibration-samples", 20,
        "--runs", 7, "--out", out,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result, out, json.loads((out / "comparison.json").read_text())


def test_run_prints_a_table_for_people_and_progress_on_stderr(digits):
    result, _, _ = digits
    lines = result.stdout.splitlines()
    header = next(line for line in lines if line.startswith("recipe"))
    assert "size" in header
    assert "SQNR" in header
    for recipe in ("original", "float32", "dynamic_range", "float16", "int8_full", "int16x8"):
        assert any(line.startswith(recipe) for line in lines)
    assert "convert int8" in result.stderr
    assert "Traceback" not in result.stderr


def test_run_follows_the_contract(digits):
    _, out, found = digits
    assert found["schema"] == 1
    assert found["model"]["format"] == "keras"
    assert found["model"]["size_bytes"] == CNN.stat().st_size
    assert found["model"]["inputs"] == [
        {"name": found["model"]["inputs"][0]["name"], "shape": [1, 8, 8, 1], "dtype": "float32"}
    ]
    assert found["model"]["outputs"][0]["shape"] == [1, 10]
    data = found["data"]
    assert (data["source"], data["labelled"]) == ("file", True)
    assert (data["calibration_samples"], data["evaluation_samples"]) == (20, 60)
    assert found["environment"]["threads"] == 1
    assert found["environment"]["sandbox"]["level"] in {"full", "partial", "none"}
    assert found["reference"]["latency"]["p50_ms"] > 0
    assert 0.9 < found["reference"]["accuracy"]["top1"] <= 1
    assert [v["recipe"] for v in found["variants"]] == [
        "float32", "dynamic_range", "float16", "int8", "int8_full", "int16x8",
    ]  # fmt: skip
    for variant in found["variants"]:
        assert variant["status"] == "ok"
        assert (out / variant["file"]).stat().st_size == variant["size_bytes"]
        assert variant["gzip_bytes"] > 0
        assert variant["peak_memory_bytes"] > variant["runtime_memory_bytes"] > 0
        assert variant["latency"]["runs"] == 7
        assert variant["latency"]["warmup_runs"] == 5
        assert variant["latency"]["init_ms"] > 0
        assert variant["audit"]["total_ops"] > 0


def test_run_measures_what_it_says(digits):
    _, out, found = digits
    by_name = {variant["recipe"]: variant for variant in found["variants"]}
    assert by_name["float32"]["drift"]["max_abs_error"] < 1e-4
    assert by_name["float32"]["audit"]["integer_ops"] == 0
    assert by_name["int8_full"]["audit"]["float_ops"] == 0
    assert by_name["int8_full"]["audit"]["border_ops"] == 0
    assert by_name["int8"]["size_bytes"] < by_name["float32"]["size_bytes"] / 3
    assert by_name["float16"]["drift"]["sqnr_db"] > by_name["int8"]["drift"]["sqnr_db"]
    with np.load(out / "latency_samples.npz") as samples:
        assert set(samples.files) == {"original", *by_name}
        p50 = float(np.median(samples["int8"]))
    assert by_name["int8"]["latency"]["p50_ms"] == pytest.approx(p50)


def test_the_script_beside_a_variant_rebuilds_it_byte_for_byte(digits, tmp_path):
    _, out, _ = digits
    rebuilt = tmp_path / "again.tflite"
    result = subprocess.run(
        [sys.executable, out / "rebuild_int8_full.py", CNN, out / "calibration.npz", "-o", rebuilt],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-2000:]
    assert rebuilt.read_bytes() == (out / "int8_full.tflite").read_bytes()


@pytest.mark.parametrize(
    ("bounds", "code", "words"),
    [
        (["--max-size-bytes", "10000000", "--min-sqnr-db", "5"], 0, "every bound holds"),
        (["--max-size-bytes", "100"], 1, "size_bytes is"),
        (["--min-sqnr-db", "500"], 1, "sqnr_db is"),
        (["--max-p50-ms", "0"], 1, "p50_ms is"),
        (["--min-top1-agreement", "1.5"], 1, "top1_agreement is"),
        (["--max-accuracy-drop", "-1.0"], 1, "accuracy_drop is"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_gate(digits, bounds, code, words):
    _, out, _ = digits
    result = converter("gate", out / "comparison.json", "--recipe", "int8", *bounds)
    assert result.returncode == code
    assert words in result.stdout
    assert result.stderr == ""


def test_gate_prints_each_violation_on_a_line(digits):
    _, out, _ = digits
    result = converter(
        "gate", out / "comparison.json", "--recipe", "int8", "--max-size-bytes", 1,
        "--max-p50-ms", 0,
    )  # fmt: skip
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 2


def one_error_line(result):
    assert result.returncode == 2
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if not line.startswith("[")]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def test_gate_without_its_input(digits, tmp_path):
    _, out, _ = digits
    path = out / "comparison.json"
    assert "'int4'" in one_error_line(
        converter("gate", path, "--recipe", "int4", "--max-size-bytes", 1)
    )
    assert "no readable file" in one_error_line(
        converter("gate", tmp_path / "none.json", "--recipe", "int8", "--max-size-bytes", 1)
    )
    assert "bound" in one_error_line(converter("gate", path, "--recipe", "int8"))
    wrong = tmp_path / "comparison.json"
    wrong.write_text('{"schema": 1}')
    assert "comparison.json" in one_error_line(
        converter("gate", wrong, "--recipe", "int8", "--max-size-bytes", 1)
    )


def write_bad_inputs(folder):
    (folder / "empty.keras").write_bytes(b"")
    (folder / "text.keras").write_text("this is no model")
    (folder / "cut.keras").write_bytes(CNN.read_bytes()[:3000])
    (folder / "cut.h5").write_bytes(
        (SAMPLES / "cancer_mlp" / "cancer_mlp.h5").read_bytes()[:9000]
    )
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "no model")
    with zipfile.ZipFile(folder / "escape.zip", "w") as archive:
        archive.writestr("../saved_model.pb", "x")
    (folder / "folder").mkdir()


@pytest.mark.parametrize(
    "name",
    ["empty.keras", "text.keras", "cut.keras", "cut.h5", "other.zip", "escape.zip", "folder",
     "missing.keras"],
)  # fmt: skip
@pytest.mark.parametrize("command", ["inspect", "run"])
def test_a_file_that_is_no_model(command, name, tmp_path):
    write_bad_inputs(tmp_path)
    more = ["--out", tmp_path / "out"] if command == "run" else []
    line = one_error_line(converter(command, tmp_path / name, *more))
    assert name in line
    assert "expected" in line
    assert "found" in line


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((5, 9, 9, 1), "f")}, "(samples, 8, 8, 1), found (5, 9, 9, 1)"),
        ({"x": np.zeros((5, 8, 8, 1), "f"), "y": np.zeros(4)}, "expected 5 labels in y"),
        ({"a": np.zeros(3), "b": np.zeros(3)}, "expected x"),
        ({"x": np.array([["text"] * 64] * 5)}, "expected numbers in x"),
        ({"x": np.zeros((0, 8, 8, 1), "f")}, "at least one sample"),
    ],
    ids=["shape", "label length", "names", "text", "no rows"],
)
def test_data_that_does_not_fit(arrays, words, tmp_path):
    path = tmp_path / "my data.npz"
    np.savez(path, **arrays)
    result = converter("run", CNN, "--data", path, "--recipes", "float32", "--out", tmp_path / "o")
    line = one_error_line(result)
    assert "my data.npz" in line
    assert words in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--recipes", "int9"], "int9"),
        (["--recipes", ""], "none"),
        (["--runs", "0"], "runs must be at least 1"),
        (["--threads", "0"], "threads must be at least 1"),
        (["--samples", "many"], "invalid int value"),
        (["--unknown"], "unrecognized arguments"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_arguments_out_of_range(arguments, words, tmp_path):
    line = one_error_line(converter("run", CNN, "--out", tmp_path / "o", *arguments))
    assert words in line


def test_out_must_not_be_a_file(tmp_path):
    path = tmp_path / "taken"
    path.write_text("mine")
    assert "taken" in one_error_line(converter("run", CNN, "--out", path))
    assert path.read_text() == "mine"


def test_inspect_prints_json_alone():
    result = converter("inspect", CNN)
    assert result.returncode == 0
    facts = json.loads(result.stdout)
    assert facts["parameters"] == json.loads(
        (SAMPLES / "digits_cnn" / "card.json").read_text()
    )["parameters"]
    assert facts["optimizer_bytes"] > facts["parameter_bytes"]
    assert facts["size_without_optimizer_bytes"] == facts["size_bytes"] - facts["optimizer_bytes"]
    assert result.stderr == ""


def test_an_operator_that_tflite_lacks_is_a_row_with_its_reason(tmp_path):
    folder = SAMPLES / "digits_fourier"
    result = converter(
        "run", folder / "digits_fourier.keras", "--data", folder / "data.npz", "--samples", 10,
        "--runs", 2, "--recipes", "float32,float32_select_tf", "--out", tmp_path,
    )  # fmt: skip
    assert result.returncode == 0
    plain, select = json.loads((tmp_path / "comparison.json").read_text())["variants"]
    assert plain["status"] == "failed"
    assert "FFT2D" in plain["error"]
    assert "\n" not in plain["error"]
    assert select["status"] == "ok"
    assert select["size_bytes"] == (tmp_path / "float32_select_tf.tflite").stat().st_size
    assert select["audit"]["flex_ops"] >= 1
    assert select["latency"] is None
    assert select["drift"] is None
    assert any("Flex" in note for note in select["audit"]["notes"])


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_cancelled_runs_end_with_130_and_leave_no_process(kind, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "converter", "run", CNN, "--out", tmp_path / "o"],
        cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    for line in process.stderr:
        if "convert" in line:
            break
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    os.kill(process.pid, kind)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
    assert not list((tmp_path / "o").glob(".work-*"))


def test_the_sandbox_says_which_walls_hold():
    result = converter("sandbox")
    assert result.returncode == 0
    found = json.loads(result.stdout)
    assert found["level"] in {"full", "partial", "none"}
    assert set(found["layers"]) >= {"landlock", "seccomp", "namespaces", "rlimits"}


def test_a_closed_pipe_on_stdout_is_no_error():
    command = f"{sys.executable} -m converter inspect {CNN} | head -c 1"
    result = subprocess.run(
        command, shell=True, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in result.stderr
