"""Tables and TensorFlow 1's variables become constants where nothing writes to them, else not."""

import numpy as np
import pytest

from converter.float_model import load_float_model
from converter.freezing import freeze
from converter.frozen_constants import TABLES_NOTE


def table_model(keys, values, default, *, write=False, shape=(None, 3)):
    """Return a module that looks its input up, and perhaps counts what it saw in a table."""
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            initial = tf.lookup.KeyValueTensorInitializer(tf.constant(keys), tf.constant(values))
            self.table = tf.lookup.StaticHashTable(initial, default)
            if write:
                self.seen = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, 0.0)

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.as_dtype(np.asarray(keys).dtype),
                                                    name="x")])  # fmt: skip
        def serve(self, x):
            found = self.table.lookup(x)
            if write:
                self.seen.insert(tf.range(2, dtype=tf.int64), tf.ones(2))
                found += self.seen.lookup(x)
            return {"y": found}

    return Module()


def frozen(module, tmp_path, shape, **inputs):
    """Freeze a saved module; return its notes, its operators and its answer when it is frozen."""
    import tensorflow as tf

    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.serve)
    model = load_float_model(tmp_path / "m", "m", "saved_model", tmp_path)
    _, notes = freeze(model, dict.fromkeys(inputs, shape), tmp_path / "f")
    loaded = tf.saved_model.load(str(tmp_path / "f"))
    serve = loaded.signatures["serving_default"]
    definition = serve.graph.as_graph_def()
    bodies = [definition.node, *(f.node_def for f in definition.library.function)]
    operators = {node.op for body in bodies for node in body}
    answer = serve(**{name: tf.constant(array) for name, array in inputs.items()})["y"].numpy()
    return notes, operators, answer


@pytest.mark.parametrize(
    ("keys", "values", "default", "asked", "expected"),
    [
        (np.array([5, -7]), np.array([1.5, 2.5], "f"), -1.0, [[5, -7, 6]], [[1.5, 2.5, -1.0]]),
        (np.array([5, 2**40]), np.array([9, 2**41]), 0, [[5, 2**40, 2**40 + 1]], [[9, 2**41, 0]]),
        (np.array([1, 2], "int32"), np.array([3, 4], "int32"), 7, [[2, 1, 3]], [[4, 3, 7]]),
    ],
    ids=["floats out", "large", "int32"],
)
def test_a_static_table_gives_the_same_numbers(tmp_path, keys, values, default, asked, expected):
    module = table_model(keys, values, default)
    x = np.array(asked, keys.dtype)
    notes, operators, answer = frozen(module, tmp_path, (1, 3), x=x)
    assert notes == [TABLES_NOTE]
    assert not any("Table" in operator for operator in operators)
    np.testing.assert_array_equal(answer, expected)


def test_one_table_of_a_thousand_at_any_shape(tmp_path):
    keys = np.random.default_rng(0).permutation(10_000)[:1000]
    module = table_model(keys, keys * 3, -1, shape=(None, 4, 5))
    x = np.random.default_rng(1).integers(0, 10_000, (1, 4, 5))
    _, _, answer = frozen(module, tmp_path, (1, 4, 5), x=x)
    np.testing.assert_array_equal(answer, np.where(np.isin(x, keys), x * 3, -1))


def test_a_table_that_is_written_to_is_left_as_it_is(tmp_path):
    module = table_model(np.array([1, 2]), np.array([1.0, 2.0], "f"), 0.0, write=True)
    notes, operators, _ = frozen(module, tmp_path, (1, 3), x=np.array([[1, 2, 3]]))
    assert "keeps state" in notes[0]
    assert "LookupTableFindV2" in operators


def test_a_table_of_texts_is_left_as_it_is(tmp_path):
    import tensorflow as tf

    class Names(tf.Module):
        def __init__(self):
            super().__init__()
            initial = tf.lookup.KeyValueTensorInitializer(
                tf.constant(["1", "2"]), tf.constant([5, 6])
            )
            self.table = tf.lookup.StaticHashTable(initial, 0)

        @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.int64, name="x")])
        def serve(self, x):
            return {"y": self.table.lookup(tf.strings.as_string(x))}

    notes, operators, answer = frozen(Names(), tmp_path, (1, 2), x=np.array([[2, 9]]))
    assert "keeps state" in notes[0]
    assert "LookupTableFindV2" in operators
    assert answer.tolist() == [[6, 0]]


def test_a_model_without_either_is_left_alone(saved_model_folder, tmp_path):
    import tensorflow as tf

    model = load_float_model(saved_model_folder, "m", "saved_model", tmp_path)
    _, notes = freeze(model, {"image": (1, 8, 8, 1)}, tmp_path / "f")
    assert notes == []
    assert tf.saved_model.load(str(tmp_path / "f")).signatures["serving_default"]
