"""The comparison on disk: strict JSON, nothing lost on the way, unreadable files told clearly."""

from __future__ import annotations

import json
import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from converter.comparison import (
    COMPARISON_FILE,
    SAMPLES_FILE,
    Comparison,
    load_latency_samples,
    save_latency_samples,
    write_whole,
)
from converter.errors import GateError
from converter.signature import TensorSpec
from tests.converter.example_comparisons import (
    make_comparison,
    make_drift,
    make_failed,
    make_variant,
)


def refuse_constant(name):
    raise AssertionError(f"{name} is no JSON")


def strict(comparison):
    """Return a comparison's JSON by way of text, as another program would read it."""
    text = json.dumps(comparison.to_json(), allow_nan=False)
    return json.loads(text, parse_constant=refuse_constant)


class TestJson:
    def test_infinities_are_texts_and_nan_is_null(self):
        first, second = strict(make_comparison())["variants"]
        assert first["drift"]["sqnr_db"] == "inf"
        assert second["drift"]["sqnr_db"] == "-inf"
        assert second["drift"]["rmse"] is None

    def test_what_a_tflite_adds_survives(self):
        mine = make_variant("int8", engine="given", given_name="../<b>x.tflite", flags={})
        mine.audit.missing_kernels = ["Mine"]
        comparison = make_comparison([mine])
        comparison.model.format = "tflite"
        comparison.reference.peak_memory_bytes = 5
        read = Comparison.from_json(strict(comparison))
        assert read.to_json() == comparison.to_json()
        assert read.starts_from_tflite
        assert not read.variants[0].is_original

    def test_a_comparison_of_an_older_version_is_read(self):
        values = strict(make_comparison())
        del values["reference"]["peak_memory_bytes"], values["reference"]["runtime_memory_bytes"]
        for variant in values["variants"]:
            del variant["given_name"], variant["audit"]["missing_kernels"]
        assert Comparison.from_json(values).variants[0].given_name is None

    def test_round_trip(self):
        comparison = make_comparison()
        read = Comparison.from_json(strict(comparison))
        assert read.to_json() == comparison.to_json()
        assert read.variants[0].drift == comparison.variants[0].drift
        assert read.variants[1].drift.sqnr_db == -math.inf
        assert math.isnan(read.variants[1].drift.rmse)
        assert read.variants[0].latency == comparison.variants[0].latency
        assert read.variants[0].accuracy == comparison.variants[0].accuracy
        assert read.variants[0].audit == comparison.variants[0].audit
        assert read.model == comparison.model
        assert read.data == comparison.data
        assert read.reference == comparison.reference

    def test_a_failed_variant_survives(self):
        comparison = make_comparison([make_failed()])
        assert Comparison.from_json(strict(comparison)).variants == [
            replace(make_failed(), flags=strict(comparison)["variants"][0]["flags"])
        ]

    def test_the_contract_of_the_command_line_is_there(self):
        values = strict(make_comparison())
        assert values["schema"] == 1
        assert {
            "name",
            "format",
            "sha256",
            "size_bytes",
            "parameters",
            "parameter_bytes",
            "inputs",
            "outputs",
        } <= set(values["model"])
        assert values["model"]["inputs"] == [
            {"name": "image", "shape": [1, 8, 8, 1], "dtype": "float32"}
        ]
        assert {"source", "calibration_samples", "evaluation_samples", "labelled"} <= set(
            values["data"]
        )
        assert {"cpu", "threads", "python", "tensorflow", "ai_edge_litert"} <= set(
            values["environment"]
        )
        assert values["reference"]["latency"]["p50_ms"] == 1.0
        assert values["reference"]["accuracy"]["top1"] == 0.98
        variant = values["variants"][0]
        assert {
            "recipe",
            "engine",
            "status",
            "error",
            "file",
            "size_bytes",
            "gzip_bytes",
            "peak_memory_bytes",
            "convert_seconds",
            "latency",
            "drift",
            "accuracy",
            "audit",
        } <= set(variant)
        assert {
            "p50_ms",
            "p90_ms",
            "p99_ms",
            "mean_ms",
            "stdev_ms",
            "init_ms",
            "first_ms",
            "warmup_runs",
            "runs",
            "threads",
        } <= set(variant["latency"])
        assert {
            "max_abs_error",
            "mean_abs_error",
            "rmse",
            "sqnr_db",
            "cosine_similarity",
            "top1_agreement",
            "non_finite_count",
        } <= set(variant["drift"])
        assert {"top1", "delta", "ci95"} <= set(variant["accuracy"])
        assert {"total_ops", "integer_ops", "float_ops", "flex_ops", "notes"} <= set(
            variant["audit"]
        )

    @pytest.mark.parametrize("name", ["inf", "-inf", 'a "quoted"\n\\name', "模型", "\udcff"])
    def test_names_stay_what_they_are(self, name, tmp_path):
        variant = make_variant(output_drift={name: make_drift()}, error=name)
        comparison = make_comparison([variant], name=name)
        comparison.model.inputs = [TensorSpec(name, (1,), "float32")]
        comparison.data.name = name
        comparison.model.notes = [name]
        comparison.settings["source"]["raw_inputs"] = [name]
        read = Comparison.load(comparison.save(tmp_path))
        assert read.model.name == name
        assert read.data.name == name
        assert read.model.inputs[0].name == name
        assert read.model.notes == [name]
        assert read.settings["source"]["raw_inputs"] == [name]
        assert list(read.variants[0].output_drift) == [name]
        assert read.variants[0].error == name

    def test_a_signature_named_inf_stays_a_text(self):
        comparison = make_comparison()
        comparison.settings["source"]["signature"] = "inf"
        read = Comparison.from_json(strict(comparison))
        assert read.settings["source"]["signature"] == "inf"

    @pytest.mark.parametrize("name", ["schema", "notes", "name", "latency"])
    def test_an_output_may_have_the_name_of_a_field(self, name):
        variant = make_variant(
            output_drift={name: make_drift()}, output_accuracy={name: make_variant().accuracy}
        )
        read = Comparison.from_json(strict(make_comparison([variant]))).variants[0]
        assert read.output_drift == {name: make_drift()}
        assert read.output_accuracy == {name: make_variant().accuracy}

    @pytest.mark.parametrize(
        "place",
        [
            lambda values: values,
            lambda values: values["model"],
            lambda values: values["data"],
            lambda values: values["reference"],
            lambda values: values["variants"][0],
            lambda values: values["variants"][0]["drift"],
            lambda values: values["variants"][0]["audit"],
        ],
        ids=["top", "model", "data", "reference", "variant", "drift", "audit"],
    )
    def test_a_field_added_by_a_later_version_is_no_obstacle(self, place):
        values = strict(make_comparison())
        place(values)["a_field_of_later"] = {"x": 1}
        assert Comparison.from_json(values).to_json() == make_comparison().to_json()


class TestLoad:
    def test_a_missing_file(self, tmp_path):
        with pytest.raises(GateError, match=r"none\.json: expected .* found no readable file"):
            Comparison.load(tmp_path / "none.json")

    def test_a_folder(self, tmp_path):
        with pytest.raises(GateError, match="check the path"):
            Comparison.load(tmp_path)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"no json",
            b"\xff\xfe\x00",
            b"[]",
            b"null",
            b"5",
            b'{"schema": 1}',
            b'{"schema": 1, "model": 5}',
            b'{"schema": 1, "model": {}, "data": {}, "reference": {}, "variants": 3}',
            b"[" * 200_000,
            b'{"a": ' * 100_000,
        ],
        ids=[
            "empty",
            "text",
            "binary",
            "list",
            "null",
            "number",
            "no fields",
            "wrong field",
            "no variants",
            "deep lists",
            "deep objects",
        ],
    )
    def test_other_content_is_told_in_one_sentence(self, tmp_path, content):
        path = tmp_path / COMPARISON_FILE
        path.write_bytes(content)
        with pytest.raises(GateError, match="expected a comparison written by `run`") as refused:
            Comparison.load(path)
        assert len(str(refused.value)) < 300

    def test_every_damaged_variant_is_told(self, tmp_path):
        values = strict(make_comparison())
        for key in ("latency", "drift", "audit", "output_drift"):
            broken = json.loads(json.dumps(values))
            broken["variants"][0][key] = 5
            path = tmp_path / COMPARISON_FILE
            path.write_text(json.dumps(broken))
            with pytest.raises(GateError):
                Comparison.load(path)


class TestVariants:
    def test_are_found_by_recipe(self):
        comparison = make_comparison()
        assert comparison.variant("int8") is comparison.variants[1]

    def test_an_unknown_recipe_is_refused_with_the_known_ones(self):
        with pytest.raises(GateError, match="float32, int8; found no 'int4'"):
            make_comparison().variant("int4")

    def test_usable_are_those_that_ran(self):
        good, cannot = make_variant("float32"), make_variant("int8", runnable=False)
        assert make_comparison([good, cannot, make_failed()]).usable == [good]


class TestWriteWhole:
    def test_replaces_the_old_content_and_leaves_nothing_else(self, tmp_path):
        path = tmp_path / "a"
        path.write_bytes(b"a longer old content")
        write_whole(path, b"new")
        assert path.read_bytes() == b"new"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_failure_keeps_the_old_and_leaves_nothing_else(self, tmp_path):
        target = tmp_path / "folder"
        target.mkdir()
        with pytest.raises(OSError, match="directory"):
            write_whole(target, b"new")
        assert list(tmp_path.iterdir()) == [target]


class TestLatencySamples:
    def test_round_trip_with_awkward_names(self, tmp_path):
        samples = {"original": np.array([1.0, 2.0]), "file": np.array([3.0]), "int8": np.zeros(0)}
        save_latency_samples(tmp_path, samples)
        read = load_latency_samples({SAMPLES_FILE: tmp_path / SAMPLES_FILE})
        assert list(read) == list(samples)
        for name, array in samples.items():
            np.testing.assert_array_equal(read[name], array)

    def test_a_candidate_s_samples_are_read_when_they_are_asked_for(self, tmp_path):
        # Eight people who look at models of a microsecond would else hold hundreds of megabytes.
        save_latency_samples(tmp_path, {"large": np.zeros(4_000_000), "small": np.ones(3)})
        tracemalloc.start()
        try:
            read = load_latency_samples({SAMPLES_FILE: tmp_path / SAMPLES_FILE})
            assert len(read) == 2
            np.testing.assert_array_equal(read["small"], np.ones(3))
            assert read["large"].nbytes == 32_000_000
            held, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most > 32_000_000 > 4_000_000 > held

    def test_none_taken_is_an_empty_answer(self, tmp_path):
        assert load_latency_samples({}) == {}


def test_a_target_that_cannot_be_written_is_called_by_its_own_name(tmp_path):
    with pytest.raises(OSError, match=r"gone/tables\.zip") as caught:
        write_whole(tmp_path / "gone" / "tables.zip", b"")
    assert "partial" not in str(caught.value)
