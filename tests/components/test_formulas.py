"""Formulas give the figures that the interface shows, for every variant of every kind of run."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from components.format import format_db, format_percent, format_ratio
from components.formula_names import describe, formula_help
from components.formulas import Formula, list_formulas
from components.formulas.accuracy import accuracy_formulas
from components.formulas.calibration import clipping_formulas, draw_formulas, halves_formulas
from components.formulas.candidates import candidate_formulas, prediction_errors
from components.formulas.execution import (
    arena_formula,
    delegation_formulas,
    import_formulas,
    tensor_formula,
)
from components.formulas.flags import effect_formulas
from components.formulas.formula import NOT_STORED
from components.formulas.inside import part_formulas, stored_formulas
from components.formulas.latency import start_formulas
from components.formulas.layers import (
    change_formula,
    cost_formulas,
    layer_formulas,
    ledger_formulas,
)
from components.formulas.lesson import outcome_formulas, sum_formulas
from components.formulas.model import model_formulas
from components.formulas.overview import (
    measured_formulas,
    operation_formulas,
    run_size_formula,
    story_formulas,
    usage_formula,
)
from components.formulas.samples import distribution_formulas, sample_formulas
from components.formulas.sizes import area_formulas, prediction_formulas, step_formulas
from converter.accuracy import measure_classification, measure_regression
from converter.anatomy import AnatomyNode
from converter.assessment import Assessor
from converter.budget import Figures
from converter.calibration_findings import (
    CalibrationStudy,
    ClippedTensor,
    Clipping,
    Halves,
    StudyPoint,
    TensorScales,
)
from converter.candidate_layers import CandidateLayer
from converter.candidate_session import CostCheck
from converter.comparison import Reference, Variant
from converter.delegation import Delegation
from converter.drift import measure_drift, worst_drift
from converter.flag_effects import MEASURES
from converter.flag_study import study_flags
from converter.lesson.accumulation import accumulate
from converter.lesson.calibration import calibrate_activations
from converter.lesson.weights import quantize_weights
from converter.metrics import METRICS
from converter.operator_costs import compare_costs
from converter.operator_support import OperationRow
from converter.paired_test import ErrorChanges, compare_classes, compare_errors
from converter.predicted_latency import TableCheck
from converter.run_cleanup import Usage
from converter.size_steps import size_steps
from converter.start_cost import FileStart
from converter.streamed_error import StreamedError
from converter.tflite_size_anatomy import read_size_anatomy
from converter.verdict import size_ratio, speed_ratio
from tests.components.synthetic_layers import costs, layer, make_analysis
from tests.components.test_execution_figures import COSTS, lifetimes
from tests.components.worked_value import compute, equations, shown
from tests.converter.example_tflites import write_classifier
from tests.pages.synthetic import make_comparison, make_hard_case, make_random_data, make_regression

MAKERS = [make_comparison, make_hard_case, make_regression, make_random_data]


def hold(formulas, *, least=1):
    """Compute every equation anew and hold it against what is shown; return how many there were."""
    held = 0
    for formula in formulas:
        assert formula.formula
        assert formula.meaning
        assert "nan" not in formula.worked.lower() or not equations(formula.worked)
        for left, right in equations(formula.worked):
            value, rounding = shown(right)
            assert compute(left) == pytest.approx(value, abs=1.01 * rounding, rel=1e-6), (
                formula.key, formula.worked)
            held += 1
    assert held >= least, [formula.worked for formula in formulas]
    return held


def measured(seed=0, classes=True):
    rng = np.random.default_rng(seed)
    reference = rng.dirichlet(np.ones(4), 50)
    candidate = np.clip(reference + rng.normal(0, 0.02, reference.shape), 0, 1)
    return measure_drift(reference, candidate, classes=classes, step=1 / 256)


@pytest.mark.parametrize("make", MAKERS)
def test_every_variant_has_every_formula_and_what_was_not_measured_is_empty(make):
    comparison, _ = make()
    for variant in comparison.variants:
        found = list_formulas(comparison, variant)
        assert {"size_ratio", "p50_ms", "sqnr_db", "rmse", "top1_agreement"} <= set(found)
        hold(found.values(), least=1 if variant.status == "ok" else 0)
        if variant.latency is None:
            assert found["p50_ms"].worked == ""
        if variant.drift is None:
            assert found["sqnr_db"].worked == found["rmse"].worked == ""


def test_the_worked_figures_are_those_of_the_run():
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    drift = measured()
    variant.drift, variant.output_drift = drift, {"p": drift}
    found = list_formulas(comparison, variant)
    assert found["size_ratio"].worked.endswith(f"= {format_ratio(size_ratio(comparison, variant))}")
    assert found["speed_ratio"].worked.endswith(
        f"= {format_ratio(speed_ratio(comparison, variant))}"
    )
    assert found["sqnr_db"].worked.endswith(f"= {format_db(drift.sqnr_db)}")
    assert found["top1_agreement"].worked.endswith(format_percent(drift.top1_agreement))
    assert hold(found.values()) >= 11
    for key in ("sqnr_db", "rmse", "mean_abs_error", "max_abs_error_lsb", "top1_agreement"):
        assert equations(found[key].worked), key


def test_a_wrong_formula_would_be_found():
    comparison, _ = make_comparison()
    right = list_formulas(comparison, comparison.variant("int8"))["size_ratio"]
    with pytest.raises(AssertionError):
        hold([replace(right, worked=right.worked.replace(" / ", " · "))])
    with pytest.raises(AssertionError):
        hold([Formula(key="sqnr_db", worked="10 · log₁₀(100 / 2) = 27.0 dB")])


def test_terms_that_a_run_does_not_keep_are_not_made_up():
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    drift = replace(variant.drift, signal_square_sum=None, error_square_sum=None, error_sum=None)
    variant.drift, variant.output_drift = drift, {}
    found = list_formulas(comparison, variant)
    for key in ("sqnr_db", "rmse", "mean_abs_error"):
        assert "=" not in found[key].worked
        assert found[key].note == NOT_STORED
    assert found["sqnr_db"].worked == format_db(drift.sqnr_db)


def test_of_several_outputs_the_one_that_is_shown_is_named():
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    variant.output_drift = {"a": measured(1), "b": measured(2)}
    variant.drift = worst_drift(variant.output_drift.values())
    found = list_formulas(comparison, variant)
    worst = min(variant.output_drift, key=lambda name: variant.output_drift[name].sqnr_db)
    assert f"output {worst}, the worst of 2" in found["sqnr_db"].note
    assert found["sqnr_db"].worked.endswith(format_db(variant.drift.sqnr_db))
    hold(found.values())


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_figures_without_a_finite_value_are_told_as_they_are(value):
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    drift = replace(variant.drift, sqnr_db=value, rmse=0.0 if value == math.inf else math.nan)
    variant.drift, variant.output_drift = drift, {}
    assert list_formulas(comparison, variant)["sqnr_db"].worked == format_db(value)


def test_accuracy_of_classes():
    rng = np.random.default_rng(5)
    scores = rng.dirichlet(np.ones(2), 200)
    labels = (rng.random(200) < scores[:, 1]).astype(int)
    base = measure_classification(scores, labels)
    own = replace(
        measure_classification(np.roll(scores, 20, axis=0), labels),
        paired=compare_classes(12, 5, 200),
    )
    found = {formula.key: formula for formula in accuracy_formulas(own, base, "int8")}
    assert set(found) == {
        "top1", "delta", "macro_f1", "auc", "expected_calibration_error", "paired_p_value",
        "paired_difference", "samples_needed",
    }  # fmt: skip
    assert all(equations(formula.worked) for formula in found.values())
    hold(found.values(), least=8)
    earlier = {f.key: f for f in accuracy_formulas(replace(own, terms={}), base)}
    for key in ("macro_f1", "auc", "expected_calibration_error"):
        assert "=" not in earlier[key].worked
        assert earlier[key].note == NOT_STORED


def test_accuracy_of_values():
    rng = np.random.default_rng(6)
    targets = rng.normal(3, 2, (80, 1))
    changes = ErrorChanges()
    changes.add(rng.random(80), rng.random(80))
    own = replace(
        measure_regression(targets + rng.normal(0, 1, (80, 1)), targets),
        paired=compare_errors(changes),
    )
    found = {formula.key: formula for formula in accuracy_formulas(own)}
    assert set(found) == {"mae", "accuracy_rmse", "r2", "paired_z_value", "paired_difference"}
    assert sum(bool(equations(formula.worked)) for formula in found.values()) == 4
    hold(found.values(), least=4)
    assert accuracy_formulas(None) == []


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("classes", [True, False])
def test_samples_and_distributions(classes, labelled):
    rng = np.random.default_rng(7)
    reference = rng.dirichlet(np.ones(3), 40) if classes else rng.normal(2, 3, (40, 1))
    candidate = np.clip(reference + rng.normal(0, 0.2, reference.shape), 0, None)
    labels = rng.integers(0, 3, 40) if classes else reference
    variant = Variant(recipe="int8", flags={}, runnable=True)
    assessor = Assessor({"p": reference}, {"p": labels} if labelled else {}, Reference(), inputs={})
    output = assessor.assess(variant, {"p": candidate}, {}).outputs["p"]
    found = sample_formulas(output, output.differences)
    has_classes = output.classes
    hold(found, least=3 if has_classes else 1)
    assert {f.key for f in found} == (
        {"sample_error", "sample_score", "sample_margin", "flips"} if has_classes
        else {"sample_error"})
    spread = distribution_formulas(output)
    assert {"bias", "limits"} <= {f.key for f in spread}
    hold(spread, least=2)


def test_layers_with_their_sums():
    rng = np.random.default_rng(8)
    sums = StreamedError()
    sums.add(rng.normal(size=(5, 4)), rng.normal(size=(5, 4)))
    real = replace(layer(3), accumulated=sums.finish(0.1), born=sums.finish(0.1))
    found = {f.key: f for f in layer_formulas(real)}
    for key in ("accumulated_sqnr_db", "born_sqnr_db", "rmse_in_steps", "clipped"):
        assert equations(found[key].worked), key
    hold(found.values(), least=4)
    earlier = {f.key: f for f in layer_formulas(layer(3))}
    assert earlier["born_sqnr_db"].note == NOT_STORED
    bare = {f.key: f for f in layer_formulas(replace(layer(1, born=None), saturation=None))}
    assert bare["born_sqnr_db"].worked == bare["at_low"].worked == ""


def test_legs_costs_and_changes():
    analysis = make_analysis()
    hold(ledger_formulas(analysis.ledger, "y"))
    assert hold(cost_formulas(analysis.costs)) == 5
    changes = compare_costs(analysis.reference_costs, analysis.costs)
    hold(change_formula(changes, "float32"))
    assert change_formula(compare_costs(costs(("ADD", "a", 1.0)), costs(("MUL", "b", 1.0))), "x") \
        == []


def test_calibration():
    points = [StudyPoint(samples=n, draw=d, sqnr_db=20.0 + n + d / 3) for n in (1, 5)
              for d in range(3)]  # fmt: skip
    halves = Halves(samples=5, first=points[0], second=points[5], between_db=31.2, compared=4,
                    tensors=[TensorScales(name="t", first=0.25, second=0.1, ratio=2.5)])
    clipping = Clipping(samples=9, compared=7, clipped=2, tensors=[
        ClippedTensor(name="t", operator="ADD", clipped_low=0.001, clipped_high=0.0213)])
    study = CalibrationStudy(recipe="int8", points=points, halves=halves, calibration_samples=5,
                             evaluation_samples=9, seed=0, created="", clipping=clipping)
    hold(draw_formulas(study))
    assert hold(halves_formulas(halves)) == 2
    assert hold(clipping_formulas(clipping)) == 2
    empty = replace(study, points=[StudyPoint(samples=1, draw=0, problem="it broke")])
    assert draw_formulas(empty)[0].worked == ""


def test_sizes(tmp_path):
    anatomy = read_size_anatomy(write_classifier(tmp_path / "net.tflite"))
    comparison, _ = make_comparison()
    assert hold(step_formulas(size_steps(comparison.model, anatomy))) == 1
    assert hold(area_formulas(anatomy)) == 2
    for variant in comparison.variants:
        assert hold(prediction_formulas(comparison, variant)) == 4
    assert step_formulas([]) == []


@pytest.mark.parametrize("tensors", [1, 3, 300])
def test_execution(tensors):
    found = lifetimes(tensors)
    hold([arena_formula(found)])
    hold([tensor_formula(found.tensors[-1])])
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    variant.delegation = Delegation(operators=9, delegated=7, partitions=2)
    hold(delegation_formulas(variant))
    variant.delegation = None
    assert delegation_formulas(variant)[0].worked == ""
    files = [FileStart(recipe="int8", load_ms=[1.0], first_ms=[2.0], warm_ms=[0.5],
                       resident_bytes=[1000, 3000, 2000])]
    assert hold(import_formulas(replace(COSTS, files=files))) == 6
    stats = replace(variant.latency, first_ms=3.21)
    assert hold(start_formulas(stats)) == 1
    assert [f.worked for f in start_formulas(None)] == ["", "", ""]


@pytest.mark.parametrize("kinds", [0, 1, 30])
def test_operations(kinds):
    rows = [OperationRow(op=f"Op{i}", count=i + 1, layers=(), fates={}) for i in range(kinds)]
    hold(operation_formulas(rows), least=2 if kinds else 0)


@pytest.mark.parametrize("files", [1, 3, 30])
def test_overview(files):
    sizes = {str(i): 1000 * i + 7 for i in range(files)}
    whole = sum(sizes.values())
    assert hold([run_size_formula(sizes, whole)]) == 1
    beside = run_size_formula(sizes, whole + 5000)
    assert hold([beside]) == 1
    assert "measurements" in beside.note
    assert "=" not in run_size_formula(sizes, whole - 1).worked
    assert "=" not in run_size_formula({}, 12).worked
    hold([usage_formula(Usage(artifact_bytes=3, quota_bytes=9, runs=1, pinned=0))])
    hold(measured_formulas({"int8": 0.3, "float32": 1234.5}, 0.9))
    assert [f.worked for f in measured_formulas({}, None)] == ["", ""]


@pytest.mark.parametrize("make", MAKERS)
def test_a_story(make):
    comparison, _ = make()
    for variant in comparison.variants:
        if variant.status == "ok":
            found = story_formulas(comparison, variant, users=1_000_000, inferences=30)
            hold(found, least=2)


def test_a_name_opens_its_meaning_formula_source_and_values():
    comparison, _ = make_comparison()
    text = formula_help(comparison, comparison.variant("int8"), "sqnr_db", "Signal over error.")
    assert text.startswith("Signal over error.")
    assert "`10 · log₁₀(Σ r² / Σ (y − r)²)`" in text
    assert "Bennett 1948" in text
    assert "Here: `" in text
    assert formula_help(comparison, comparison.variant("int8"), "nosuch", "Words.") == "Words."


def test_names_of_others_are_text_and_many_owners_stay_short():
    found = [Formula(key="p50_ms", worked="1 ms", owner="<b>x</b> [a](b)") for _ in range(30)]
    text = describe(found)
    assert "<b>" not in text
    assert "[a](b)" not in text
    assert "and 22 more" in text


def test_every_definition_is_a_sentence_and_a_name():
    labels = [metric.label for metric in METRICS.values()]
    assert len(set(labels)) == len(labels)
    for key, metric in METRICS.items():
        assert key == metric.key
        assert metric.meaning.endswith(".")
        assert metric.formula


def test_the_lesson():
    for channels in (True, False):
        for outcome in (quantize_weights(8, 8, 3, per_channel=channels),
                        calibrate_activations(3, 5, 8, 3)):
            found = outcome_formulas(outcome)
            assert hold(found) == 6
            assert found[3].worked.endswith(format_db(outcome.sqnr_db))
    assert hold(sum_formulas(accumulate(3, 3))) == 4


def test_a_model_before_it_is_converted():
    facts = {"format": "keras", "parameters": 10, "parameter_bytes": 40, "size_bytes": 1234,
             "size_without_optimizer_bytes": 1000, "optimizer_bytes": 400, "details": {}}
    assert hold(model_formulas(facts)) == 1
    tflite = model_formulas({**facts, "format": "tflite", "details": {"operator_count": 7}})
    assert [f.key for f in tflite] == ["parameters", "size_bytes", "operator_count"]
    assert tflite[-1].worked == "7"


def test_a_candidate_and_what_is_predicted_of_it():
    figures = Figures(size_bytes=1234, sqnr_db=31.5, agreement=0.985, accuracy=0.97,
                      predicted_ms=0.0054)  # fmt: skip
    found = {f.key: f for f in candidate_formulas(figures, 200, "this state")}
    assert set(found) == {"size_bytes", "sqnr_db", "top1_agreement", "top1", "predicted_ms"}
    assert found["top1"].worked.startswith("194 / 200 = ")
    assert "not kept" in found["sqnr_db"].note
    assert hold(found.values()) == 1
    broken = Figures(size_bytes=2**62, sqnr_db=math.nan, problem="it does not run")
    assert all(not f.worked for f in candidate_formulas(broken, 200))
    checks = [TableCheck(label="int8", predicted_ms=0.0038, measured_ms=0.004),
              TableCheck(label="float32", predicted_ms=0.0056, measured_ms=0.0053)]  # fmt: skip
    assert hold(prediction_errors(CostCheck(checks=checks, cost_ms={}))) == 2


def test_what_flags_do():
    study = study_flags([make_comparison()[0]])
    shown_effects = [(i,) for i in range(len(study.factors))]
    found = effect_formulas(study, shown_effects)
    told = [e for e in (study.effect(m, *w) for w in shown_effects for m in MEASURES)
            if e.estimate is not None]  # fmt: skip
    assert len(found) == len(told) > 0
    assert hold(found) == len(told)


def test_what_files_hold_and_layers_store():
    tree = AnatomyNode(name="a.tflite", role="container", size_bytes=60, children=tuple(
        AnatomyNode(name=f"part {size}", role="weights", size_bytes=size)
        for size in (1, 2, 3, 4, 5, 6, 7, 32)
    ))  # fmt: skip
    assert hold(part_formulas([("The .tflite file", tree)])) == 1
    layers = [CandidateLayer(number=n, operator="CONV_2D", name=f"l{n}", scope=f"l{n};",
                             weights=100, sources=(), from_input=not n,
                             bytes_of={"float32": 400, "dynamic_int8": 130})
              for n in range(3)]  # fmt: skip
    found = stored_formulas(layers, {0: "dynamic_int8", 1: "int8", 2: "float32"})
    assert found[0].worked.endswith("= 930 B")  # int8 changes nothing: float32 is stored
    assert hold(found) == 2
