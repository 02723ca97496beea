"""The steps from the original's file to a variant's sum exactly, whatever the files are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.size_anatomy import KINDS, OTHER_LAYERS, PARAMETERS, WHOLE_FILE, LayerBytes, collect
from converter.size_steps import KEPT, LEVEL, SAVED, savings, size_steps
from tests.converter.size_examples import int8_anatomy, make_anatomy, make_model


def told(steps):
    return [(step.what, step.level_bytes if step.role == LEVEL else step.change_bytes)
            for step in steps]  # fmt: skip


def test_a_conversion_worked_out_by_hand():
    steps = size_steps(make_model(size=30_000, optimizer=20_000), int8_anatomy())
    assert told(steps) == [
        ("original", 30_000), ("optimizer", -20_000), ("container", -2_000), ("parameters", 8_000),
        ("conversion", -100), ("set_aside", -300), ("float32", 7_600),
        ("a", -3_000), ("b", -2_700), ("stored", 1_900),
        ("biases", 200), ("left_float", 100), ("scales", 300), ("graph", 350),
        ("metadata", 100), ("padding", 50), ("variant", 3_000),
    ]  # fmt: skip


def test_a_zipped_saved_model_is_unpacked_first():
    steps = size_steps(make_model(size=5_000, bare=10_000, optimizer=1_000), int8_anatomy())
    assert told(steps)[:5] == [
        ("original", 5_000), ("unpacked", 6_000), ("optimizer", -1_000), ("container", -2_000),
        ("parameters", 8_000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "bare", "first"),
    [(5_000, 10_000, ("unpacked_without_optimizer", 5_000)),
     (30_000, 10_000, ("optimizer", -20_000)), (10_000, 10_000, ("container", -2_000))],
)  # fmt: skip
def test_a_run_of_an_earlier_version_does_not_tell_its_optimizer_state(size, bare, first):
    steps = size_steps(make_model(size=size, bare=bare, optimizer=None), int8_anatomy())
    assert told(steps)[1] == first
    assert steps[-1].level_bytes == 3_000


def test_weights_that_stay_float_have_no_saving_and_no_level_twice():
    anatomy = make_anatomy(("a", "weights", 8_000, 8_000), (WHOLE_FILE, "graph", 400))
    steps = size_steps(make_model(), anatomy)
    assert told(steps) == [("original", 10_000), ("container", -2_000), ("parameters", 8_000),
                           ("graph", 400), ("variant", 8_400)]  # fmt: skip


def test_a_variant_without_weights_larger_than_its_original():
    anatomy = make_anatomy(("a", "graph", 900), (WHOLE_FILE, "metadata", 100))
    steps = size_steps(make_model(size=600, parameter_bytes=0), anatomy)
    assert told(steps) == [("original", 600), ("container", -600), ("parameters", 0),
                           ("graph", 900), ("metadata", 100), ("variant", 1_000)]  # fmt: skip


def test_an_original_whose_file_packs_its_weights_has_a_container_below_zero():
    steps = size_steps(make_model(size=6_000, parameter_bytes=8_000), int8_anatomy())
    assert told(steps)[1:3] == [("container", 2_000), ("parameters", 8_000)]


def test_savings_come_largest_first_and_the_rest_as_one():
    cells = [(f"layer {i}", "weights", 10 * i, 40 * i) for i in range(1, 21)]
    found = savings(make_anatomy(*cells), 3)
    assert found == [
        ("layer 20", 600, 1), ("layer 19", 570, 1), ("layer 18", 540, 1),
        (OTHER_LAYERS, sum(30 * i for i in range(1, 18)), 17),
    ]  # fmt: skip


def test_one_layer_more_is_told_by_its_name():
    cells = [(f"layer {i}", "weights", 10 * i, 40 * i) for i in range(1, 5)]
    assert [layer for layer, _, _ in savings(make_anatomy(*cells), 3)] == [
        "layer 4", "layer 3", "layer 2", "layer 1"
    ]  # fmt: skip


def test_layers_that_the_worker_put_together_are_not_counted():
    anatomy = collect([LayerBytes(f"{i}", "weights", i, 4 * i) for i in range(1, 9)], 4)
    assert savings(anatomy, 8)[-1] == (OTHER_LAYERS, 3 * (1 + 2 + 3 + 4), 0)


cells = st.builds(
    LayerBytes,
    st.sampled_from([WHOLE_FILE, OTHER_LAYERS, *"abcdefghijkl"]),
    st.sampled_from(KINDS),
    st.integers(0, 10_000),
    st.integers(0, 40_000),
)
models = st.builds(
    make_model,
    size=st.integers(1, 10**6),
    bare=st.integers(1, 10**6),
    parameter_bytes=st.integers(0, 10**6),
    optimizer=st.none() | st.integers(0, 10**6),
)


@given(model=models, found=st.lists(cells, max_size=30), most=st.integers(1, 12))
def test_any_steps_lead_from_the_original_to_the_variant_exactly(model, found, most):
    anatomy = collect([
        cell if cell.kind in PARAMETERS else LayerBytes(cell.layer, cell.kind, cell.size_bytes)
        for cell in found
    ])  # fmt: skip
    steps = size_steps(model, anatomy, most)
    assert steps[0].level_bytes == model.size_bytes
    assert steps[-1].what == "variant"
    assert steps[-1].level_bytes == anatomy.size_bytes
    for before, after in pairwise(steps):
        assert after.level_bytes == before.level_bytes + after.change_bytes
    # Recomputed from the cells: what was saved, and what else is kept.
    weights = [cell for cell in found if cell.kind == "weights"]
    saved = sum(cell.float32_bytes - cell.size_bytes for cell in weights)
    assert sum(s.change_bytes for s in steps if s.role == SAVED) == -saved
    kept = sum(cell.size_bytes for cell in found if cell.kind != "weights")
    assert sum(s.change_bytes for s in steps if s.role == KEPT) == kept
    parameters = [s.level_bytes for s in steps if s.what == "parameters"]
    assert parameters in ([], [model.parameter_bytes])
