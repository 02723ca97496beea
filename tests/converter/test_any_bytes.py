"""For any bytes: the asker stays up, in time, with a sentence; nothing else changes, none is left.

`make fuzz` tries the same promises on far more files; see tests/fuzz.
"""

from __future__ import annotations

import shutil
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.attack import Attacker, Case
from tests.fuzz.hostile_data import array_bytes, zipped
from tests.fuzz.hostile_graphs import build_modules
from tests.fuzz.hostile_keras import archive, dense, layer, sequential
from tests.fuzz.mutate import mutate

MAGICS = [
    b"",
    b"PK\x03\x04",
    b"\x89HDF\r\n\x1a\n",
    b"\x1c\0\0\0TFL3",
    b"\x93NUMPY\x01\0",
    b"\n\x0a",
]
NAMES = [
    "model.keras",
    "a.npz",
    "<b>x</b>.zip",
    "../../etc/passwd.h5",
    "two words",
    ".pb",
    "ü" * 90,
]


def cheaply(examples):
    """Settings for examples that each cost a child process; a failure is told as it is found."""
    return settings(
        max_examples=examples,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def attacker(tmp_path_factory):
    made = Attacker(tmp_path_factory.mktemp("attack"))
    with pytest.MonkeyPatch.context() as environment:
        for name, value in made.environment().items():
            environment.setenv(name, value)
        yield made


@pytest.fixture(scope="module")
def sound_models(
    keras_file, mlp_h5_file, keras2_h5_file, saved_model_zip, frozen_graph_file, tflite_file
):
    return [
        keras_file, mlp_h5_file, keras2_h5_file, saved_model_zip, frozen_graph_file, tflite_file,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def table_model(tmp_path_factory, mlp_keras_file):
    return shutil.copy(mlp_keras_file, tmp_path_factory.mktemp("sound") / "mlp.keras")


@pytest.fixture(scope="module")
def sound_data():
    random = np.random.default_rng(5)
    table = random.normal(size=(12, 4)).astype(np.float32)
    rows = "\n".join(",".join(map(str, row)) for row in table)
    good = array_bytes(table)
    return [good, zipped({"x.npy": good}), f"a,b,c,d\n{rows}\n".encode()]


def case(folder, content, name, model=None):
    path = folder / "given"
    path.write_bytes(content)
    return Case(
        format="", label="", path=path, name=name, is_data=model is not None, model=model
    )  # fmt: skip


@cheaply(12)
@given(st.sampled_from(MAGICS), st.binary(max_size=400), st.sampled_from(NAMES))
def test_any_bytes_as_a_model(attacker, tmp_path, magic, content, name):
    outcome = attacker.inspect(case(tmp_path, magic + content, name))
    assert outcome.broken == []


@cheaply(8)
@given(st.sampled_from(MAGICS), st.binary(max_size=400), st.sampled_from(NAMES))
def test_any_bytes_as_data(attacker, table_model, tmp_path, magic, content, name):
    outcome = attacker.inspect(case(tmp_path, magic + content, name, table_model))
    assert outcome.broken == []


@cheaply(18)
@given(st.integers(0, 5), st.integers(0, 2**32))
def test_damaged_models(attacker, sound_models, tmp_path, which, seed):
    sound = sound_models[which]
    others = [path.read_bytes() for path in sound_models]
    content, what = mutate(sound.read_bytes(), others, Random(seed))
    outcome = attacker.inspect(case(tmp_path, content, sound.name))
    assert outcome.broken == [], what


@cheaply(9)
@given(st.integers(0, 2), st.integers(0, 2**32))
def test_damaged_data(attacker, table_model, sound_data, tmp_path, which, seed):
    content, what = mutate(sound_data[which], sound_data, Random(seed))
    outcome = attacker.inspect(case(tmp_path, content, "data", table_model))
    assert outcome.broken == [], what


@pytest.fixture(scope="module")
def hostile_graphs(tmp_path_factory, attacker):
    """Real SavedModels that never end, take all memory or write files."""
    chosen = {"endless loop", "memory by the data", "writes while it is loaded"}
    folder = tmp_path_factory.mktemp("hostile")
    return {c.label: c for c in build_modules(folder, attacker.person, chosen)}


class TestWholeRuns:
    """By the path that the server takes; each with the limits of `attack.FAST` or lower."""

    def run(self, attacker, given, **more):
        outcome = attacker.run(given, recipes=("float32",), **more)
        assert outcome.broken == []
        return outcome

    def test_a_sound_model_is_done(self, attacker, table_model, tmp_path):
        given = case(tmp_path, table_model.read_bytes(), "mlp.keras")
        assert self.run(attacker, given).status == "done"

    def test_one_that_is_cancelled_says_so(self, attacker, table_model, tmp_path):
        given = case(tmp_path, table_model.read_bytes(), "mlp.keras")
        assert self.run(attacker, given, cancel_after=0.3).status == "cancelled"

    def test_one_that_never_ends_is_stopped(self, attacker, hostile_graphs, monkeypatch):
        monkeypatch.setenv("LITEDRIFT_EVALUATE_SECONDS", "2")
        monkeypatch.setenv("LITEDRIFT_CONVERT_SECONDS", "30")
        assert self.run(attacker, hostile_graphs["endless loop"]).status == "timed out"

    def test_one_that_takes_all_memory_is_stopped(self, attacker, hostile_graphs, monkeypatch):
        monkeypatch.setenv("LITEDRIFT_MEMORY_BYTES", str(1500 << 20))
        outcome = self.run(attacker, hostile_graphs["memory by the data"])
        assert outcome.status in {"crashed", "refused"}

    def test_one_that_writes_files_is_refused(self, attacker, hostile_graphs):
        outcome = self.run(attacker, hostile_graphs["writes while it is loaded"])
        assert outcome.status == "refused"
        assert "WriteFile" in outcome.message

    def test_one_of_huge_results_is_refused(self, attacker, tmp_path):
        config = sequential([layer("ZeroPadding2D", padding=30_000), dense(3)], [None, 8, 8, 3])
        outcome = self.run(attacker, case(tmp_path, archive(config), "padded.keras"))
        assert outcome.status == "refused"

    @pytest.mark.parametrize("seed", range(2))
    def test_a_damaged_one_ends(self, attacker, sound_models, tmp_path, seed):
        content, _ = mutate(sound_models[5].read_bytes(), [], Random(seed))
        self.run(attacker, case(tmp_path, content, "damaged.tflite"))
