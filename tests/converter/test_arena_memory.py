"""What LiteRT allocates for a file, asked of real workers; a missing figure has a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converter.arena_memory import ArenaMemory, read_arena
from converter.comparison import Comparison, variant_from_json, variant_to_json
from converter.heap import NO_BOOKS
from converter.kernels import Kernels
from converter.limits import current_limits
from converter.litert_model import LitertModel
from converter.original import evaluate_file
from converter.pipeline import run_comparison
from converter.recipe import find_recipes
from converter.request import RunRequest
from converter.sample_arrays import load_arrays, save_arrays
from converter.sandbox import Permissions
from converter.tensor_binding import Binding
from converter.worker_pool import WorkerPool
from tests.converter import example_tflites as examples


@pytest.fixture
def asked(tmp_path):
    """Return a function that evaluates a classifier with the given limits."""
    model = examples.write_classifier(tmp_path / "net.tflite")
    save_arrays(tmp_path / "samples", {"features": examples.features(5)})
    pool = WorkerPool(Permissions(read=(tmp_path,), write=(tmp_path,)))

    def ask(limits, **more):
        return evaluate_file(
            pool, limits, (model, Binding(label="float32")), samples=tmp_path / "samples",
            outputs=tmp_path / "outputs", threads=1, stateful=False, **more,
        )  # fmt: skip

    yield ask
    pool.close()


def test_the_fresh_process_tells_both_ways(asked, tmp_path):
    found, notes = read_arena(asked(current_limits(), with_arena=True))
    assert notes == []
    assert found.own_shapes
    assert 0 < found.builtin_bytes < found.default_bytes  # XNNPACK packs the weights
    assert found.first_run_bytes >= 0
    assert len(next(iter(load_arrays(tmp_path / "outputs").values()))) == 5
    assert "arena" not in asked(current_limits())  # asked for only where it is wanted


def test_what_goes_wrong_with_it_costs_that_figure_alone(asked, tmp_path):
    limits = replace(current_limits(), load_seconds=0.0)
    found, notes = read_arena(asked(limits, with_arena=True))
    assert found.builtin_bytes is None
    assert found.default_bytes > 0
    [note] = notes
    assert note.startswith("arena.builtin_bytes is null: LiteRT took longer than 0 s while allocat")
    assert note.endswith(".")
    assert len(next(iter(load_arrays(tmp_path / "outputs").values()))) == 5


def test_a_system_that_does_not_tell_is_named():
    arena = {"builtin_bytes": None, "scratch_tensors": 2, "scratch_bytes": 8}
    answer = {"allocated_bytes": None, "first_run_bytes": None, "arena": arena}
    found, notes = read_arena(answer)
    assert (found.builtin_bytes, found.default_bytes, found.first_run_bytes) == (None, None, None)
    assert notes == [f"arena is null: {NO_BOOKS}."]


def test_a_model_whose_inputs_are_resized_says_so(tmp_path):
    path = examples.write_classifier(tmp_path / "net.tflite")
    assert LitertModel(path).allocated_bytes is None  # nobody looked
    own = LitertModel(path, kernels=Kernels.BUILTIN, watch_heap=True)
    name, detail = next(iter(own.inputs.items()))
    shape = (512, *(int(size) for size in detail["shape"][1:]))
    large = LitertModel(
        path, binding=Binding(label="net", shapes={name: list(shape)}), kernels=Kernels.BUILTIN,
        watch_heap=True,
    )
    assert own.own_shapes
    assert not large.own_shapes
    assert large.allocated_bytes - own.allocated_bytes > 4 * np.prod(shape)  # the features alone


def test_a_run_keeps_it_with_each_variant(tmp_path):
    run_comparison(RunRequest(
        model_path=examples.write_classifier(tmp_path / "net.tflite"), model_name="net.tflite",
        samples=4, calibration_samples=2, runs=1,
        recipes=tuple(find_recipes(["float32", "int8"])),
    ), tmp_path / "out")  # fmt: skip
    comparison = Comparison.load(tmp_path / "out" / "comparison.json")
    for variant in comparison.usable:
        assert variant.arena.builtin_bytes > 0, variant.recipe
        assert variant_from_json(variant_to_json(variant)).arena == variant.arena
    older = variant_to_json(comparison.usable[0])
    del older["arena"]
    assert variant_from_json(older).arena is None
    assert ArenaMemory.from_json({"builtin_bytes": 3, "of_the_future": 1}).builtin_bytes == 3
