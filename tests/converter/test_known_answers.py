"""Files whose answer is known on paper, run whole: rounding, shuffled outputs, NaN, odd batches."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from converter.assessment import Assessor
from converter.comparison import Reference, Variant
from converter.drift import top1_agreement
from converter.evaluation import BATCH, evaluate, evaluate_into
from converter.litert_model import LitertModel
from converter.paired_test import ErrorChanges, compare_errors
from converter.sample_arrays import ArrayWriter, load_arrays
from tests.converter.example_tflites import (
    File,
    Op,
    Options,
    features,
    schema,
    write_classifier,
    write_lookup,
)
from tests.converter.rewritten_tflites import write_copy, write_rounding

RANDOM = np.random.default_rng(11)


def assess(path, inputs, reference, labels=None):
    outputs, _, steps = evaluate(path, inputs, 1, stateful=False)
    variant = Variant(recipe="int8", flags={})
    content = Assessor(reference, labels or {}, Reference()).assess(variant, outputs, steps)
    return variant, content


class TestRounding:
    @pytest.mark.parametrize(("scale", "zero_point"), [(0.5, 0), (0.25, -7), (0.125, 100)])
    def test_drift_is_what_rounding_and_clipping_give_on_paper(self, tmp_path, scale, zero_point):
        path = write_rounding(tmp_path / "r.tflite", 6, scale, zero_point)
        # Eighths of a step never lie half way between two, where rounding is a convention.
        eighths = RANDOM.integers(-1400, 1400, (60, 6))
        eighths[eighths % 8 == 4] += 1
        x = (eighths / 8 * scale).astype(np.float32)
        y = (np.clip(np.round(x / scale + zero_point), -128, 127) - zero_point) * scale
        variant, _ = assess(path, {"x": x}, {"y": x})
        error = y - x
        assert variant.drift.max_abs_error == pytest.approx(np.abs(error).max())
        assert variant.drift.mean_abs_error == pytest.approx(np.abs(error).mean())
        assert variant.drift.rmse == pytest.approx(math.sqrt(np.mean(error**2)))
        assert variant.drift.sqnr_db == pytest.approx(
            10 * math.log10(np.sum(x.astype(float) ** 2) / np.sum(error**2))
        )

    def test_values_on_the_grid_are_exact(self, tmp_path):
        path = write_rounding(tmp_path / "r.tflite", 4, 0.5, 3)
        x = (RANDOM.integers(-125, 120, (30, 4)) * 0.5).astype(np.float32)
        variant, _ = assess(path, {"x": x}, {"y": x})
        assert variant.drift.max_abs_error == 0
        assert variant.drift.sqnr_db == math.inf

    def test_a_uniform_error_is_a_step_over_the_root_of_twelve(self, tmp_path):
        path = write_rounding(tmp_path / "r.tflite", 50, 0.02, 0)
        x = RANDOM.uniform(-2, 2, (400, 50)).astype(np.float32)
        variant, content = assess(path, {"x": x}, {"y": x})
        assert variant.drift.rmse == pytest.approx(0.02 / math.sqrt(12), rel=0.02)
        facts = content.outputs["y"].distribution
        assert facts["bias"] == pytest.approx(0, abs=4 * 0.02 / math.sqrt(12 * x.size))
        assert facts["limits"][1] == pytest.approx(1.96 * 0.02 / math.sqrt(12), rel=0.02)


def write_twelve(path, seed):
    """Write `output_k = x + 10 k` for k from 0 to 11, tensors and signature in any order."""
    file = File()
    graph = file.graph()
    x = graph.tensor("x", (1, 3))
    outputs = {}
    for k in np.random.default_rng(seed).permutation(12).tolist():
        total = graph.tensor(f"t{k}", (1, 3))
        offset = graph.constant(f"c{k}", np.full((1, 3), 10 * k, np.float32))
        graph.operator(Op.ADD, [x, offset], [total], Options.AddOptions, schema.AddOptionsT())
        outputs[f"output_{k}"] = total
    names = np.random.default_rng(seed + 1).permutation(list(outputs)).tolist()
    file.add(graph, {"x": x}, {name: outputs[name] for name in names})
    return file.write(path)


@pytest.mark.parametrize("seed", range(3))
def test_twelve_shuffled_outputs_of_a_file_are_paired_by_name(tmp_path, seed):
    x = RANDOM.normal(size=(7, 3)).astype(np.float32)
    reference = {f"output_{k}": x + np.float32(10 * k) for k in range(12)}
    variant, content = assess(write_twelve(tmp_path / "t.tflite", seed), {"x": x}, reference)
    assert list(content.outputs) == list(reference)
    assert {drift.max_abs_error for drift in variant.output_drift.values()} == {0.0}


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_counted_exactly(tmp_path, odd):
    path = write_copy(tmp_path / "c.tflite", 5)
    x = RANDOM.normal(size=(120, 5)).astype(np.float32)
    fed = x.copy()
    places = RANDOM.permutation(x.size)[:17]
    fed.reshape(-1)[places] = odd
    variant, content = assess(path, {"x": fed}, {"y": x})
    assert variant.drift.non_finite_count == 17
    assert not math.isfinite(variant.drift.rmse)
    facts = content.outputs["y"].distribution
    assert (facts["pairs"], facts["left_out"]) == (x.size - 17, 17)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 12), st.integers(2, 5), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_ties_count_by_the_overlap_of_the_top_classes(samples, classes, steps, seed):
    random = np.random.default_rng(seed)
    r, y = random.integers(0, steps, (2, samples, classes)).astype(float)
    shares = []
    for before, after in zip(r.tolist(), y.tolist(), strict=True):
        first = {k for k, score in enumerate(before) if score == max(before)}
        second = {k for k, score in enumerate(after) if score == max(after)}
        if len(first) == 1:
            shares.append(len(first & second) / len(first | second))
    found = top1_agreement(r, y)
    assert found == (pytest.approx(np.mean(shares)) if shares else None)


def test_as_many_samples_as_are_said_to_be_needed_tell_values_apart():
    random = np.random.default_rng(5)
    reference = random.exponential(size=400)
    variant = np.abs(reference + random.normal(0.01, 0.2, 400))

    def tested(places):
        changes = ErrorChanges()
        changes.add(reference[places], variant[places])
        return compare_errors(changes)

    test = tested(slice(None))
    change = variant - reference
    # The paired z test on paper.
    expected = ((norm.ppf(0.975) + norm.ppf(0.8)) * change.std(ddof=1) / change.mean()) ** 2
    assert test.samples_needed == pytest.approx(expected, rel=0.01)
    found = 0
    for _ in range(300):
        drawn = random.integers(0, 400, test.samples_needed)
        found += tested(drawn).p_value < 0.05
    assert 0.72 <= found / 300 <= 0.88


def one_by_one(path, x):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path)).get_signature_runner()
    return np.concatenate([runner(features=row[None])["scores"] for row in x])


def written(folder, path, inputs, **more):
    with ArrayWriter(folder) as writer:
        batch, _ = evaluate_into(writer, path, inputs, 1, stateful=False, **more)
    return load_arrays(folder), batch


class TestBlocks:
    @pytest.mark.parametrize("samples", [1, 2, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 7])
    def test_any_number_of_samples_comes_back_whole_and_in_order(self, tmp_path, samples):
        path, x = write_classifier(tmp_path / "a.tflite"), features(samples)
        found, batch = written(tmp_path / "out", path, {"features": x})
        assert batch == (1 if samples == 1 else min(BATCH, samples))
        assert found["scores"].shape == (samples, 3)
        np.testing.assert_allclose(found["scores"], one_by_one(path, x), atol=1e-6)

    @pytest.mark.parametrize("samples", [1, 3, 4, 5, 11])
    def test_a_batch_of_four_is_filled_up_and_cut(self, tmp_path, samples):
        path, x = write_classifier(tmp_path / "a.tflite", batch=4), features(samples)
        found, batch = written(tmp_path / "out", path, {"features": x})
        assert batch == 4
        single = one_by_one(write_classifier(tmp_path / "b.tflite"), x)
        np.testing.assert_allclose(found["scores"], single, atol=1e-6)

    def test_where_the_last_odd_batch_fails_all_is_run_again_one_by_one(
        self, tmp_path, monkeypatch
    ):
        resize = LitertModel._resize
        asked = []

        def refuse_seven(model, shapes):
            asked.extend(shape[0] for shape in shapes.values())
            if asked[-1:] == [7]:
                raise RuntimeError("a kernel that takes no seven")
            resize(model, shapes)

        monkeypatch.setattr(LitertModel, "_resize", refuse_seven)
        path, x = write_classifier(tmp_path / "a.tflite"), features(BATCH + 7)
        found, batch = written(tmp_path / "out", path, {"features": x})
        assert [size for size in asked if size != 1][-2:] == [BATCH, 7]
        assert asked[-1] == 1
        assert batch == 1
        np.testing.assert_allclose(found["scores"], one_by_one(path, x), atol=1e-6)

    def test_without_batches_the_same(self, tmp_path):
        path, x = write_classifier(tmp_path / "a.tflite"), features(9)
        found, batch = written(tmp_path / "out", path, {"features": x}, batched=False)
        assert batch == 1
        np.testing.assert_allclose(found["scores"], one_by_one(path, x), atol=1e-6)

    def test_no_sample_is_no_row(self, tmp_path):
        path = write_classifier(tmp_path / "a.tflite")
        found, batch = written(tmp_path / "out", path, {"features": features(3)[:0]})
        assert (found, batch) == ({}, 1)

    def test_ids_of_an_open_length_are_run_at_the_datas(self, tmp_path):
        path = write_lookup(tmp_path / "l.tflite")
        (name,) = LitertModel(path).inputs
        ids = RANDOM.integers(0, 10, (5, 1)).astype(np.int32)
        found, _ = written(tmp_path / "out", path, {name: ids})
        (output,) = found.values()
        assert len(output) == 5
        again = written(tmp_path / "again", path, {name: ids[::-1].copy()})[0]
        np.testing.assert_allclose(next(iter(again.values())), output[::-1], atol=1e-6)
