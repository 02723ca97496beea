"""Whole runs in real child processes: what comes out, and what one bad variant costs the others."""

import json
import subprocess
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from converter.child_process import PROJECT_ROOT
from converter.errors import DataError, ModelFileError, RunCancelledError
from converter.model_options import ModelOptions
from converter.pipeline import run_comparison
from converter.rebuild_script import build_rebuild_script
from converter.recipe import PRESETS, Recipe
from converter.request import RunRequest

SAMPLES = PROJECT_ROOT / "sample_models"


def request(path, recipes, **more):
    settings = {"samples": 20, "calibration_samples": 10, "runs": 3, **more}
    chosen = tuple(PRESETS[r] if isinstance(r, str) else r for r in recipes)
    return RunRequest(model_path=path, model_name=path.name, recipes=chosen, **settings)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Small models that the samples do not cover, made by the float-model worker's own stack."""
    import keras
    from keras import layers

    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(1)
    keras.Sequential([layers.Input((12, 3)), layers.LSTM(8), layers.Dense(2)]).save(
        folder / "lstm.keras"
    )
    keras.Sequential([layers.Input(batch_shape=(4, 6)), layers.Dense(3)]).save(
        folder / "batch_of_four.keras"
    )
    stateful = layers.GRU(4, stateful=True)
    keras.Sequential([layers.Input(batch_shape=(1, 5, 2)), stateful, layers.Dense(1)]).save(
        folder / "stateful.keras"
    )
    x = mixed_input = keras.Input((6,))
    for units, policy in ((8, "mixed_float16"), (2, "float32")):
        x = layers.Dense(units, activation="tanh", dtype=policy)(x)
    keras.Model(mixed_input, x).save(folder / "mixed.keras")
    inputs = [keras.Input((3,), name=name) for name in ("zeta", "alpha")]
    merged = layers.Add()([layers.Dense(4, name=f"of_{each.name}")(each) for each in inputs])
    outputs = {
        f"head_{index}": layers.Dense(1, name=f"dense_{index}")(merged) for index in range(12)
    }
    keras.Model(inputs, outputs).save(folder / "twelve_heads.keras")
    return folder


def test_a_crash_of_the_converter_costs_its_own_variant_alone(models, tmp_path):
    result = run_comparison(
        request(models / "lstm.keras", ["float32", "int8", "float16"]), tmp_path
    )
    by_name = {variant.recipe: variant for variant in result.variants}
    assert by_name["int8"].status == "failed"
    assert by_name["int8"].error.startswith("the converter crashed (SIGSEGV) while building int8;")
    assert "--unroll" in by_name["int8"].error
    for name in ("float32", "float16"):
        assert by_name[name].status == "ok"
        assert by_name[name].latency.runs == 3
        assert by_name[name].drift.sqnr_db > 40
    assert json.loads((tmp_path / "comparison.json").read_text())["variants"][1]["error"]


def test_the_way_round_the_crash_works(models, tmp_path):
    result = run_comparison(
        request(
            models / "lstm.keras", ["float32", "int8"], model_options=ModelOptions(unroll=True)
        ),
        tmp_path,
    )
    float32, int8 = result.variants
    assert float32.drift.sqnr_db > 100
    assert int8.status == "ok"
    assert int8.audit.integer_ops > 0
    assert any("unrolled" in note for note in result.model.notes)


@pytest.mark.parametrize("name", ["mixed.keras", "stateful.keras"])
def test_models_that_tflite_cannot_take_are_rebuilt_with_a_note(models, tmp_path, name):
    result = run_comparison(request(models / name, ["float32"]), tmp_path)
    assert result.variants[0].status == "ok"
    assert result.variants[0].drift.sqnr_db > 100
    assert any("rebuilt" in note for note in result.model.notes)
    script = build_rebuild_script(result, result.variants[0])
    path = tmp_path / "rebuild.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, path, models / name, "-o", tmp_path / "again.tflite"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1500:]


def test_a_file_that_does_not_allocate_is_a_failed_row_that_keeps_its_size(tmp_path, models):
    import keras

    path = models / "overflow.keras"
    x = inputs = keras.Input((8, 8, 3))
    keras.utils.set_random_seed(0)
    for _ in range(2):
        x = keras.layers.DepthwiseConv2D(
            3, depthwise_initializer=keras.initializers.Constant(1e-6)
        )(x)
        x = keras.layers.BatchNormalization(beta_initializer=keras.initializers.Constant(3e4))(x)
    keras.Model(inputs, x).save(path)
    result = run_comparison(request(path, ["int16x8", "float32"]), tmp_path / "o")
    assert result.variants[1].status == "ok"
    failed = result.variants[0]
    if failed.status == "failed":  # which file LiteRT refuses is its own business, not ours
        assert "int16x8" in failed.error
        assert failed.size_bytes == (tmp_path / "o" / "int16x8.tflite").stat().st_size


def test_twelve_outputs_and_two_inputs_are_paired_by_name(models, tmp_path):
    rng = np.random.default_rng(3)
    data = tmp_path / "data.npz"
    np.savez(
        data,
        zeta=rng.normal(size=(40, 3)).astype("f"),
        alpha=(rng.normal(size=(40, 3)) * 9).astype("f"),
        y_head_10=np.zeros(40),
    )
    result = run_comparison(
        request(models / "twelve_heads.keras", ["float32", "int8_full"], data_path=data,
                data_name="data.npz"),
        tmp_path,
    )  # fmt: skip
    names = [f"head_{index}" for index in range(12)]
    assert [spec.name for spec in result.model.outputs] == names
    assert [spec.name for spec in result.model.inputs] == ["zeta", "alpha"]
    float32, int8_full = result.variants
    assert list(float32.output_drift) == names
    assert float32.drift.sqnr_db > 100
    with np.load(tmp_path / "calibration.npz") as archive:
        ranges = {name: np.ptp(np.append(archive[name], 0)) for name in archive.files}
    assert list(result.reference.output_accuracy) == ["head_10"]
    interpreter = Interpreter(model_path=str(tmp_path / "int8_full.tflite"))
    details = interpreter.get_signature_runner().get_input_details()
    assert set(details) == {"zeta", "alpha"}
    # Scales that were calibrated on the other input's samples would be off ninefold.
    for name, detail in details.items():
        assert detail["quantization"][0] == pytest.approx(ranges[name] / 255, rel=0.01)
    assert int8_full.status == "ok"


def test_a_fixed_batch_is_kept_and_samples_beyond_it_are_measured(models, tmp_path):
    result = run_comparison(
        request(models / "batch_of_four.keras", ["float32"], samples=10), tmp_path
    )
    assert result.model.inputs[0].shape == (4, 6)
    assert result.data.evaluation_samples == 10
    assert result.variants[0].drift.max_abs_error < 1e-5


def test_calibration_and_evaluation_samples_are_disjoint_and_recorded(tmp_path):
    folder = SAMPLES / "wine_two_inputs"
    ask = request(folder / "wine_two_inputs.keras", ["int8"], data_path=folder / "data.npz",
                  data_name="data.npz", samples=30, calibration_samples=20, seed=5)  # fmt: skip
    first = run_comparison(ask, tmp_path / "a")
    again = run_comparison(ask, tmp_path / "b")
    assert (first.data.calibration_samples, first.data.evaluation_samples) == (20, 30)
    assert first.data.seed == 5
    assert first.variants[0].sha256 == again.variants[0].sha256
    assert first.variants[0].drift == again.variants[0].drift
    assert (tmp_path / "a" / "calibration.npz").is_file()


def test_flags_that_changed_nothing_are_said_to_have_changed_nothing(models, tmp_path):
    same = Recipe(name="same", allow_custom_ops=True)
    result = run_comparison(request(models / "batch_of_four.keras", ["float32", same]), tmp_path)
    notes = result.variants[1].audit.notes
    assert any("holds the same as float32" in note for note in notes)
    assert any("Custom ops allowed had no effect" in note for note in notes)


def test_nan_in_the_calibration_data_fails_integer_variants_only(models, tmp_path):
    x = np.ones((40, 6), "f")
    x[:, 3] = np.nan
    data = tmp_path / "holes.npy"
    np.save(data, x)
    result = run_comparison(
        request(models / "batch_of_four.keras", ["dynamic_range", "int8"], data_path=data,
                data_name="holes.npy"),
        tmp_path / "o",
    )  # fmt: skip
    dynamic, int8 = result.variants
    assert int8.status == "failed"
    assert "NaN" in int8.error
    assert dynamic.status == "ok"
    assert dynamic.drift.non_finite_count > 0
    assert any("NaN" in note for note in result.data.notes)
    assert json.loads((tmp_path / "o" / "comparison.json").read_text())


def test_no_calibration_samples_fails_integer_variants_with_the_reason(tmp_path, models):
    result = run_comparison(
        request(models / "batch_of_four.keras", ["float32", "int8"], calibration_samples=0),
        tmp_path,
    )
    assert result.variants[0].status == "ok"
    assert "calibration needs at least one sample" in result.variants[1].error


def test_a_frozen_graph_runs_between_the_names_that_are_asked(tmp_path):
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, (None, 4), name="x")
        hidden = tf.nn.relu(tf.matmul(x, tf.ones((4, 3))), name="hidden")
        tf.nn.softmax(hidden, name="probabilities")
    path = tmp_path / "frozen.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    whole = run_comparison(request(path, ["float32"]), tmp_path / "whole")
    part = run_comparison(
        request(
            path,
            ["float32"],
            model_options=ModelOptions(input_tensors=("x",), output_tensors=("hidden:0",)),
        ),
        tmp_path / "part",
    )
    assert [spec.name for spec in whole.model.outputs] == ["probabilities"]
    assert [spec.name for spec in part.model.outputs] == ["hidden"]
    assert part.variants[0].drift.max_abs_error < 1e-6


def test_progress_names_every_stage_and_ends_done(models, tmp_path):
    seen = []
    run_comparison(
        request(models / "batch_of_four.keras", ["float32"]), tmp_path,
        lambda progress: seen.append((progress.status, progress.stage, progress.fraction)),
    )  # fmt: skip
    stages = {stage for _, stage, _ in seen}
    for stage in ("load", "freeze", "reference outputs", "convert float32", "evaluate float32",
                  "measure original, turn 1 of 3", "measure float32, turn 3 of 3"):  # fmt: skip
        assert stage in stages
    fractions = [fraction for _, _, fraction in seen]
    assert fractions == sorted(fractions)
    assert seen[-1][0] == "done"
    assert seen[-1][2] == 1.0


def test_cancelling_ends_the_run_and_its_children(models, tmp_path):
    import psutil

    before = {child.pid for child in psutil.Process().children(recursive=True)}

    def cancel(progress):
        if progress.stage.startswith("convert") and progress.is_active:
            raise RunCancelledError("The run was cancelled.")

    with pytest.raises(RunCancelledError):
        run_comparison(request(models / "lstm.keras", ["float32"]), tmp_path, cancel)
    after = {child.pid for child in psutil.Process().children(recursive=True)}
    assert after <= before
    assert not (tmp_path / "comparison.json").exists()


def test_wrong_input_fails_the_run_with_the_reason(tmp_path):
    (tmp_path / "no.keras").write_text("no model")
    states = []
    with pytest.raises(ModelFileError, match=r"no\.keras"):
        run_comparison(
            request(tmp_path / "no.keras", ["float32"]),
            tmp_path / "o",
            lambda progress: states.append((progress.status, progress.error)),
        )
    assert states[-1][0] == "failed"
    assert "no.keras" in states[-1][1]
    np.save(tmp_path / "wrong.npy", np.zeros((4, 5), "f"))
    with pytest.raises(DataError, match=r"wrong\.npy"):
        run_comparison(
            request(SAMPLES / "digits_cnn" / "digits_cnn.keras", ["float32"],
                    data_path=tmp_path / "wrong.npy", data_name="wrong.npy"),
            tmp_path / "o",
        )  # fmt: skip


def test_a_model_cannot_write_outside_the_scratch_folder_of_its_run(tmp_path):
    import tensorflow as tf

    out = tmp_path / "out"
    target = out / "comparison.json"
    stranger = tmp_path / "stranger"

    class Writer(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 2), tf.float32, name="x")])
        def serve(self, x):
            tf.io.write_file(str(stranger), "owned")
            tf.io.write_file(str(target), "owned")
            return {"y": x + 1.0}

    module = Writer()
    tf.saved_model.save(module, str(tmp_path / "hostile"), signatures=module.serve)
    with pytest.raises(ModelFileError) as caught:
        run_comparison(request(tmp_path / "hostile", ["float32"]), out)
    assert "hostile" in str(caught.value)
    assert not stranger.exists()
    assert not target.exists()
