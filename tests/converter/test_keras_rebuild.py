"""Configurations are changed where they must be, and nowhere else."""

import importlib

import numpy as np
import pytest

from converter.keras_rebuild import UNROLL, adapt_config, needed_changes, rebuild

POLICY = {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
PLAIN = {"layers": [{"config": {"name": "mixed_float16", "units": 3, "dtype": "float32"}}]}


@pytest.mark.parametrize(
    ("config", "unroll", "changes"),
    [
        (PLAIN, True, []),
        ({"dtype": "mixed_bfloat16"}, False, ["float32"]),
        ({"dtype": POLICY}, False, ["float32"]),
        ({"stateful": True}, False, ["stateless"]),
        ({"stateful": False, "unroll": False}, False, []),
        ({"stateful": True, "unroll": False}, True, ["stateless", "unroll"]),
    ],
    ids=["plain", "dtype", "policy", "stateful", "stateless", "unrolled"],
)
def test_needed_changes(config, unroll, changes):
    assert needed_changes(config, unroll=unroll) == changes


def test_only_the_policy_changes_not_a_name_that_looks_like_one():
    config = {"layers": [{"config": {"name": "mixed_float16", "dtype": POLICY}}]}
    (layer,) = adapt_config(config, ["float32"])["layers"]
    assert layer["config"]["name"] == "mixed_float16"
    assert layer["config"]["dtype"]["config"]["name"] == "float32"
    assert config["layers"][0]["config"]["dtype"] is POLICY
    assert POLICY["config"]["name"] == "mixed_float16"


def test_tuples_stay_tuples():
    assert adapt_config({"shape": (1, None)}, ["float32"]) == {"shape": (1, None)}


@pytest.mark.parametrize("module", ["keras", "tf_keras"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Bidirectional"])
def test_an_unrolled_model_loops_only_where_its_steps_are_open(module, kind):
    import tensorflow as tf

    library = importlib.import_module(module)
    library.utils.set_random_seed(0)
    layers = library.layers
    layer = layers.Bidirectional(layers.LSTM(3)) if kind == "Bidirectional" else None
    steps = library.Input((None, 2), name="steps")
    model = library.Model(steps, (layer or getattr(layers, kind)(3))(steps))
    assert needed_changes(model.get_config(), unroll=True) == [UNROLL]
    rebuilt = rebuild(model, [UNROLL])
    x = tf.random.stateless_normal((2, 4, 2), (1, 2))
    expected = model(x, training=False).numpy()
    for shape, loops in (((None, None, 2), True), ((2, 4, 2), False)):
        # One function for each: a function takes up an earlier, wider trace of its own.
        call = tf.function(lambda x: rebuilt(x, training=False), autograph=False)
        concrete = call.get_concrete_function(tf.TensorSpec(shape, tf.float32))
        definition = concrete.graph.as_graph_def()
        bodies = [definition.node, *(f.node_def for f in definition.library.function)]
        assert any("While" in node.op for body in bodies for node in body) == loops
        np.testing.assert_allclose(concrete(x).numpy(), expected, atol=1e-6)
