"""Screening: every usual model passes, every hostile one is refused in one telling sentence."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import flatbuffers
import h5py
import numpy as np
import pytest

from converter.errors import ModelFileError
from converter.model_file import detect_format
from converter.refused_operators import may_lie_dormant, operator_reaches
from converter.screening import screen_model
from converter.screening_keras import keras_class_names
from converter.tensorflow_protos import import_proto
from tests.converter import example_models

SAMPLES = Path(__file__).parents[2] / "sample_models"


def screen(path: Path) -> None:
    screen_model(path, detect_format(path))


def refusal(path: Path, model_format: str | None = None) -> str:
    """Return the one sentence in which a model is refused."""
    with pytest.raises(ModelFileError) as refused:
        screen_model(path, model_format or detect_format(path))
    message = str(refused.value)
    assert message.startswith(f"{path.name}: ")
    assert "\n" not in message
    assert message.endswith(".")
    return message


# --- Models that people bring ---------------------------------------------------------------


def save_keras(model, folder: Path, name: str, module) -> list[Path]:
    """Save a model in every format that its Keras offers."""
    paths = [folder / f"{name}.keras", folder / f"{name}.h5", folder / f"{name}_saved"]
    model.save(paths[0])
    model.save(paths[1])
    if module.__name__ == "keras":
        model.export(paths[2], verbose=False)
    else:
        model.save(paths[2], save_format="tf")
    return paths


def sequence_model(module):
    """LSTM, GRU, attention and operators on tensors, which either Keras wraps in its own way."""
    import tensorflow as tf

    layers = module.layers
    steps = module.Input((6, 4), name="steps")
    x = layers.LSTM(4, return_sequences=True)(steps)
    x = layers.GRU(4, return_sequences=True)(x)
    x = layers.MultiHeadAttention(2, 2)(x, x)
    x = layers.LayerNormalization()(x)
    mean = module.ops.mean if module.__name__ == "keras" else tf.reduce_mean
    x = mean(x, axis=1) * 2.0 + 1.0
    x = layers.Dense(3, activation=module.activations.softmax, kernel_regularizer="l2")(x[:, 1:])
    model = module.Model(steps, x)
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    return model


def lookup_model(module, vocabulary):
    """Text and category preprocessing, with one table from a file, one given and one learned."""
    layers = module.layers
    words = module.Input((1,), dtype="string", name="words")
    codes = module.Input((1,), dtype="int64", name="codes")
    texts = module.Input((1,), dtype="string", name="texts")
    learned = layers.StringLookup(output_mode="one_hot")
    learned.adapt(np.array([["a"], ["b"], ["c"]]))
    vectorize = layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=4)
    return module.Model(
        [words, codes, texts],
        [
            layers.StringLookup(vocabulary=vocabulary, output_mode="one_hot")(words),
            learned(words),
            layers.IntegerLookup(vocabulary=[1, 2, 3], output_mode="one_hot")(codes),
            vectorize(texts),
        ],
    )


def image_model(module):
    """Preprocessing of images and a model within the model."""
    layers = module.layers
    inner = module.Sequential([module.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.ReLU()])
    inner.compile(optimizer="sgd", loss="mse")
    normalization = layers.Normalization(axis=-1)
    normalization.adapt(np.ones((2, 8, 8, 1)))
    image = module.Input((8, 8, 1), name="image")
    x = layers.Rescaling(1 / 255)(image)
    x = layers.RandomFlip()(normalization(x))
    x = layers.Flatten()(inner(x))
    return module.Model(image, layers.Dense(2)(x))


@pytest.fixture(scope="module")
def usual_models(tmp_path_factory) -> dict[str, Path]:
    """Models of both Keras versions in each format, and TF 1 exports."""
    import keras
    import tensorflow as tf
    import tf_keras

    folder = tmp_path_factory.mktemp("usual")
    vocabulary = folder / "vocabulary.txt"
    vocabulary.write_text("a\nb\nc\n")
    mobile = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=5)
    paths = save_keras(mobile, folder, "mobilenet", keras)
    for module in (keras, tf_keras):
        name = module.__name__
        paths += save_keras(sequence_model(module), folder, f"sequence_{name}", module)
        paths += save_keras(image_model(module), folder, f"image_{name}", module)
    paths += save_keras(lookup_model(keras, str(vocabulary)), folder, "lookup_keras", keras)
    # Keras 2 has no learned tables in HDF5, and keeps a vocabulary's path in configurations.
    lookup_model(tf_keras, str(vocabulary)).save(folder / "lookup_tf_keras", save_format="tf")
    paths.append(folder / "lookup_tf_keras")
    paths += [save_tf1(folder / "tf1_simple"), save_tf1_training(folder / "tf1_training")]
    paths.append(save_tf1_vocabulary(folder / "tf1_vocabulary", vocabulary))
    found = {path.name: path for path in paths}
    for path in [path for path in paths if path.is_dir()]:
        zipped = example_models.zip_folder(path, folder / f"{path.name}.zip", "inner/")
        found[zipped.name] = zipped
    tf.compat.v1.reset_default_graph()
    return found


def save_tf1(folder: Path) -> Path:
    import tensorflow.compat.v1 as tf1

    with tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf1.float32, [None, 4], "x")
        y = tf1.nn.softmax(x @ tf1.get_variable("w", [4, 2]))
        session.run(tf1.global_variables_initializer())
        tf1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
    return folder


def save_tf1_training(folder: Path) -> Path:
    """A whole training graph: two savers, summaries, printing, a file pipeline, an optimizer."""
    import tensorflow.compat.v1 as tf1

    with tf1.Graph().as_default(), tf1.Session() as session:
        dataset = tf1.data.TFRecordDataset("train.tfrecord").batch(2)
        batch = tf1.data.make_one_shot_iterator(dataset).get_next()
        x = tf1.placeholder(tf1.float32, [None, 4], "x")
        w = tf1.get_variable("w", [4, 2], use_resource=True)
        y = tf1.nn.softmax(x @ w)
        loss = tf1.Print(tf1.reduce_mean(y), [tf1.shape(batch)], "loss")
        tf1.summary.scalar("loss", loss)
        tf1.train.AdamOptimizer().minimize(loss)
        tf1.train.Saver()
        session.run(tf1.global_variables_initializer())
        tf1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
    return folder


def save_tf1_vocabulary(folder: Path, vocabulary: Path) -> Path:
    import tensorflow.compat.v1 as tf1

    lookup = tf1.lookup
    with tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf1.string, [None], "x")
        initializer = lookup.TextFileInitializer(
            str(vocabulary),
            tf1.string,
            lookup.TextFileIndex.WHOLE_LINE,
            tf1.int64,
            lookup.TextFileIndex.LINE_NUMBER,
        )
        table = lookup.StaticVocabularyTable(initializer, 1)
        y = tf1.nn.embedding_lookup(tf1.get_variable("w", [4, 2]), table.lookup(x))
        session.run([tf1.global_variables_initializer(), tf1.tables_initializer()])
        builder = tf1.saved_model.builder.SavedModelBuilder(str(folder))
        signature = tf1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            assets_collection=tf1.get_collection(tf1.GraphKeys.ASSET_FILEPATHS),
            main_op=tf1.tables_initializer(),
        )
        builder.save()
    return folder


class TestUsualModelsPass:
    @pytest.mark.parametrize(
        "path",
        [p for s in (".keras", ".h5", ".zip") for p in sorted(SAMPLES.glob(f"*/*{s}"))],
        ids=lambda path: path.parent.name,
    )
    def test_samples(self, path):
        screen(path)

    def test_every_format_of_every_keras(self, usual_models):
        refused = {}
        for name, path in usual_models.items():
            try:
                screen(path)
            except ModelFileError as error:
                refused[name] = str(error)
        assert refused == {}
        assert len(usual_models) == 32

    @pytest.mark.parametrize(
        "fixture",
        [
            "keras_file",
            "mlp_keras_file",
            "mlp_h5_file",
            "keras2_h5_file",
            "keras2_saved_model",
            "two_by_two_file",
            "saved_model_folder",
            "saved_model_zip",
            "frozen_graph_file",
            "tflite_file",
            "frozen_cnn",
        ],
    )
    def test_examples_of_the_other_tests(self, request, fixture):
        screen(request.getfixturevalue(fixture))

    def test_custom_loss_of_the_whole_model_is_not_loaded(self, tmp_path):
        config = sequential([dense()])
        loss = {"module": "__main__", "class_name": "function", "config": "mine"}
        config["compile_config"] = {"loss": loss | {"registered_name": "mine"}}
        screen_model(write_keras(tmp_path, config), "keras")

    def test_needs_no_tensorflow(self, saved_model_folder):
        script = (
            "import sys; from pathlib import Path; from converter.screening import screen_model; "
            f"screen_model(Path({str(saved_model_folder)!r}), 'saved_model'); "
            f"screen_model(Path({str(SAMPLES / 'cancer_mlp/cancer_mlp.h5')!r}), 'h5'); "
            "print(sorted({'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=SAMPLES.parent,
            env=os.environ | {"PYTHONPATH": str(SAMPLES.parent)},
        )
        assert done.stdout.strip() == "[]"

    def test_every_layer_of_both_keras_is_known(self):
        import keras
        import tf_keras

        public = {
            name for module in (keras, tf_keras) for name in dir(module.layers) if name[0].isupper()
        }
        assert public - keras_class_names() == set()


# --- SavedModels and graphs -----------------------------------------------------------------


def add_node(nodes, operator: str, name: str, *inputs: str):
    return nodes.add(op=operator, name=name, input=inputs)


def serving_model(*, calls: str = "inner"):
    """Return a SavedModel message whose signature runs `head`, which calls the function `inner`."""
    saved_model = import_proto("core.protobuf.saved_model_pb2").SavedModel()
    meta = saved_model.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    add_node(meta.graph_def.node, "Placeholder", "x")
    head = add_node(meta.graph_def.node, "StatefulPartitionedCall", "head", "x")
    head.attr["f"].func.name = calls
    for name in ("inner", "deep"):
        meta.graph_def.library.function.add().signature.name = name
    meta.signature_def["serving_default"].inputs["x"].name = "x:0"
    meta.signature_def["serving_default"].outputs["y"].name = "head:0"
    return saved_model, meta


def write_saved_model(folder: Path, saved_model, files: dict[str, bytes] | None = None) -> Path:
    folder = folder / "model"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


OPERATORS = [
    *("ReadFile", "WriteFile", "MatchingFiles", "SaveV2", "RestoreV2", "Save"),
    *("ShardedFilename", "MergeV2Checkpoints", "WholeFileReaderV2", "ReaderReadV2", "LMDBReader"),
    *("WriteSummary", "CreateSummaryFileWriter", "TextLineDataset", "TFRecordDataset"),
    *("FixedLengthRecordDatasetV2", "SqlDataset", "SnapshotDatasetV2", "SaveDatasetV2"),
    *("Rpc", "TryRpc", "PyFunc", "PyFuncStateless", "EagerPyFunc", "DebugIdentityV2"),
    *("DumpTensor", "Abort", "_Send", "_Recv", "DataServiceDatasetV4", "RegisterDatasetV2"),
    *("ImmutableConst", "LoadAndRemapMatrix", "FileSystemSetConfiguration", "XlaCustomCallV2"),
]


class TestOperators:
    @pytest.mark.parametrize("operator", OPERATORS)
    def test_in_the_signature(self, tmp_path, operator):
        saved_model, meta = serving_model()
        add_node(meta.graph_def.node, operator, "evil")
        meta.graph_def.node[1].input.append("^evil")
        message = refusal(write_saved_model(tmp_path, saved_model))
        assert f"the operator {operator} (node 'evil')" in message
        assert operator_reaches(operator) in message

    @pytest.mark.parametrize("operator", OPERATORS)
    def test_in_a_function_called_by_a_function(self, tmp_path, operator):
        saved_model, meta = serving_model()
        inner, deep = meta.graph_def.library.function
        call = add_node(inner.node_def, "If", "choose")
        nested = call.attr["then_branch"].func
        nested.name = "unknown"
        nested.attr["body"].list.func.add().name = "deep"
        add_node(deep.node_def, operator, "evil")
        message = refusal(write_saved_model(tmp_path, saved_model))
        assert f"{operator} (node 'evil' in the function 'deep')" in message

    @pytest.mark.parametrize("operator", OPERATORS)
    def test_in_a_function_that_nothing_calls(self, tmp_path, operator):
        saved_model, meta = serving_model()
        add_node(meta.graph_def.library.function[1].node_def, operator, "evil")
        assert operator in refusal(write_saved_model(tmp_path, saved_model))

    @pytest.mark.parametrize("operator", OPERATORS)
    def test_in_a_frozen_graph(self, tmp_path, operator):
        graph = import_proto("core.framework.graph_pb2").GraphDef()
        add_node(graph.node, "Placeholder", "x")
        add_node(graph.node, operator, "evil", "x")
        path = tmp_path / "frozen.pb"
        path.write_bytes(graph.SerializeToString())
        assert operator in refusal(path, "frozen_graph")

    @pytest.mark.parametrize("operator", OPERATORS)
    def test_what_nothing_runs_may_stay_where_importing_does_not_run_it(self, tmp_path, operator):
        saved_model, meta = serving_model()
        add_node(meta.graph_def.node, operator, "left_over")
        path = write_saved_model(tmp_path, saved_model)
        if may_lie_dormant(operator):
            screen(path)
        else:
            assert operator in refusal(path)

    def test_in_the_second_meta_graph(self, tmp_path):
        saved_model, _ = serving_model()
        other = saved_model.meta_graphs.add()
        add_node(other.graph_def.node, "WriteFile", "evil")
        assert "WriteFile" in refusal(write_saved_model(tmp_path, saved_model))

    @pytest.mark.parametrize("collection", ["saved_model_main_op", "legacy_init_op"])
    def test_in_an_initializer(self, tmp_path, collection):
        saved_model, meta = serving_model()
        add_node(meta.graph_def.node, "SaveV2", "evil")
        add_node(meta.graph_def.node, "NoOp", "init", "^evil")
        meta.collection_def[collection].node_list.value.append("init")
        assert "SaveV2" in refusal(write_saved_model(tmp_path, saved_model))

    def test_in_a_local_variables_initial_value(self, tmp_path):
        saved_model, meta = serving_model()
        add_node(meta.graph_def.node, "RestoreV2", "evil")
        variable = import_proto("core.framework.variable_pb2").VariableDef(
            initializer_name="evil", initial_value_name="evil:0"
        )
        values = meta.collection_def["local_variables"].bytes_list.value
        values.append(variable.SerializeToString())
        assert "RestoreV2" in refusal(write_saved_model(tmp_path, saved_model))

    def test_in_a_function_of_the_object_graph(self, tmp_path):
        saved_model, meta = serving_model()
        add_node(meta.graph_def.library.function[1].node_def, "SaveV2", "evil")
        saver = add_node(meta.graph_def.node, "StatefulPartitionedCall", "saver")
        saver.attr["f"].func.name = "deep"
        path = write_saved_model(tmp_path, saved_model)
        screen(path)  # only a node that nothing runs calls it, as with a model's own save
        meta.object_graph_def.concrete_functions["deep"].SetInParent()
        (path / "saved_model.pb").write_bytes(saved_model.SerializeToString())
        assert "SaveV2 (node 'evil' in the function 'deep')" in refusal(path)

    def test_restoring_may_restore_but_not_save(self, tmp_path):
        saved_model, meta = serving_model()
        add_node(meta.graph_def.node, "RestoreV2", "read")
        add_node(meta.graph_def.node, "NoOp", "restore_all", "^read")
        meta.saver_def.restore_op_name = "restore_all"
        path = write_saved_model(tmp_path, saved_model)
        screen(path)
        add_node(meta.graph_def.node, "SaveV2", "evil")
        meta.graph_def.node[3].input.append("^evil")
        (path / "saved_model.pb").write_bytes(saved_model.SerializeToString())
        assert "SaveV2" in refusal(path)

    def test_the_checkpoint_functions_of_a_real_model_must_not_serve(self, usual_models, tmp_path):
        saved_model = import_proto("core.protobuf.saved_model_pb2").SavedModel()
        pb = (usual_models["sequence_keras_saved"] / "saved_model.pb").read_bytes()
        saved_model.ParseFromString(pb)
        meta = saved_model.meta_graphs[0]
        save = meta.saver_def.save_tensor_name
        meta.signature_def["serving_default"].outputs["more"].name = save
        message = refusal(write_saved_model(tmp_path, saved_model))
        assert "in the function '__inference__traced_save" in message

    def test_real_file_operators(self, tmp_path):
        import tensorflow as tf

        class Reader(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
            def serve(self, x):
                return x + tf.strings.to_number(tf.io.read_file("/etc/hostname"))

        tf.saved_model.save(Reader(), str(tmp_path / "reader"))
        assert "ReadFile (node 'ReadFile' in the function" in refusal(tmp_path / "reader")

    @pytest.mark.parametrize(
        ("operator", "attribute", "value", "refused"),
        [
            ("DecodeProtoV2", "descriptor_source", b"local://", False),
            ("DecodeProtoV2", "descriptor_source", b"/etc/passwd", True),
            ("FixedUnigramCandidateSampler", "vocab_file", b"", False),
            ("FixedUnigramCandidateSampler", "vocab_file", b"/etc/passwd", True),
            ("PrintV2", "output_stream", b"", False),
            ("PrintV2", "output_stream", b"stderr", False),
            ("PrintV2", "output_stream", b"stdout", False),
            ("PrintV2", "output_stream", b"log(warning)", False),
            ("PrintV2", "output_stream", b"file:///tmp/printed", True),
            ("PrintV2", "output_stream", b"stderr\nfile:///tmp/printed", True),
        ],
    )
    def test_files_named_by_attributes(self, tmp_path, operator, attribute, value, refused):
        saved_model, meta = serving_model()
        add_node(meta.graph_def.node, operator, "evil").attr[attribute].s = value
        meta.graph_def.node[1].input.append("^evil")
        path = write_saved_model(tmp_path, saved_model)
        if refused:
            assert operator in refusal(path)
        else:
            screen(path)

    @pytest.mark.parametrize(
        ("operator", "attribute"),
        [
            ("DecodeProtoV2", "descriptor_source"),
            ("EncodeProto", "descriptor_source"),
            ("FixedUnigramCandidateSampler", "vocab_file"),
            ("PrintV2", "output_stream"),
        ],
    )
    def test_files_named_by_the_caller_of_a_function(self, tmp_path, operator, attribute):
        saved_model, meta = serving_model()
        (function, _) = meta.graph_def.library.function
        add_node(function.node_def, operator, "evil").attr[attribute].placeholder = "T"
        assert operator in refusal(write_saved_model(tmp_path, saved_model))

    def test_a_print_left_in_the_signature(self, tmp_path):
        import tensorflow as tf

        class Chatty(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((2,), name="x")])
            def serve(self, x):
                tf.print("x is", x)
                tf.print(x, output_stream=self.stream)
                return {"y": tf.compat.v1.Print(x, [x])}

        for stream, name in ((sys.stdout, "harmless"), (f"file://{tmp_path}/out", "evil")):
            module = Chatty()
            module.stream = stream
            tf.saved_model.save(module, str(tmp_path / name), signatures=module.serve)
        screen(tmp_path / "harmless")
        assert "PrintV2" in refusal(tmp_path / "evil")

    def test_names_are_shortened_and_quoted(self, tmp_path):
        saved_model, meta = serving_model()
        add_node(meta.graph_def.node, "ReadFile", "<b>\n" + "x" * 5000)
        message = refusal(write_saved_model(tmp_path, saved_model))
        assert len(message) < 400

    def test_a_constant_that_stands_for_terabytes(self, tmp_path):
        saved_model, meta = serving_model()
        tensor = add_node(meta.graph_def.node, "Const", "huge").attr["value"].tensor
        tensor.dtype = 1
        tensor.float_val.append(0.0)
        for _ in range(2):
            tensor.tensor_shape.dim.add().size = 10**6
        message = refusal(write_saved_model(tmp_path, saved_model))
        assert "LITEDRIFT_UNPACKED_BYTES" in message

    @pytest.mark.parametrize("operator", ["VarHandleOp", "VariableV2", "Placeholder"])
    def test_a_tensor_declared_with_terabytes(self, tmp_path, operator):
        saved_model, meta = serving_model()
        node = add_node(meta.graph_def.node, operator, "huge")
        node.attr["dtype"].type = 1
        for size in (-1, 10**6, 10**6):
            node.attr["shape"].shape.dim.add().size = size
        message = refusal(write_saved_model(tmp_path, saved_model))
        assert f"{operator} (node 'huge')" in message
        assert "LITEDRIFT_UNPACKED_BYTES" in message


def test_a_tflite_that_declares_terabytes(tflite_file, tmp_path):
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(tflite_file.read_bytes()), 0)
    subgraph = model.subgraphs[0]
    subgraph.tensors[subgraph.inputs[0]].shapeSignature = None
    subgraph.tensors[subgraph.inputs[0]].shape = np.array([1, 10**6, 10**6, 1], np.int32)
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "huge.tflite"
    path.write_bytes(builder.Output())
    assert "expected a tensor of at most" in refusal(path)


class TestAssets:
    @staticmethod
    def with_vocabulary(source: str = "path", *, asset: bool = True):
        """A table that a function fills from the file that its caller passes."""
        saved_model, meta = serving_model()
        function = meta.graph_def.library.function[0]
        function.signature.input_arg.add().name = "filename"
        add_node(function.node_def, "Const", "own")
        add_node(function.node_def, "InitializeTableFromTextFileV2", "fill", "table", source)
        add_node(meta.graph_def.node, "Const", "file")
        meta.graph_def.node[1].input[:] = ["file"]
        if asset:
            meta.asset_file_def.add(filename="vocab.txt").tensor_info.name = "file:0"
        return saved_model

    def test_a_vocabulary_among_the_assets(self, tmp_path):
        saved_model = self.with_vocabulary("filename")
        path = write_saved_model(tmp_path, saved_model, {"assets/vocab.txt": b"a\n"})
        screen(path)

    @pytest.mark.parametrize(
        ("source", "asset"),
        [("filename", False), ("own:output:0", True)],
        ids=["no asset", "a constant path"],
    )
    def test_any_other_vocabulary(self, tmp_path, source, asset):
        saved_model = self.with_vocabulary(source, asset=asset)
        path = write_saved_model(tmp_path, saved_model, {"assets/vocab.txt": b"a\n"})
        assert "own assets, found InitializeTableFromTextFileV2" in refusal(path)

    def test_a_second_caller_with_another_file(self, tmp_path):
        saved_model = self.with_vocabulary("filename")
        graph = saved_model.meta_graphs[0].graph_def
        add_node(graph.node, "Const", "other")
        call = add_node(graph.node, "StatefulPartitionedCall", "again", "other")
        call.attr["f"].func.name = "inner"
        path = write_saved_model(tmp_path, saved_model, {"assets/vocab.txt": b"a\n"})
        assert "InitializeTableFromTextFileV2" in refusal(path)

    def test_a_capture_that_is_no_asset(self, tmp_path):
        saved_model = self.with_vocabulary("filename")
        objects = saved_model.meta_graphs[0].object_graph_def
        objects.nodes.add().constant.operation = "file"
        objects.nodes.add().asset.asset_file_def_index = 0
        bound = objects.concrete_functions["inner"].bound_inputs
        bound.append(1)
        path = write_saved_model(tmp_path, saved_model, {"assets/vocab.txt": b"a\n"})
        screen(path)
        bound[0] = 0
        (path / "saved_model.pb").write_bytes(saved_model.SerializeToString())
        assert "InitializeTableFromTextFileV2" in refusal(path)

    def test_functions_that_pass_the_file_in_a_circle(self, tmp_path):
        saved_model = self.with_vocabulary("filename")
        graph = saved_model.meta_graphs[0].graph_def
        call = add_node(graph.library.function[0].node_def, "PartitionedCall", "loop", "filename")
        call.attr["f"].func.name = "inner"
        path = write_saved_model(tmp_path, saved_model, {"assets/vocab.txt": b"a\n"})
        assert "InitializeTableFromTextFileV2" in refusal(path)

    def test_a_path_through_too_many_nodes(self, tmp_path):
        saved_model = self.with_vocabulary("step0")
        function = saved_model.meta_graphs[0].graph_def.library.function[0]
        for step in range(5000):
            add_node(function.node_def, "Identity", f"step{step}", f"step{step + 1}:output:0")
        path = write_saved_model(tmp_path, saved_model, {"assets/vocab.txt": b"a\n"})
        assert "InitializeTableFromTextFileV2" in refusal(path)

    def test_an_asset_that_is_missing(self, tmp_path):
        message = refusal(write_saved_model(tmp_path, self.with_vocabulary("filename")))
        assert "expected the asset 'vocab.txt'" in message

    @pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "..\\x", "gs://b/x"])
    def test_asset_names_that_lead_outside(self, tmp_path, name):
        saved_model, meta = serving_model()
        meta.asset_file_def.add(filename=name)
        assert "leads outside" in refusal(write_saved_model(tmp_path, saved_model))

    @pytest.mark.parametrize("name", ["../x", "/etc/passwd"])
    def test_asset_names_in_a_collection(self, tmp_path, name):
        saved_model, meta = serving_model()
        asset = import_proto("core.protobuf.meta_graph_pb2").AssetFileDef(filename=name)
        meta.collection_def["saved_model_assets"].any_list.value.add().Pack(asset)
        assert "leads outside" in refusal(write_saved_model(tmp_path, saved_model))

    @pytest.mark.parametrize("name", ["saved_model.pbtxt", "saved_model.cpb"])
    def test_a_second_graph_file(self, tmp_path, name):
        saved_model, _ = serving_model()
        folder = write_saved_model(tmp_path, saved_model, {name: b"", "fingerprint.pb": b"junk"})
        assert name in refusal(folder)
        zipped = example_models.zip_folder(folder, tmp_path / "model.zip", "inner/")
        assert name in refusal(zipped)


# --- Keras ----------------------------------------------------------------------------------


def dense(**config) -> dict:
    return {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"name": "out", "units": 3} | config,
        "registered_name": None,
    }


def layer(class_name: str, module: str | None = "keras.layers", **config) -> dict:
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": "evil"} | config,
        "registered_name": None,
    }


def function(module: str, name: str) -> dict:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def sequential(layers: list[dict]) -> dict:
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "model", "layers": layers},
        "registered_name": None,
    }


def weights(**arrays) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, array in (arrays or {"x": np.zeros(3, np.float32)}).items():
            file[name] = array
    return stream.getvalue()


def write_keras(folder: Path, config: dict, content: bytes | None = None) -> Path:
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", content or weights())
    return path


def write_h5(folder: Path, config: dict) -> Path:
    path = folder / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file["model_weights/out/kernel"] = np.zeros((2, 3), np.float32)
    return path


@pytest.mark.parametrize("write", [write_keras, write_h5], ids=["keras", "h5"])
class TestKerasConfigurations:
    @pytest.mark.parametrize(
        ("evil", "found"),
        [
            (layer("Mine", "my_package.layers"), "custom class 'Mine'"),
            (layer("Mine", "__main__"), "custom class 'Mine'"),
            (layer("Mine", "kerastuner.layers"), "custom class 'Mine'"),
            (layer("Mine", None), "custom class 'Mine'"),
            (layer("pkg>Mine", None), "custom class 'pkg>Mine'"),
            (layer("Dense", None) | {"registered_name": "pkg>Dense"}, "custom class 'Dense'"),
            (dense(activation=function("os", "system")), "custom function 'system'"),
            (dense(activation=function("my_code", "act")), "custom function 'act'"),
            (dense(activation=function("builtins", "exec")), "builtins.exec"),
            (dense(activation=function("keras.datasets.mnist", "load_data")), "load_data"),
            (dense(activation=function("keras.utils", "get_file")), "get_file"),
            (dense(activation=function("tf_keras.src.utils.data_utils", "urlretrieve")), "urlretr"),
            (dense(activation=function("keras.layers", "np")), "keras.layers.np"),
            (dense(activation=function("keras", "datasets.mnist.load_data")), "load_data"),
            (layer("datasets.mnist.load_data", "keras"), "load_data"),
            (layer("load_data", "keras.datasets.imdb"), "load_data"),
            (layer("load_model", "keras.models"), "load_model"),
            (layer("MobileNetV2", "keras.applications"), "MobileNetV2"),
            (layer("layers.Lambda", "keras"), "the Lambda layer 'evil' holds Python code"),
            (layer("Lambda"), "the Lambda layer 'evil' holds Python code"),
            (dense(activation=layer("__lambda__", None)), "the lambda layer 'out' holds Python"),
            (layer("TorchModuleWrapper"), "holds Python code"),
            (layer("TFSMLayer", filepath="/x"), "loads a SavedModel from another path"),
            (layer("StringLookup", vocabulary="/etc/passwd"), "'/etc/passwd' as its 'vocabulary'"),
            (dense(units=10**12), "LITEDRIFT_UNPACKED_BYTES"),
            (layer("Dense", url="https://host/x"), "'https://host/x' as its 'url'"),
            (layer("TFOpLambda", None, function="io.read_file"), "tf.io.read_file"),
            (layer("TFOpLambda", None, function="io.write_file"), "tf.io.write_file"),
            (layer("TFOpLambda", None, function="py_function"), "tf.py_function"),
            (layer("TFOpLambda", None, function="print"), "tf.print"),
            (layer("TFOpLambda", None, function="compat.v1.Print"), "Print"),
            (layer("TFOpLambda", None, function="raw_ops.WriteFile"), "WriteFile"),
            (layer("TFOpLambda", None, function="saved_model.load"), "saved_model.load"),
            (layer("TFOpLambda", None, function="keras.utils.get_file"), "get_file"),
            (layer("ClassMethod", None, cls_symbol="data.TFRecordDataset"), "TFRecordDataset"),
            (layer("InstanceMethod", None, attr_name="__class__"), "__class__"),
            (layer("TensorFlowOpLayer", None, node_def={"op": "ReadFile"}), "ReadFile"),
        ],
        ids=lambda value: None if isinstance(value, dict) else value,
    )
    @pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
    def test_refused(self, tmp_path, write, evil, found, nested):
        layers = [layer("TimeDistributed", layer=sequential([evil]))] if nested else [evil]
        message = refusal(write(tmp_path, sequential([dense(), *layers])))
        assert found in message
        assert "'evil'" in message or "'out'" in message

    def test_the_sentence_for_custom_classes_is_that_of_the_loader(self, tmp_path, write):
        message = refusal(write(tmp_path, sequential([layer("Mine", "my.package")])))
        assert message.endswith(
            "uses the custom class 'Mine', whose code is not in the file; export it as a "
            "SavedModel with model.export() and give that."
        )

    def test_a_custom_loss_of_an_inner_model_is_loaded(self, tmp_path, write):
        inner = sequential([dense()]) | {"compile_config": {"loss": function("mine", "loss")}}
        message = refusal(write(tmp_path, sequential([inner])))
        assert "custom function 'loss'" in message

    @pytest.mark.parametrize(
        "usual",
        [
            layer("TFOpLambda", None, function="math.reduce_mean"),
            layer("TFOpLambda", None, function="__operators__.add"),
            layer("TFOpLambda", None, function="compat.v1.nn.relu"),
            layer("TFOpLambda", None, function="reshape"),
            layer("TFOpLambda", None, function="image.resize"),
            layer("TFOpLambda", None, function="io.decode_raw"),
            layer("ClassMethod", None, cls_symbol="RaggedTensor", fn_name="from_tensor"),
            layer("TensorFlowOpLayer", None, node_def={"name": "Mul", "op": "Mul"}),
            layer("LSTMV2", None),
            layer("Custom>CustomScaleLayer", None),
            layer("CustomScaleLayer", "keras.src.applications.inception_resnet_v2"),
            layer("Functional", "keras.engine.functional"),
            layer("StringLookup", vocabulary=["http://a", "../b"]),
            layer("StringLookup", vocabulary=None),
            dense(activation=function("builtins", "relu")),
            dense(activation=function("builtins", "abs")),
            dense(kernel_initializer=layer("Constant", "tensorflow.python.ops.init_ops_v2")),
            dense(activation=function("keras.activations", "gelu")),
            dense(name="os.system"),
        ],
        ids=lambda value: f"{value['class_name']} {list(value['config'].values())[-1]}",
    )
    def test_usual(self, tmp_path, write, usual):
        screen(write(tmp_path, sequential([usual, dense()])))

    def test_deep_nesting_ends(self, tmp_path, write):
        config: dict = sequential([dense()])
        for _ in range(200):
            config = sequential([config])
        screen_model(write(tmp_path, config), "keras" if write is write_keras else "h5")


class TestHdf5:
    @staticmethod
    def soft_link(file):
        file["link"] = h5py.SoftLink("/nowhere")

    @staticmethod
    def external_link(file):
        file["group/link"] = h5py.ExternalLink("/etc/other.h5", "/x")

    @staticmethod
    def external_storage(file):
        file.create_dataset("x", (4,), "u1", external=[("/etc/passwd", 0, 4)])

    @staticmethod
    def virtual_dataset(file):
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("/etc/other.h5", "x", (4,))
        file.create_virtual_dataset("x", layout)

    @staticmethod
    def huge_dataset(file):
        file.create_dataset("x", (1 << 40,), "f4", chunks=(1 << 16,), compression="gzip")

    @pytest.mark.parametrize(
        ("make", "found"),
        [
            ("soft_link", "a soft link at '/link'"),
            ("external_link", "the other file '/etc/other.h5' at '/group/link'"),
            ("external_storage", "stored in the other file '/etc/passwd' at '/x'"),
            ("virtual_dataset", "a virtual dataset"),
            ("huge_dataset", "LITEDRIFT_UNPACKED_BYTES"),
        ],
    )
    def test_refused(self, tmp_path, make, found):
        path = write_h5(tmp_path, sequential([dense()]))
        with h5py.File(path, "a") as file:
            getattr(self, make)(file)
        assert found in refusal(path)
        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            getattr(self, make)(file)
        assert found in refusal(write_keras(tmp_path, sequential([dense()]), stream.getvalue()))

    def test_a_group_within_itself(self, tmp_path):
        path = write_h5(tmp_path, sequential([dense()]))
        with h5py.File(path, "a") as file:
            file["model_weights/again"] = file["model_weights"]
        screen(path)

    def test_damage(self, tmp_path):
        path = write_h5(tmp_path, sequential([dense()]))
        path.write_bytes(path.read_bytes()[:-2000])
        assert "damaged" in refusal(path, "h5")
