"""SavedModels read from their protobuf alone, whole and hostile."""

from __future__ import annotations

import contextlib
import zipfile

import numpy as np
import pytest

from converter.errors import ModelFileError
from converter.saved_model_file import (
    SAVED_MODEL_PB,
    dtype_name,
    extract_saved_model,
    find_saved_model_prefix,
    read_saved_model,
)
from converter.signature import TensorSpec
from tests.converter.example_models import zip_folder
from tests.converter.read_or_refused import read_or_refused


def load_proto(folder):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    proto = SavedModel()
    proto.ParseFromString((folder / SAVED_MODEL_PB).read_bytes())
    return proto


def write_proto(folder, proto):
    folder.mkdir(exist_ok=True)
    (folder / SAVED_MODEL_PB).write_bytes(proto.SerializeToString())
    return folder


class TestAgainstTheModel:
    def test_parameters_of_an_export_of_keras_3(self, saved_model_folder, plain_cnn):
        facts = read_saved_model(saved_model_folder)
        assert facts.parameters == plain_cnn.count_params()
        assert facts.parameter_bytes == 4 * plain_cnn.count_params()
        assert facts.optimizer_bytes == 0

    def test_optimizer_state_of_keras_2_is_counted_apart(self, keras2_saved_model, keras2_mlp):
        facts = read_saved_model(keras2_saved_model)
        assert facts.parameters == keras2_mlp.count_params()
        trainable = sum(int(np.prod(weight.shape)) for weight in keras2_mlp.trainable_weights)
        assert 0 < facts.optimizer_bytes - 2 * 4 * trainable <= 16

    def test_the_signature(self, saved_model_folder):
        facts = read_saved_model(saved_model_folder)
        assert facts.signature_key == "serving_default"
        assert facts.inputs == [TensorSpec("image", (None, 8, 8, 1), "float32")]
        assert facts.outputs == [TensorSpec("output_0", (None, 3), "float32")]

    def test_operators_inside_functions_are_listed(self, saved_model_folder):
        operators = read_saved_model(saved_model_folder).operators
        assert {"Conv2D", "MatMul", "Softmax"} <= set(operators)
        assert operators == sorted(operators)

    def test_the_version_is_that_of_the_writer(self, saved_model_folder):
        import tensorflow as tf

        assert read_saved_model(saved_model_folder).tensorflow_version == tf.__version__

    def test_dtypes_shapes_and_signatures_of_a_module(self, tmp_path):
        import tensorflow as tf

        class Module(tf.Module):
            def __init__(self):
                super().__init__()
                self.half = tf.Variable(tf.zeros((3, 2), tf.float16))
                self.whole = tf.Variable(tf.zeros((5,), tf.int64))
                self.text = tf.Variable("abc")

            @tf.function(
                input_signature=[
                    tf.TensorSpec(None, tf.int32, name="any"),
                    tf.TensorSpec((), tf.bool, name="flag"),
                ]
            )
            def first(self, any, flag):  # noqa: A002 - a hostile enough name
                return {"b": tf.cast(any, tf.float64), "a": flag}

            @tf.function(input_signature=[tf.TensorSpec((2, None), tf.uint8, name="x")])
            def second(self, x):
                return {"y": x}

        module = Module()
        tf.saved_model.save(
            module, str(tmp_path / "m"), signatures={"zeta": module.second, "alpha": module.first}
        )
        facts = read_saved_model(tmp_path / "m")
        assert facts.signature_keys == ["alpha", "zeta"]
        assert facts.signature_key == "alpha"
        assert facts.signature_tensors == {
            "alpha": {"inputs": ["any", "flag"], "outputs": ["a", "b"]},
            "zeta": {"inputs": ["x"], "outputs": ["y"]},
        }
        assert facts.inputs == [TensorSpec("any", None, "int32"), TensorSpec("flag", (), "bool")]
        assert [(spec.name, spec.dtype) for spec in facts.outputs] == [
            ("a", "bool"),
            ("b", "float64"),
        ]
        assert facts.parameters == 6 + 5
        assert facts.parameter_bytes == 6 * 2 + 5 * 8


class TestZip:
    def test_beside_what_a_mac_adds(self, saved_model_zip):
        assert find_saved_model_prefix(saved_model_zip) == "my model/"

    def test_without_a_saved_model(self, tmp_path):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("notes.txt", "")
        assert find_saved_model_prefix(path) is None
        with pytest.raises(ModelFileError, match=r"a\.zip: expected a saved_model\.pb"):
            extract_saved_model(path, tmp_path / "target")

    def test_with_two_is_refused(self, saved_model_folder, tmp_path):
        graph = (saved_model_folder / SAVED_MODEL_PB).read_bytes()
        path = zip_folder(
            saved_model_folder, tmp_path / "a.zip", "one/", {"two/saved_model.pb": graph}
        )
        with pytest.raises(
            ModelFileError, match=r"expected one .* found 2 \('one/saved_model\.pb', 'two/"
        ):
            read_saved_model(path)

    def test_unpacked_it_is_the_folder(self, saved_model_zip, saved_model_folder, tmp_path):
        folder = extract_saved_model(saved_model_zip, tmp_path / "target")
        found = {
            p.relative_to(folder).as_posix(): p.read_bytes()
            for p in folder.rglob("*")
            if p.is_file()
        }
        assert found == {
            p.relative_to(saved_model_folder).as_posix(): p.read_bytes()
            for p in saved_model_folder.rglob("*")
            if p.is_file()
        }

    def test_says_what_the_folder_says(self, saved_model_zip, saved_model_folder):
        assert read_saved_model(saved_model_zip) == read_saved_model(saved_model_folder)

    def test_no_member_is_unpacked_outside(self, saved_model_folder, tmp_path):
        evil = tmp_path / "evil"
        path = zip_folder(saved_model_folder, tmp_path / "a.zip", "m/", {f"m/{evil}": b"evil"})
        with contextlib.suppress(ModelFileError):
            extract_saved_model(path, tmp_path / "target")
        assert not evil.exists()


class TestRefused:
    @pytest.mark.parametrize("content", [b"\xff" * 20, b"junk"], ids=["bytes", "text"])
    def test_bytes_that_are_no_protobuf(self, tmp_path, content):
        (tmp_path / SAVED_MODEL_PB).write_bytes(content)
        with pytest.raises(ModelFileError, match="expected a SavedModel"):
            read_saved_model(tmp_path)

    def test_no_graph_for_serving(self, saved_model_folder, tmp_path):
        proto = load_proto(saved_model_folder)
        proto.meta_graphs[0].meta_info_def.tags[:] = ["train"]
        with pytest.raises(ModelFileError, match="tag 'serve', found train"):
            read_saved_model(write_proto(tmp_path / "m", proto))

    def test_an_empty_protobuf(self, tmp_path):
        (tmp_path / SAVED_MODEL_PB).write_bytes(b"")
        with pytest.raises(ModelFileError, match="found no tags"):
            read_saved_model(tmp_path)

    def test_a_signature_without_inputs_is_none(self, tmp_path):
        import tensorflow as tf

        class Module(tf.Module):
            @tf.function(input_signature=[])
            def version(self):
                return {"v": tf.constant([3.0])}

            @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32, name="x")])
            def double(self, x):
                return {"y": 2 * x}

        module = Module()
        both = {"a_version": module.version, "double": module.double}
        tf.saved_model.save(module, str(tmp_path / "both"), signatures=both)
        assert read_saved_model(tmp_path / "both").signature_keys == ["double"]
        tf.saved_model.save(module, str(tmp_path / "one"), signatures=module.version)
        with pytest.raises(ModelFileError, match="found none with inputs and outputs"):
            read_saved_model(tmp_path / "one")

    def test_no_signature(self, tmp_path):
        import tensorflow as tf

        module = tf.Module()
        module.v = tf.Variable(1.0)
        tf.saved_model.save(module, str(tmp_path / "m"))
        with pytest.raises(ModelFileError, match="at least one serving signature, found none"):
            read_saved_model(tmp_path / "m")


def change_input_dtype(graph):
    graph.signature_def["serving_default"].inputs["image"].dtype = 999


def change_variable_dtype(graph):
    for node in graph.object_graph_def.nodes:
        if node.WhichOneof("kind") == "variable":
            node.variable.dtype = 999


def make_variables_quantized(graph):
    for node in graph.object_graph_def.nodes:
        if node.WhichOneof("kind") == "variable":
            node.variable.dtype = 11  # DT_QINT8


def make_variables_endless(graph):
    for node in graph.object_graph_def.nodes:
        if node.WhichOneof("kind") == "variable":
            del node.variable.shape.dim[:]
            for _ in range(4):
                node.variable.shape.dim.add().size = 2**40


def point_children_nowhere(graph):
    for node in graph.object_graph_def.nodes:
        for child in node.children:
            child.node_id = 10**6


def point_slots_nowhere(graph):
    for node_id in (-5, 10**6):
        slot = graph.object_graph_def.nodes[0].slot_variables.add()
        slot.slot_variable_node_id = node_id


def make_a_circle(graph):
    child = graph.object_graph_def.nodes[0].children.add()
    child.node_id, child.local_name = 0, "me"


class TestHostile:
    @pytest.mark.parametrize(
        "change",
        [
            change_input_dtype,
            change_variable_dtype,
            make_variables_quantized,
            make_variables_endless,
            point_children_nowhere,
            point_slots_nowhere,
            make_a_circle,
        ],
        ids=lambda change: change.__name__,
    )
    def test_any_protobuf_is_read_or_refused(self, saved_model_folder, tmp_path, change):
        proto = load_proto(saved_model_folder)
        change(proto.meta_graphs[0])
        folder = write_proto(tmp_path / "m", proto)
        facts = read_or_refused(lambda: read_saved_model(folder), "m: ")
        if facts is not None:
            assert min(facts.parameters, facts.parameter_bytes, facts.optimizer_bytes) >= 0


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "float32"),
        (2, "float64"),
        (3, "int32"),
        (4, "uint8"),
        (6, "int8"),
        (7, "string"),
        (9, "int64"),
        (10, "bool"),
        (14, "bfloat16"),
        (19, "float16"),
        (20, "resource"),
    ],
)
def test_dtype_names_are_those_of_tensorflow(number, name):
    import tensorflow as tf

    assert dtype_name(number) == name == tf.as_dtype(number).name
