"""Every kind of model that people bring goes through a whole run, and its numbers are the model's.

Each test builds a tiny model, runs it, and holds what the converted file answers against what the
model itself answered before it was saved. Where each kind is covered:

- Keras 2 `.h5` with depthwise `groups`, sequential and functional, string losses, training state,
  mixed precision; Keras 3 mixed bfloat16; content under the wrong suffix: here. Mixed float16 and
  stateful recurrent layers of Keras 3: test_pipeline.py.
- SavedModels of TensorFlow 1, of Keras 2 with optimizer slots in a Mac's zip, without signatures:
  here. Of Keras 3, and several signatures: test_float_model.py, test_saved_model_file.py.
- Frozen graphs and the names they offer: test_pipeline.py, test_frozen_graph_file.py. A `.tflite`
  as the starting point: test_requantizer.py and its neighbours.
- Dict and integer inputs, embeddings, lookup tables, scalars, open sizes, recurrent layers,
  attention, state, layers that are random in training, operators outside TFLite, text: here.
- Twelve outputs and two inputs by name, a fixed batch, and the converter's crash on integer
  recurrent layers: test_pipeline.py.
"""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from converter.errors import ModelFileError
from converter.frozen_constants import TABLES_NOTE
from converter.model_options import ModelOptions, parse_dimensions
from converter.pipeline import run_comparison
from converter.recipe import find_recipes
from converter.request import RunRequest
from tests.converter import odd_keras_2_models, odd_models, odd_saved_models

CHECKED = 4


@pytest.fixture
def compare(tmp_path):
    """Return a function that carries out a run of a model on its own samples."""

    def run(odd, *recipes, **options):
        data = tmp_path / "data.npz"
        np.savez(data, **odd.samples)
        request = RunRequest(
            model_path=odd.path,
            model_name=odd.path.name,
            data_path=data,
            data_name=data.name,
            recipes=tuple(find_recipes(recipes or ("float32",))),
            runs=1,
            model_options=ModelOptions(**options),
        )
        comparison = run_comparison(request, tmp_path / "out")
        check_file(odd, comparison, tmp_path / "out" / "float32.tflite")
        return comparison

    return run


def check_file(odd, comparison, path):
    """Hold the float32 file, run by itself, and the run's own figures against the original."""
    variant = comparison.variant("float32")
    assert variant.status == "ok", variant.error
    assert variant.runnable
    assert variant.drift.sqnr_db > 80
    assert variant.latency.runs == 1
    # The rebuilt model computes in float32 what the original computed in 8 or 11 bits.
    rebuilt = "float32" in comparison.settings["source"]["changes"]
    slack = 0.05 if rebuilt else 1e-4
    inputs = {spec.name: spec.shape for spec in comparison.model.inputs}
    for index in range(CHECKED):
        # State, where there is any, begins anew with each interpreter.
        runner = Interpreter(model_path=str(path)).get_signature_runner()
        one = {
            name: array[index] if not inputs[name] else array[index : index + 1]
            for name, array in odd.samples.items()
        }
        found = runner(**one)
        assert set(found) == set(odd.outputs)
        for name, expected in odd.outputs.items():
            np.testing.assert_allclose(
                np.reshape(found[name], -1), expected[index], rtol=slack, atol=slack
            )


# Keras


def test_keras_2_sequential_with_depthwise_groups_and_a_string_loss(compare, tmp_path):
    comparison = compare(odd_keras_2_models.keras_2_sequential(tmp_path))
    assert comparison.settings["source"]["loader"] == "tf_keras"
    assert comparison.model.size_without_optimizer_bytes < comparison.model.size_bytes


def test_keras_2_functional_with_custom_training_state(compare, tmp_path):
    compare(odd_keras_2_models.keras_2_functional(tmp_path))


def test_keras_2_in_mixed_float16_with_a_loss_scale(compare, tmp_path):
    comparison = compare(odd_keras_2_models.keras_2_mixed(tmp_path))
    assert any("rebuilt in float32" in note for note in comparison.model.notes)


def test_keras_3_in_mixed_bfloat16(compare, tmp_path):
    comparison = compare(odd_models.bfloat16(tmp_path))
    assert any("rebuilt in float32" in note for note in comparison.model.notes)


@pytest.mark.parametrize(("index", "kind"), [(0, "keras"), (1, "h5")])
def test_the_content_counts_not_the_suffix(compare, tmp_path, index, kind):
    odd = odd_models.swapped_names(tmp_path)[index]
    comparison = compare(odd)
    assert comparison.model.format == kind
    assert any("the content counts" in note for note in comparison.model.notes)


def test_layers_that_are_random_in_training_stay_off(compare, tmp_path):
    compare(odd_models.random_in_training(tmp_path))


def test_recurrent_layers_over_open_steps_unroll_to_integers(compare, tmp_path):
    comparison = compare(odd_models.recurrent(tmp_path), "float32", "int8", unroll=True)
    assert comparison.model.inputs[0].shape == (1, 5, 3)
    assert any("5 by the data" in note for note in comparison.model.notes)
    int8 = comparison.variant("int8")
    assert int8.status == "ok", int8.error
    assert int8.audit.integer_ops > 0


def test_recurrent_layers_as_they_are(compare, tmp_path):
    compare(odd_models.recurrent(tmp_path), "float32", "dynamic_range")


def test_attention_over_embedded_tokens(compare, tmp_path):
    comparison = compare(odd_models.transformer(tmp_path), "float32", "int8")
    assert comparison.model.inputs[0].dtype == "int32"
    assert comparison.variant("int8").drift.sqnr_db > 15


def test_open_sizes_are_those_that_the_person_chose(compare, tmp_path):
    odd = odd_models.fully_convolutional(tmp_path)
    chosen = (parse_dimensions("image=1,10,14,3"),)
    comparison = compare(odd, "float32", "float16", dimensions=chosen)
    assert comparison.model.inputs[0].shape == (1, 10, 14, 3)


# Inputs and outputs


def test_a_dict_of_integers(compare, tmp_path):
    comparison = compare(odd_models.integer_category(tmp_path), "float32", "int8")
    assert {s.name: s.dtype for s in comparison.model.inputs} == {"kind": "int32", "words": "int64"}
    assert set(comparison.variant("int8").output_drift) == {"scores", "amount"}


def test_integers_looked_up_in_tables_of_a_saved_model(compare, tmp_path):
    comparison = compare(odd_saved_models.integer_lookup(tmp_path), "float32", "int8")
    assert TABLES_NOTE in comparison.model.notes
    assert comparison.variant("int8").status == "ok"


def test_integers_looked_up_by_a_keras_layer(compare, tmp_path):
    comparison = compare(odd_models.integer_lookup_layer(tmp_path))
    assert TABLES_NOTE in comparison.model.notes


def test_a_scalar_in_and_a_scalar_out(compare, tmp_path):
    comparison = compare(odd_saved_models.scalar_output(tmp_path))
    assert {s.name: s.shape for s in comparison.model.outputs}["total"] == ()


def test_text_is_refused_with_what_would_help(tmp_path):
    path = odd_saved_models.text_model(tmp_path)
    with pytest.raises(ModelFileError, match=r"'text' takes string values.*cut the model behind"):
        run_without_data(path, tmp_path)


# SavedModels


def test_tensorflow_1_with_reference_variables(compare, tmp_path):
    comparison = compare(odd_saved_models.tf1_simple(tmp_path), "float32", "dynamic_range")
    assert comparison.variant("dynamic_range").status == "ok"


def test_tensorflow_1_with_an_initializer_and_a_step(compare, tmp_path):
    compare(odd_saved_models.tf1_builder(tmp_path))


def test_keras_2_with_optimizer_slots_one_folder_deep_beside_macosx(compare, tmp_path):
    comparison = compare(odd_keras_2_models.keras_2_export(tmp_path))
    assert comparison.model.format == "saved_model"
    assert comparison.model.size_without_optimizer_bytes < comparison.model.size_bytes * 20


def test_without_signatures_is_refused_with_what_would_help(tmp_path):
    path = odd_saved_models.without_signature(tmp_path)
    with pytest.raises(
        ModelFileError, match=r"without_signature: .*signature, found none.*; export .*signatur"
    ):
        run_without_data(path, tmp_path)


def test_state_that_a_call_changes_starts_anew_for_each_sample(compare, tmp_path):
    comparison = compare(odd_saved_models.stateful_module(tmp_path))
    assert any("keeps state" in note for note in comparison.model.notes)
    assert comparison.variant("float32").audit.is_stateful


# Operators outside TFLite


def run_without_data(path, tmp_path, *recipes):
    request = RunRequest(
        model_path=path,
        model_name=path.name,
        recipes=tuple(find_recipes(recipes or ("float32",))),
        samples=4,
        runs=1,
    )
    return run_comparison(request, tmp_path / "out")


def test_an_operator_outside_tflite_is_named_with_its_layer_and_has_a_size_with_select_tf(tmp_path):
    path = odd_saved_models.beyond_tflite(tmp_path)
    comparison = run_without_data(path, tmp_path, "float32", "float32_select_tf")
    refused, select_tf = comparison.variants
    assert refused.status == "failed"
    assert "MatrixDeterminant (from 'encoder/whiten'); switch on SELECT_TF_OPS" in refused.error
    assert select_tf.status == "ok"
    assert not select_tf.runnable
    assert select_tf.size_bytes == (tmp_path / "out" / "float32_select_tf.tflite").stat().st_size
    assert select_tf.latency is select_tf.drift is select_tf.accuracy is None
    assert select_tf.audit.missing_kernels == ["FlexMatrixDeterminant"]
    (flag,) = select_tf.audit.flags
    assert "1 FlexMatrixDeterminant; beside them are 1 FULLY_CONNECTED" in flag["found"]
    assert any("this runtime has none" in note for note in select_tf.audit.notes)


def test_an_operator_outside_select_tf_too_is_told_apart(tmp_path):
    path = odd_models.beyond_select_tf(tmp_path)
    comparison = run_without_data(path, tmp_path, "float32", "float32_select_tf")
    float32, select_tf = (variant.error for variant in comparison.variants)
    assert "no builtin operator for MatrixDeterminant" in float32
    assert "not even its TensorFlow operators know Erfinv (from 'odd_1/erfinv')" in float32
    assert "neither TFLite nor its TensorFlow operators know Erfinv" in select_tf
    assert "MatrixDeterminant" not in select_tf
