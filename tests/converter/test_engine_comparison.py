"""Both engines on one real run: the same recipes, judged alike, and what cannot be compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from converter.analysed_run import files_of
from converter.comparison import Comparison
from converter.engine_comparison import (
    ENGINES_FILE,
    EngineComparison,
    common_recipes,
    compare_engines,
)
from converter.errors import DataError, RecipeError
from converter.latency import LatencyProtocol
from converter.pipeline import run_comparison
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.sample_models import list_samples
from tests.converter.example_comparisons import make_comparison

RECIPES = ("float32", "dynamic_range", "float16", "int8", "int16x8")
RUNS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run of the smallest sample model."""
    sample = next(s for s in list_samples() if s.name == "cancer_mlp")
    place = tmp_path_factory.mktemp("engines") / "run"
    run_comparison(
        RunRequest(
            model_path=sample.model_path, model_name=sample.model_path.name,
            data_path=sample.data_path, data_name="data.npz",
            recipes=tuple(PRESETS[name] for name in RECIPES), runs=RUNS,
        ),
        place,
    )  # fmt: skip
    return place


@pytest.fixture(scope="module")
def run(folder):
    return files_of(folder), Comparison.load(folder / "comparison.json")


@pytest.fixture(scope="module")
def found(run, tmp_path_factory):
    files, comparison = run
    work = tmp_path_factory.mktemp("work")
    stages = []
    result = compare_engines(
        files, comparison, work=work, protocol=LatencyProtocol.exactly(RUNS),
        listener=lambda stage, share: stages.append((stage, share)),
    )  # fmt: skip
    assert list(work.iterdir()) == []  # nothing is left behind
    assert stages[0][1] <= stages[-1][1] <= 1
    return result


def test_every_recipe_that_both_can_make_is_there_with_all_figures(found, run):
    assert [pair.recipe for pair in found.pairs] == list(RECIPES[1:])
    for pair in found.pairs:
        for file in (pair.converter, pair.quantizer):
            assert file.problem is None
            assert file.size_bytes > 1000
            assert file.latency.runs == RUNS
            assert file.convert_seconds[0] > 0
        assert len(pair.quantizer.convert_seconds) == 3


def test_the_converters_side_is_what_the_run_itself_found(found, run):
    _, comparison = run
    for pair in found.pairs:
        variant = comparison.variant(pair.recipe)
        assert pair.converter.size_bytes == variant.size_bytes
        assert pair.converter.sha256 == variant.sha256
        assert found.samples == comparison.data.evaluation_samples
        assert pair.converter.drift.sqnr_db == pytest.approx(variant.drift.sqnr_db, abs=1e-6)


def test_both_judge_the_same_thing_and_the_weights_tell_it(found):
    by_name = {pair.recipe: pair for pair in found.pairs}
    for name in ("int8", "int16x8"):
        weights = by_name[name].weights
        assert weights.values > 3000
        assert weights.share == 1
        assert weights.largest_steps == 0
        drifts = [f.drift.sqnr_db for f in (by_name[name].converter, by_name[name].quantizer)]
        assert drifts[0] == pytest.approx(drifts[1], abs=0.5)
    assert by_name["float16"].weights.dtypes == (("float16",), ("float16",))
    # The bytes are told apart from the weights: names and layout differ.
    assert by_name["int8"].is_same_file is False


def test_it_is_kept_and_read_again(found, tmp_path):
    assert EngineComparison.load(found.save(tmp_path)) == found


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"pairs": [{}]}', '{"pairs": 3}'])
def test_a_damaged_file_is_refused_with_what_to_do(content, tmp_path):
    path = tmp_path / ENGINES_FILE
    path.write_text(content)
    with pytest.raises(DataError, match="compare them again"):
        EngineComparison.load(path)


def test_a_recipe_that_the_second_engine_refuses_is_a_row_with_its_reason(run, tmp_path):
    files, comparison = run
    variant = replace(comparison.variant("int8"), flags={
        **PRESETS["int8_full"].to_json(), "name": "int8"})  # fmt: skip
    asked = replace(comparison, variants=[comparison.variant("float32"), variant])
    damaged = {**files, "calibration.npz": tmp_path / "none.npz"}
    result = compare_engines(
        damaged, asked, work=tmp_path, protocol=LatencyProtocol.exactly(3)
    )
    (pair,) = result.pairs
    assert "calibration" in pair.quantizer.problem
    assert pair.quantizer.size_bytes is None
    assert pair.converter.drift is not None
    assert pair.weights is None


def test_runs_with_nothing_to_compare_are_refused(run, tmp_path):
    files, comparison = run
    alone = replace(comparison, variants=[comparison.variant("float32")])
    assert common_recipes(alone) == []
    with pytest.raises(RecipeError, match="both engines can make"):
        compare_engines(files, alone, work=tmp_path)
    bare = {name: path for name, path in files.items() if name != "evaluation.npz"}
    with pytest.raises(DataError, match="run it again"):
        compare_engines(bare, comparison, work=tmp_path)
    given = make_comparison()
    given.variants[1].engine = "litert_quantizer"
    assert [variant.recipe for variant in common_recipes(given)] == []


def test_no_file_of_the_run_is_changed(run, found):
    files, comparison = run
    for variant in comparison.variants:
        assert len(Path(files[variant.file]).read_bytes()) == variant.size_bytes
