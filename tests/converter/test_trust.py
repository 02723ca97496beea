"""Whose models run where: uploads only behind walls that keep every promise, or on a setting."""

import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from converter import run_store, trust
from converter.child_process import PROJECT_ROOT
from converter.errors import SettingError, StoreError, TrustError
from converter.request import RunRequest
from converter.sandbox import WITHOUT_LAYERS
from converter.sandbox_report import LAYERS, ON, SandboxReport
from converter.uploads import store_upload

SAMPLE = PROJECT_ROOT / "sample_models" / "digits_cnn" / "digits_cnn.keras"
TFLITE = b"\x1c\x00\x00\x00TFL3" + bytes(40)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path))
    monkeypatch.delenv(trust.TRUST_UPLOADS, raising=False)
    return tmp_path


@pytest.fixture
def weak(monkeypatch):
    """As on a machine without Landlock."""
    monkeypatch.setenv(WITHOUT_LAYERS, "landlock")
    trust.machine_walls()


@pytest.fixture
def job(monkeypatch):
    """Start no job: whether one would be is the question."""
    started = []

    class Job:
        pid = 1

        def __init__(self, command, **_):
            started.append(command)

        def poll(self):
            return 0

    only_jobs = SimpleNamespace(Popen=Job, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr("converter.job_runner.subprocess", only_jobs)
    return started


def upload(content=b"PK\x03\x04 whatever", name="my <b>model.keras"):
    return store_upload(io.BytesIO(content), name)


def start(stored):
    return run_store.start_run(RunRequest(model_path=stored.path, model_name=stored.name))


FORMATS = {
    "keras": b"PK\x03\x04 config.json",
    "h5": b"\x89HDF\r\n\x1a\n",
    "saved_model": b"PK\x03\x04 saved_model.pb",
    "frozen_graph": b"\x0a\x05\x0a\x01x\x12\x00",
    "empty": b"",
    "a name of the other kind": b"TFL3TFL",
}


@pytest.mark.parametrize("content", FORMATS.values(), ids=FORMATS)
def test_an_upload_that_would_run_code_is_refused_where_the_walls_are_weak(
    home, weak, job, content
):
    stored = upload(content, "given.tflite")
    with pytest.raises(TrustError) as refused:
        start(stored)
    sentence = str(refused.value)
    assert sentence.startswith("given.tflite: ")
    assert "without landlock, a hostile model could read or change files" in sentence
    assert "LITEDRIFT_TRUST_UPLOADS=1" in sentence
    assert job == []
    assert not (home / "runs").exists()


def test_the_name_in_the_refusal_is_cut(home, weak, job):
    with pytest.raises(TrustError) as refused:
        start(upload(name="x" * 500))
    assert len(str(refused.value)) < 450


def test_a_tflite_executes_nothing_and_is_taken(home, weak, job):
    start(upload(TFLITE, "given.keras"))
    assert len(job) == 1


def test_a_sample_is_nobodys_upload(home, weak, job):
    run_store.start_run(RunRequest(model_path=SAMPLE, model_name="digits_cnn.keras"))
    assert len(job) == 1


def test_an_upload_reached_by_another_way_is_an_upload_all_the_same(home, weak, job):
    stored = upload()
    way_round = home / "link"
    way_round.symlink_to(stored.path)
    for path in (way_round, home / "uploads" / ".." / "uploads" / stored.path.name):
        with pytest.raises(TrustError):
            run_store.start_run(RunRequest(model_path=path, model_name="m"))


@pytest.mark.parametrize("word", ["1", "true", "YES", " on "])
def test_the_operator_may_trust_uploads(home, weak, job, monkeypatch, word):
    monkeypatch.setenv(trust.TRUST_UPLOADS, word)
    start(upload())
    assert len(job) == 1


@pytest.mark.parametrize("word", ["0", "no", "", "False"])
def test_or_not(home, weak, job, monkeypatch, word):
    monkeypatch.setenv(trust.TRUST_UPLOADS, word)
    with pytest.raises(TrustError):
        start(upload())


def test_any_other_word_is_refused(home, job, monkeypatch):
    monkeypatch.setenv(trust.TRUST_UPLOADS, "maybe")
    with pytest.raises(SettingError, match="LITEDRIFT_TRUST_UPLOADS: expected 1 or 0"):
        start(upload())


def test_behind_full_walls_uploads_run(home, job, monkeypatch):
    monkeypatch.delenv(WITHOUT_LAYERS, raising=False)
    if not trust.machine_walls().is_enough_for_strangers:
        pytest.skip("this machine's walls are weak themselves")
    start(upload())
    assert len(job) == 1


def test_an_upload_that_is_gone_is_a_sentence(home, weak, job):
    stored = upload(TFLITE)
    stored.path.unlink()
    with pytest.raises((TrustError, StoreError)):
        start(stored)


def test_the_walls_are_tried_once(monkeypatch):
    probes = []

    def probe():
        probes.append(1)
        return SandboxReport(dict.fromkeys(LAYERS, ON))

    monkeypatch.setattr(trust, "_known", {})
    monkeypatch.setattr(trust, "probe_sandbox", probe)
    assert trust.walls_if_known() is None
    assert trust.machine_walls() is trust.machine_walls()
    assert trust.walls_if_known() is trust.machine_walls()
    assert probes == [1]


def test_a_trial_that_could_not_start_is_made_again(monkeypatch):
    reports = [
        SandboxReport.without_layers("could not be tried: no memory"),
        SandboxReport(dict.fromkeys(LAYERS, ON)),
    ]
    monkeypatch.setattr(trust, "_known", {})
    monkeypatch.setattr(trust, "probe_sandbox", lambda: reports.pop(0))
    assert not trust.machine_walls().is_enough_for_strangers
    assert trust.machine_walls().is_enough_for_strangers


def test_learning_goes_on_in_the_background(monkeypatch):
    monkeypatch.setattr(trust, "_known", {})
    report = SandboxReport(dict.fromkeys(LAYERS, ON))
    monkeypatch.setattr(trust, "probe_sandbox", lambda: report)
    trust.learn_walls()
    assert trust.machine_walls() is report


def test_what_is_missing_is_told_in_the_order_of_the_layers():
    states = dict.fromkeys(LAYERS, ON) | {"seccomp": "no", "landlock": "no"}
    assert trust.weakness(SandboxReport(states)) == (
        "without landlock, seccomp, a hostile model could read or change files of this server's "
        "user"
    )
    assert trust.weakness(SandboxReport(dict.fromkeys(LAYERS, ON))) == ""


# The command line: the operator's own files, with a warning


def converter(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "converter", *map(str, arguments)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_sandbox_command_tells_what_is_missing_and_what_that_means():
    result = converter("sandbox", **{WITHOUT_LAYERS: "seccomp,namespaces"})
    assert result.returncode == 0
    said = json.loads(result.stdout)
    assert said["level"] != "full"
    assert said["strangers"] is False
    assert said["promises"]["network"] is said["promises"]["files"] is False
    assert {"files", "network"} <= {missing["promise"] for missing in said["missing"]}
    assert all(missing["means"].endswith(".") for missing in said["missing"])
    assert said["layers"]["seccomp"] == f"switched off by {WITHOUT_LAYERS}"


def test_the_sandbox_command_refuses_a_layer_that_is_none():
    result = converter("sandbox", **{WITHOUT_LAYERS: "walls"})
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: sandbox: {WITHOUT_LAYERS}: expected names out of")
    assert len(result.stderr.splitlines()) == 1


def test_a_run_on_a_weak_machine_warns_and_records_it(tmp_path):
    result = converter(
        *("run", SAMPLE, "--recipes", "float32", "--runs", 1, "--samples", 5, "--out", tmp_path),
        **{WITHOUT_LAYERS: "landlock"},
    )
    assert result.returncode == 0, result.stderr
    assert "warning: weak sandbox: without landlock, a hostile model could" in result.stderr
    recorded = json.loads((tmp_path / "comparison.json").read_text())["environment"]["sandbox"]
    assert recorded["strangers"] is False
    assert recorded["layers"]["landlock"] == f"switched off by {WITHOUT_LAYERS}"
