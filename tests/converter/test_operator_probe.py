"""The probe finds out by doing: it survives what kills converter and runtime, and asks once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from converter.child_process import PROJECT_ROOT
from converter.errors import ModelFileError, RunCancelledError
from converter.operator_evidence import PROBE, RUN, TARGETS, Evidence
from converter.operator_fates import FLOAT, SELECT_TF, UNKNOWN, UNSUPPORTED
from converter.operator_probe import probe_model
from converter.operator_support import build_report
from converter.request import RunRequest
from converter.run_operators import Probe
from tests.converter import odd_operations

NAMES = [target.name for target in TARGETS]


def known_but(*names):
    """Return made-up evidence for every target but some, so that those alone are probed."""
    return [Evidence(target=name, source=RUN, converts=True, allocates=True, runs=True)
            for name in NAMES if name not in names]


def request_for(path):
    return RunRequest(model_path=path, model_name=path.name)


def state_of(report, op, target):
    row = next(row for row in report.rows if row.op == op)
    return {fate.state for fate, _ in row.fates[target]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("probed")


def test_it_survives_what_kills_converter_and_runtime(folder):
    heard = []
    probe = probe_model(
        request_for(odd_operations.log_gamma(folder)),
        known_but("float32", "int8", "int16x8"),
        listener=lambda stage, share: heard.append((stage, share)),
    )
    found = {item.target: item for item in probe.evidence}
    assert set(found) == {"float32", "int8", "int16x8"}, "what is known is not asked again"
    assert found["float32"].runs
    assert not found["int8"].converts
    assert "crashed" in found["int8"].reason
    assert found["int16x8"].converts
    assert found["int16x8"].allocates is False
    assert "crashed" in found["int16x8"].reason
    report = build_report("odd", probe.nodes, [*known_but(*found), *probe.evidence])
    assert state_of(report, "Lgamma", "int8") == {UNKNOWN}
    assert state_of(report, "Lgamma", "int16x8") == {FLOAT}
    assert next(t for t in report.targets if t.name == "int8").way.startswith("int8_full")
    assert any("random" in note for note in probe.notes)
    shares = [share for _, share in heard]
    assert shares == sorted(shares)
    assert shares[-1] < 1


def test_a_kernel_that_is_missing_in_sixteen_bits_is_named(folder):
    probe = probe_model(
        request_for(odd_operations.wide_scatter(folder)), known_but("float32", "int16x8")
    )
    report = build_report("odd", probe.nodes, probe.evidence)
    assert state_of(report, "ScatterNd", "int16x8") == {UNSUPPORTED}
    assert UNSUPPORTED not in state_of(report, "MatMul", "int16x8")
    assert report.rows[0].op == "ScatterNd"
    assert report.rows[0].way.startswith("float32 can be run here")


def test_the_command_line_prints_and_writes_what_it_found(folder):
    model, target = odd_operations.error_function(folder), folder / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "converter", "operators", str(model), "--json", str(target)],
        cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=300, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "float32: does not convert (probe)" in done.stdout
    assert "Erf" in done.stdout
    assert "probing With Select TF" in done.stderr
    report = json.loads(target.read_text())
    assert [t["converts"] for t in report["targets"]] == [False, False, False, False, True]
    assert report["targets"][-1]["runs"] is False
    erf = next(item for item in report["operations"] if item["op"] == "Erf")
    assert {erf["targets"][name][0]["state"] for name in NAMES} == {SELECT_TF}
    assert {fate["source"] for fates in erf["targets"].values() for fate in fates} == {PROBE}


def test_a_tflite_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(b"\x1c\0\0\0TFL3" + b"\0" * 40)
    with pytest.raises(ModelFileError, match="whose operations are TFLite's already"):
        probe_model(request_for(path))


def test_whoever_listens_can_end_it(folder):
    def cancel(_stage, _share):
        raise RunCancelledError("The run was cancelled.")

    with pytest.raises(RunCancelledError):
        probe_model(request_for(odd_operations.text_inside(folder)), listener=cancel)


def test_a_broken_model_is_named(tmp_path):
    path = tmp_path / "broken.keras"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ModelFileError, match="broken"):
        probe_model(request_for(path))


@pytest.mark.parametrize(
    "text", ["", "[]", '{"graph": 1}', '{"graph": [], "evidence": [{}], "notes": []}']
)
def test_a_damaged_probe_is_refused_by_name(tmp_path, text):
    path = tmp_path / "operators.json"
    path.write_text(text)
    with pytest.raises(ModelFileError, match="probe again"):
        Probe.load(path)
