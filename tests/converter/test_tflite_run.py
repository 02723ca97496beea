"""Runs that start from a `.tflite`, and runs with given ones: whole command lines."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from converter.audit import count_operators
from converter.child_process import PROJECT_ROOT
from converter.litert_model import LitertModel
from converter.model_file import file_sha256
from converter.recipe import TFLITE_DEFAULTS
from converter.tflite_file import read_tflite
from tests.converter.example_tflites import (
    as_int8,
    features,
    write_classifier,
    write_crash_when_prepared,
    write_crash_when_run,
    write_custom,
    write_lookup,
    write_strings,
    write_two_by_two,
    write_two_signatures,
)

FEW = ("--runs", 2, "--samples", 24)


def converter(*arguments, command="run"):
    return subprocess.run(
        [sys.executable, "-m", "converter", command, *map(str, arguments)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run(out, model, *arguments):
    result = converter(model, *FEW, *arguments, "--out", out)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    return json.loads((out / "comparison.json").read_text()), result


def by_recipe(found):
    return {variant["recipe"]: variant for variant in found["variants"]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One file of each kind, by name."""
    folder = tmp_path_factory.mktemp("tflites")
    made = {
        "float": write_classifier(folder / "float.tflite"),
        "other": write_classifier(folder / "other.tflite", seed=50, names=("in", "out")),
        "open": write_classifier(folder / "open.tflite", batch=None),
        "four": write_classifier(folder / "four.tflite", batch=4),
        "unsigned": write_classifier(folder / "unsigned.tflite", key=None),
        "two_by_two": write_two_by_two(folder / "two_by_two.tflite"),
        "signatures": write_two_signatures(folder / "signatures.tflite"),
        "lookup": write_lookup(folder / "lookup.tflite"),
        "custom": write_custom(folder / "custom.tflite"),
        "strings": write_strings(folder / "strings.tflite"),
        "crash when run": write_crash_when_run(folder / "crash_run.tflite"),
        "crash when prepared": write_crash_when_prepared(folder / "crash_prepared.tflite"),
    }
    made["int8"] = as_int8(made["float"], folder / "int8.tflite")
    made["cut"] = folder / "cut.tflite"
    made["cut"].write_bytes(made["float"].read_bytes()[:900])
    made["text"] = folder / "text.tflite"
    made["text"].write_text("not a model")
    return made


@pytest.fixture(scope="module")
def data(files, tmp_path_factory):
    """Samples with the labels that the float file itself gives, but for every fourth."""
    path = tmp_path_factory.mktemp("data") / "data.npz"
    x = features(80)
    model = LitertModel(files["float"])
    labels = []
    for sample in x:
        model.set_inputs({"features": sample[None]})
        model.invoke()
        labels.append(int(model.get_outputs()["scores"].argmax()))
    y = np.array(labels)
    y[::4] = (y[::4] + 1) % 3
    np.savez(path, x=x, y=y)
    return path


@pytest.fixture(scope="module")
def float_run(files, data, tmp_path_factory):
    """The float file with data, default recipes and a file of its own."""
    out = tmp_path_factory.mktemp("float")
    found, result = run(out, files["float"], "--data", data, "--variant", files["int8"])
    return found, result, out


class TestFloatFile:
    def test_every_default_recipe_is_carried_out_by_litert_quantizer(self, float_run):
        found, _, out = float_run
        rows = by_recipe(found)
        assert list(rows) == [*TFLITE_DEFAULTS, "given_int8"]
        for name in TFLITE_DEFAULTS:
            assert rows[name]["status"] == "ok", rows[name]["error"]
            assert rows[name]["engine"] == "litert_quantizer"
            assert rows[name]["drift"]["sqnr_db"] > 15
            assert (out / f"{name}.tflite").stat().st_size == rows[name]["size_bytes"]
            assert file_sha256(out / f"{name}.tflite") == rows[name]["sha256"]
            assert rows[name]["latency"]["runs"] == 2
            assert (out / f"rebuild_{name}.py").is_file()

    def test_the_reference_is_the_file_itself(self, float_run, files):
        found, result, _ = float_run
        assert found["model"]["format"] == "tflite"
        assert found["model"]["size_bytes"] == files["float"].stat().st_size
        assert found["model"]["sha256"] == file_sha256(files["float"])
        assert found["settings"]["source"]["original"] == "tflite"
        assert found["reference"]["latency"]["init_ms"] > 0
        assert found["reference"]["peak_memory_bytes"] > 0
        assert any("TensorFlow model behind it is not known" in n for n in found["model"]["notes"])
        assert "the original is the given file" in result.stdout
        assert "tf.function" not in result.stdout

    def test_accuracy_is_held_against_the_files_own(self, float_run):
        found, _, _ = float_run
        top1 = found["reference"]["accuracy"]["top1"]
        assert 0.5 < top1 < 0.95  # every fourth label is wrong on purpose
        int8 = by_recipe(found)["int8"]["accuracy"]
        assert int8["delta"] == pytest.approx(int8["top1"] - top1)

    def test_audit_compares_what_was_asked(self, float_run):
        found, _, _ = float_run
        flags = {f["flag"]: f for f in by_recipe(found)["int4_weight_only"]["audit"]["flags"]}
        assert flags["Quantized weights"]["effect"] == "yes"
        assert any("4-bit" in flag["found"] for flag in flags.values())

    def test_a_given_file_is_compared_like_the_others(self, float_run, files):
        found, _, out = float_run
        given = by_recipe(found)["given_int8"]
        assert (given["engine"], given["given_name"]) == ("given", "int8.tflite")
        assert given["sha256"] == file_sha256(files["int8"])
        assert (out / given["file"]).read_bytes() == files["int8"].read_bytes()
        assert given["drift"]["sqnr_db"] > 25
        assert given["convert_seconds"] is None
        assert given["latency"]["runs"] == 2
        assert not (out / "rebuild_given_int8.py").exists()


@pytest.fixture(scope="module")
def formed(files, tmp_path_factory):
    """Return a function from a kind of file to its run by two recipes, each made once."""
    runs = {}

    def of(kind):
        if kind not in runs:
            out = tmp_path_factory.mktemp(kind)
            runs[kind] = (run(out, files[kind], "--recipes", "float32,int8")[0], out)
        return runs[kind]

    return of


class TestQuantizedFile:
    def test_is_measured_as_it_is(self, files, data, tmp_path):
        found, result = run(tmp_path, files["int8"], "--data", data)
        (row,) = found["variants"]
        assert (row["recipe"], row["status"]) == ("as_given", "ok")
        assert row["size_bytes"] == files["int8"].stat().st_size
        assert row["latency"]["p50_ms"] > 0
        assert row["peak_memory_bytes"] > 0
        assert 0.5 < row["accuracy"]["top1"] < 0.95
        assert {spec["dtype"] for spec in found["model"]["inputs"]} == {"int8"}
        assert result.stdout.startswith("The given file is quantized already")

    def test_recipes_that_are_asked_are_refused_with_the_reason(self, files, tmp_path):
        found, result = run(tmp_path, files["int8"], "--recipes", "int8,int4_weight_only")
        rows = by_recipe(found)
        assert rows.pop("as_given")["status"] == "ok"
        for name, row in rows.items():
            assert row["status"] == "failed"
            assert row["error"].startswith(f"{name}: the file is quantized already (int8)")
        assert result.stdout.count("failed: ") == 2


class TestFormsOfFiles:
    @pytest.mark.parametrize("kind", ["unsigned", "open", "four"])
    def test_run_and_are_quantized(self, kind, formed):
        found, out = formed(kind)
        rows = by_recipe(found)
        assert rows["int8"]["drift"]["sqnr_db"] > 20
        assert found["settings"]["batch"] == (4 if kind == "four" else 1)
        assert found["model"]["inputs"][0]["shape"] == [4 if kind == "four" else 1, 8]
        # The row of the file itself is exact, and there is nothing to rebuild.
        assert rows["float32"]["engine"] == "given"
        assert rows["float32"]["drift"]["sqnr_db"] == "inf"
        assert rows["float32"]["sha256"] == found["model"]["sha256"]
        assert [path.name for path in out.glob("rebuild_*")] == ["rebuild_int8.py"]

    def test_two_inputs_and_two_outputs_are_paired_by_name(self, files, tmp_path):
        path = tmp_path / "data.npz"
        random = np.random.default_rng(1)
        np.savez(
            path,
            zebra=random.normal(size=(60, 3)).astype(np.float32),
            apple=random.normal(size=(60, 2)).astype(np.float32),
        )
        found, _ = run(
            tmp_path / "out", files["two_by_two"], "--data", path, "--recipes", "int16x8"
        )
        drifts = by_recipe(found)["int16x8"]["output_drift"]
        assert set(drifts) == {"kind", "amount"}
        assert all(drift["sqnr_db"] > 35 for drift in drifts.values())

    def test_open_sizes_are_set_and_integer_inputs_are_looked_up(self, files, tmp_path):
        found, _ = run(
            tmp_path, files["lookup"], "--shape", "ids=1,6", "--recipes", "float32,dynamic_range"
        )
        assert found["model"]["inputs"][0] == {"name": "ids", "shape": [1, 6], "dtype": "int32"}
        assert by_recipe(found)["float32"]["drift"]["sqnr_db"] == "inf"

    def test_the_signature_that_is_asked_is_run(self, files, tmp_path):
        found, _ = run(
            tmp_path, files["signatures"], "--signature", "second", "--recipes", "float32",
            "--variant", files["float"],
        )  # fmt: skip
        rows = by_recipe(found)
        assert found["settings"]["source"]["signature"] == "second"
        assert rows["float32"]["drift"]["sqnr_db"] == "inf"
        # The first signature has the given file's weights, the second others.
        assert rows["float"]["drift"]["sqnr_db"] < 30


REFUSED = {
    "custom": "custom operators, which need kernels of their own (Sparkle)",
    "strings": "of type string",
    "cut": "expected a complete TFLite flatbuffer",
    "crash when run": "LiteRT crashed (SIGSEGV) while running",
    "crash when prepared": "LiteRT crashed (SIGSEGV) while preparing",
}


@pytest.mark.parametrize(("kind", "reason"), REFUSED.items(), ids=REFUSED)
def test_a_file_that_cannot_run_ends_with_one_line(kind, reason, files, tmp_path):
    result = converter(files[kind], *FEW, "--out", tmp_path / "out")
    assert result.returncode == 2
    assert result.stdout == ""
    error = result.stderr.splitlines()[-1]
    assert error.startswith(f"error: run: {files[kind].name}: ")
    assert reason in error
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out" / "comparison.json").exists()


def test_what_cannot_run_can_be_inspected(files):
    result = converter(files["custom"], command="inspect")
    assert result.returncode == 0
    facts = json.loads(result.stdout)
    assert facts["details"]["missing_kernels"] == ["Sparkle"]
    assert any("can be inspected and not run" in note for note in facts["notes"])


class TestGivenFiles:
    @pytest.fixture(scope="class")
    def many(self, files, tmp_path_factory):
        """A float file with good and bad files beside it."""
        kinds = ["other", "four", "unsigned", "lookup", "custom", "cut", "text", "strings"]
        given = [argument for kind in kinds for argument in ("--variant", files[kind])]
        found, result = run(
            tmp_path_factory.mktemp("many"), files["float"], "--recipes", "", *given
        )
        return by_recipe(found), result

    def test_other_names_are_paired_by_shape_and_it_is_said(self, many):
        rows, _ = many
        notes = " ".join(rows["other"]["audit"]["notes"])
        assert rows["other"]["status"] == "ok"
        assert "'in' of the file is taken for 'features'" in notes
        assert "'out' of the file is taken for 'scores'" in notes
        assert rows["other"]["drift"]["sqnr_db"] < 30  # other weights

    @pytest.mark.parametrize("name", ["four", "unsigned"])
    def test_another_batch_or_no_signature_is_the_same_model(self, many, name):
        rows, _ = many
        assert rows[name]["status"] == "ok", rows[name]["error"]
        sqnr = rows[name]["drift"]["sqnr_db"]
        assert sqnr == "inf" or sqnr > 100

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("lookup", "lookup.tflite: expected the inputs features (1, 8) float32, found ids"),
            ("custom", "custom.tflite: expected the inputs"),
            ("cut", "cut.tflite: expected a complete TFLite flatbuffer"),
            ("text", "text.tflite: expected a TFLite flatbuffer"),
            ("strings", "strings.tflite: expected inputs and outputs of numbers"),
        ],
    )
    def test_a_file_that_does_not_fit_is_a_row_with_its_reason(self, many, name, reason):
        rows, result = many
        assert rows[name]["status"] == "failed"
        assert rows[name]["error"].startswith(reason)
        assert rows[name]["latency"] is None
        assert f"failed: {rows[name]['error']}" in result.stdout

    def test_a_crash_costs_its_own_row(self, files, tmp_path):
        main = write_classifier(tmp_path / "main.tflite", names=("x", "y"))
        same_ends = write_crash_when_run(tmp_path / "crash.tflite", size=8, classes=3)
        found, _ = run(tmp_path / "out", main, "--recipes", "float16", "--variant", same_ends)
        rows = by_recipe(found)
        assert rows["float16"]["status"] == "ok"
        assert rows["crash"]["status"] == "failed"
        assert "SIGSEGV" in rows["crash"]["error"]

    def test_operators_without_kernel_are_size_only(self, files, tmp_path):
        main = write_custom(tmp_path / "a.tflite")
        path = write_custom(tmp_path / "relu.tflite", name=None)
        found, _ = run(tmp_path / "out", path, "--recipes", "", "--variant", main)
        row = by_recipe(found)["a"]
        assert (row["status"], row["runnable"], row["latency"]) == ("ok", False, None)
        assert "Sparkle" in row["audit"]["notes"][-1]

    def test_a_missing_file_is_an_error(self, files, tmp_path):
        result = converter(files["float"], "--variant", tmp_path / "no.tflite", "--out", tmp_path)
        assert result.returncode == 2
        assert result.stderr.startswith("error: run: no.tflite: --variant expects a .tflite file")

    def test_beside_a_tensorflow_model(self, keras_file, tflite_file, tmp_path):
        found, result = run(
            tmp_path, keras_file, "--recipes", "", "--variant", tflite_file,
            "--variant", tflite_file,
        )  # fmt: skip
        rows = by_recipe(found)
        assert list(rows) == ["cnn", "cnn_2"]
        assert found["settings"]["source"]["original"] == "tensorflow"
        for row in rows.values():
            assert row["status"] == "ok", row["error"]
            assert math.isfinite(row["drift"]["max_abs_error"])
            assert row["latency"]["p50_ms"] > 0
        assert "the original is a warmed tf.function" in result.stdout
        assert "holds the same as cnn" in " ".join(rows["cnn_2"]["audit"]["notes"])


@pytest.mark.parametrize(
    ("kind", "recipe"),
    [("float", "int8_full"), ("float", "int4_weight_only"), ("unsigned", "int8")],
)
def test_the_script_rebuilds_the_same_bytes_without_litedrift(
    kind, recipe, files, float_run, formed, tmp_path
):
    found, out = (float_run[0], float_run[2]) if kind == "float" else formed(kind)
    row = by_recipe(found)[recipe]
    calibration = [out / "calibration.npz"] if row["flags"]["calibrate"] else []
    target = tmp_path / "again.tflite"
    again = subprocess.run(
        [sys.executable, "-I", out / f"rebuild_{recipe}.py", files[kind], *calibration, "-o",
         target],
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "identical to the run's file" in again.stdout
    assert file_sha256(target) == row["sha256"]


def test_the_script_refuses_another_file(float_run, files, tmp_path):
    _, _, out = float_run
    again = subprocess.run(
        [sys.executable, out / "rebuild_float16.py", files["other"], "-o", tmp_path / "x.tflite"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert again.returncode != 0
    assert "not the model of the run" in again.stderr


@pytest.mark.parametrize("worker", ["tflite_model", "requantization", "given_file", "evaluation"])
def test_no_worker_of_such_a_run_imports_tensorflow(worker):
    code = (
        "import sys; sys.argv += ['--reply-fd', '1']\n"
        f"import converter.workers.{worker}\n"
        "print({'tensorflow', 'keras', 'tf_keras'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT
    )
    assert answer.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "name",
    ["AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess",
     "aeq.hadamard_rotation"],
)  # fmt: skip
def test_custom_operators_that_litert_has_are_known(name, tmp_path):
    """The list in `tflite_file` is LiteRT's: what it does not have it calls unresolved."""
    path = write_custom(tmp_path / "custom.tflite", name.encode())
    assert count_operators(read_tflite(path).operators).missing_kernels == []
    assert "unresolved custom op" not in trouble_with(path)


def test_custom_operators_that_litert_lacks_are_unresolved(tmp_path):
    assert "unresolved custom op" in trouble_with(write_custom(tmp_path / "custom.tflite"))


def trouble_with(path):
    """Return what LiteRT says of a file; in a child, for some operators crash on these inputs."""
    code = (
        "import sys; from pathlib import Path; from converter.litert_model import LitertModel\n"
        "try: LitertModel(Path(sys.argv[1]))\n"
        "except Exception as error: print(error.details)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=False,
        cwd=PROJECT_ROOT,
    )  # fmt: skip
    return answer.stdout
