"""Configurations are changed where they must be, and nowhere else."""

import pytest

from converter.keras_rebuild import adapt_config, needed_changes

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
