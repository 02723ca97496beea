"""Latencies on request: what can be asked, its JSON, and whole runs that measure it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from converter.child_process import PROJECT_ROOT
from converter.comparison import SAMPLES_FILE, Comparison, load_latency_samples
from converter.errors import DataError
from converter.further_latency import FurtherLatency, FurtherRequest, stage_labels
from converter.pipeline import run_comparison
from converter.recipe import PRESETS
from converter.request import RunRequest
from tests.converter.example_comparisons import make_comparison, make_latency
from tests.converter.example_tflites import write_classifier


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"threads": (0,)}, "at least 1, found 0"),
        ({"threads": (2, 2)}, "each setting once"),
        ({"kernels": ("fast",)}, "expected some of default, no-xnnpack, reference, found 'fast'"),
        ({"baselines": ("predict", "<b>")}, "found '<b>'"),
    ],
)
def test_what_cannot_be_measured_is_refused(asked, words):
    with pytest.raises(DataError, match=words):
        FurtherRequest(**asked)


def test_the_request_survives_json():
    asked = FurtherRequest(threads=(1, 2), kernels=("reference",), baselines=("xla",))
    assert FurtherRequest.from_json(json.loads(json.dumps(asked.to_json()))) == asked
    assert FurtherRequest.from_json({}).is_empty
    assert not asked.is_empty


def test_results_survive_json_and_older_files_have_none():
    comparison = make_comparison()
    comparison.further_latency = [
        FurtherLatency(kind="threads", candidate="int8", setting="2", notes=["noisy"],
                       latency=make_latency(2.0, p50_ci95_ms=(1.9, 2.2), turn_runs=(1, 2))),
        FurtherLatency(kind="kernels", candidate="int8", setting="reference", error="it crashed"),
    ]
    values = json.loads(json.dumps(comparison.to_json()))
    assert Comparison.from_json(values).further_latency == comparison.further_latency
    del values["further_latency"]
    assert Comparison.from_json(values).further_latency == []


def test_one_stage_for_each_kind_and_variant():
    asked = FurtherRequest(threads=(1, 2), kernels=("default",), baselines=("call",))
    assert len(stage_labels(asked, ["a", "b"])) == 5
    assert stage_labels(FurtherRequest(), ["a"]) == []


def test_a_tflite_with_threads_kernels_and_no_tensorflow(tmp_path):
    path = write_classifier(tmp_path / "a.tflite")
    request = RunRequest(
        model_path=path, model_name=path.name, recipes=(PRESETS["dynamic_range"],), samples=8,
        runs=12, further=FurtherRequest(
            threads=(1, 2), kernels=("default", "no-xnnpack", "reference"), baselines=("call",)
        ),
    )
    out = tmp_path / "out"
    result = run_comparison(request, out)
    found = {(f.kind, f.setting): f for f in result.further_latency}
    assert len(found) == len(result.further_latency) == 6
    assert "there is no TensorFlow model" in found["baselines", "call"].error
    samples = load_latency_samples({SAMPLES_FILE: out / SAMPLES_FILE})
    for key, further in found.items():
        if key[0] == "baselines":
            continue
        assert further.error is None
        assert further.latency.runs == 12
        assert further.latency.p50_ci95_ms[0] <= further.latency.p50_ms
        assert samples[further.samples_key].shape == (12,)
        assert np.median(samples[further.samples_key]) == pytest.approx(further.latency.p50_ms)
    assert found["threads", "2"].latency.threads == 2
    assert {"original", "dynamic_range"} <= set(samples)
    variant = result.variant("dynamic_range")
    assert variant.delegation.operators > 0
    assert sum(variant.latency.turn_runs) == 12


def test_every_call_of_a_keras_model_in_a_process_of_its_own(tmp_path):
    path = PROJECT_ROOT / "sample_models" / "digits_mobilenet" / "digits_mobilenet.keras"
    calls = ("predict", "call", "function", "xla")
    result = run_comparison(
        RunRequest(
            model_path=path, model_name=path.name, recipes=(PRESETS["float32"],), samples=4,
            runs=3, further=FurtherRequest(baselines=calls),
        ),
        tmp_path,
    )
    assert [f.setting for f in result.further_latency] == list(calls)
    assert [f.error for f in result.further_latency] == [None] * 4
    assert all(f.latency.runs == 3 for f in result.further_latency)
    kept = load_latency_samples({SAMPLES_FILE: tmp_path / SAMPLES_FILE})
    assert all(f.samples_key in kept for f in result.further_latency)
