"""TensorFlow's protobuf classes without TensorFlow, seen from fresh processes."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code):
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def test_protos_load_without_importing_tensorflow():
    code = (
        "import sys\n"
        "from converter.tensorflow_protos import import_proto\n"
        "proto = import_proto('core.protobuf.saved_model_pb2').SavedModel()\n"
        "proto.saved_model_schema_version = 7\n"
        "graph = import_proto('core.framework.graph_pb2').GraphDef()\n"
        "graph.node.add(name='a', op='NoOp')\n"
        "left = [name for name in sys.modules if name.split('.')[0] in ('tensorflow', 'keras')]\n"
        "print(type(proto)().FromString(proto.SerializeToString()).saved_model_schema_version,"
        " len(graph.SerializeToString()) > 0, left)"
    )
    assert run(code) == "7 True []"


def test_tensorflow_can_be_imported_afterwards():
    code = (
        "from converter.tensorflow_protos import import_proto\n"
        "before = import_proto('core.framework.graph_pb2').GraphDef()\n"
        "import tensorflow as tf\n"
        "after = tf.constant([1.0, 2.0]).numpy().sum()\n"
        "graph = tf.compat.v1.GraphDef()\n"
        "graph.node.add(name='a', op='NoOp')\n"
        "before.ParseFromString(graph.SerializeToString())\n"
        "print(after, before.node[0].name,"
        " import_proto('core.framework.types_pb2').DataType.Name(1))"
    )
    assert run(code) == "3.0 a DT_FLOAT"


def test_with_tensorflow_imported_its_own_are_given():
    code = (
        "import tensorflow as tf\n"
        "from converter.tensorflow_protos import import_proto\n"
        "print(import_proto('core.framework.graph_pb2').GraphDef is tf.compat.v1.GraphDef)"
    )
    assert run(code) == "True"


def test_a_module_that_does_not_exist_is_no_proto():
    from converter.tensorflow_protos import import_proto

    with pytest.raises(ModuleNotFoundError):
        import_proto("core.framework.no_such_pb2")


def test_a_failed_import_leaves_no_stand_in_behind():
    code = (
        "import sys\n"
        "from converter.tensorflow_protos import import_proto\n"
        "try: import_proto('core.no_such_pb2')\n"
        "except ModuleNotFoundError: pass\n"
        "print('tensorflow' in sys.modules)"
    )
    assert run(code) == "False"
