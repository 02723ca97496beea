"""A state machine over real runs: submit, cancel, kill, restart, delete, a full disk; in any order.

What must hold at every moment: no row without its artifact; nothing acknowledged is lost; in the
end, no process is left.
"""

import contextlib
import hashlib
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from converter import run_cleanup, run_store
from converter.child_process import PROJECT_ROOT
from converter.comparison import COMPARISON_FILE
from converter.errors import StoreError, TrustError
from converter.history import ACTIVE, DONE, ENDED
from converter.installation import history
from converter.recipe import PRESETS
from converter.request import RunRequest

TOKEN = "LITEDRIFT_STATE_TEST"
FULL = str(2**50)
SERVER = """
import json, sys
from converter.request import RunRequest
from converter.run_store import start_run
print(start_run(RunRequest.from_json(json.loads(sys.stdin.readline())), "another"), flush=True)
sys.stdin.read()
"""
"""A server that starts a run, says its id (which acknowledges it) and is then killed."""


def processes():
    """Return the living processes that carry this test's token, this one aside."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(TOKEN) == os.environ[TOKEN]:
                found.append(process)
    return found


class RunStates(RuleBasedStateMachine):
    """Follows what the store has promised, and compares."""

    model: Path
    runs = Bundle("runs")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        os.environ["LITEDRIFT_HOME"] = str(Path(self.folder.name) / "home")
        os.environ[TOKEN] = secrets.token_hex(8)
        os.environ.pop("LITEDRIFT_FREE_DISK_BYTES", None)
        self.acknowledged = set()
        self.deleted = set()
        self.finished = {}
        self.results = {}

    def request(self, recipe, seed):
        return RunRequest(
            model_path=self.model, model_name="net.tflite", samples=4, calibration_samples=2,
            runs=1, seed=seed, recipes=(PRESETS["float32"], PRESETS[recipe]),
        )  # fmt: skip

    @rule(target=runs, recipe=st.sampled_from(["int8", "float16"]), seed=st.integers(0, 1),
          owner=st.sampled_from("ab"))  # fmt: skip
    def submit(self, recipe, seed, owner):
        run_id = run_store.start_run(self.request(recipe, seed), owner)
        self.acknowledged.add(run_id)
        return run_id

    @rule(target=runs, recipe=st.sampled_from(["int8", "float16"]))
    def submit_and_kill_the_server(self, recipe):
        import json

        server = subprocess.Popen(
            [sys.executable, "-c", SERVER], cwd=PROJECT_ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        server.stdin.write(json.dumps(self.request(recipe, 0).to_json()) + "\n")
        server.stdin.flush()
        run_id = server.stdout.readline().strip()
        server.kill()
        server.wait()
        self.acknowledged.add(run_id)
        return run_id

    @rule(run_id=runs, wait=st.sampled_from([0.0, 0.4]))
    def cancel(self, run_id, wait):
        time.sleep(wait)
        run_store.cancel_run(run_id)

    @rule(run_id=runs, wait=st.sampled_from([0.0, 0.5, 1.0]))
    def kill_the_job(self, run_id, wait):
        time.sleep(wait)
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            pid = int((run_store.run_folder(run_id) / "pid").read_text())
            if run_id in psutil.Process(pid).cmdline():
                psutil.Process(pid).kill()

    @rule(wait=st.sampled_from([0.3, 0.8]))
    def kill_a_worker(self, wait):
        time.sleep(wait)
        for process in processes():
            with contextlib.suppress(psutil.Error):
                if any("converter.workers" in word for word in process.cmdline()):
                    process.kill()
                    return

    @rule(run_id=runs)
    def resume(self, run_id):
        with contextlib.suppress(StoreError, TrustError):
            run_store.resume_run(run_id)

    @rule(run_id=consumes(runs), undo=st.booleans(), target=runs)
    def delete(self, run_id, undo):
        run_store.delete_run(run_id)
        if undo:
            run_store.restore_run(run_id)
            return run_id
        self.deleted.add(run_id)
        return multiple()

    @rule()
    def purge_what_was_deleted_long_ago(self):
        run_cleanup.clean_up(now=time.time() + 30 * 3600)
        left = {record.run_id for record in history().runs()}
        self.acknowledged -= self.deleted - left
        self.deleted &= left

    @rule()
    def the_disk_fills_up(self):
        os.environ["LITEDRIFT_FREE_DISK_BYTES"] = FULL

    @rule()
    def the_disk_has_space_again(self):
        os.environ.pop("LITEDRIFT_FREE_DISK_BYTES", None)

    @rule(run_id=runs)
    def wait_for_the_end(self, run_id):
        end = time.monotonic() + 90
        while run_store.follow_run(run_id).is_active:
            assert time.monotonic() < end, run_store.follow_run(run_id)
            time.sleep(0.05)

    @invariant()
    def no_row_without_its_artifact(self):
        for record in history().runs():
            for file in history().files(record.run_id).values():
                content = history().artifact_path(file).read_bytes()
                assert hashlib.sha256(content).hexdigest() == file.sha256
                assert len(content) == file.size_bytes

    @invariant()
    def nothing_acknowledged_is_lost(self):
        records = {record.run_id: record for record in history().runs()}
        assert self.acknowledged <= set(records)
        for run_id, record in records.items():
            assert record.status in {*ACTIVE, *ENDED}
            if record.status == DONE:
                comparison = run_store.load_comparison(run_id)
                names = [v.file for v in comparison.variants if v.status == "ok"]
                assert {*names, COMPARISON_FILE} <= set(run_store.run_files(run_id))
                self.finished[run_id] = True
            # What was done once stays so, whatever became of a later attempt.
            if run_id in self.finished and not record.is_active:
                assert record.status == DONE
            kept = run_store.finished_variants(run_id)
            assert kept >= self.results.get(run_id, 0)
            self.results[run_id] = kept

    def teardown(self):
        os.environ.pop("LITEDRIFT_FREE_DISK_BYTES", None)
        try:
            for record in history().runs():
                run_store.cancel_run(record.run_id)
            end = time.monotonic() + 30
            while any(run_store.follow_run(r.run_id).is_active for r in history().runs()):
                assert time.monotonic() < end
                time.sleep(0.05)
            self.no_row_without_its_artifact()
            _, alive = psutil.wait_procs(processes(), timeout=10)
            assert alive == []
        finally:
            for process in processes():
                process.kill()
            self.folder.cleanup()
            super().teardown()


def test_whatever_happens_in_whatever_order(tflite_file, monkeypatch):
    for name in ("LITEDRIFT_HOME", TOKEN, "LITEDRIFT_FREE_DISK_BYTES"):
        monkeypatch.setenv(name, "")  # so that they are as before in the end
    monkeypatch.delenv("LITEDRIFT_FREE_DISK_BYTES")
    monkeypatch.setattr(RunStates, "model", tflite_file, raising=False)
    run_state_machine_as_test(
        RunStates,
        settings=settings(
            max_examples=6, stateful_step_count=12, deadline=None,
            phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_the_checks_can_fail(tflite_file, monkeypatch, tmp_path):
    """A store that forgets an artifact, or a run, is found out."""
    monkeypatch.setattr(RunStates, "model", tflite_file, raising=False)
    for name in ("LITEDRIFT_HOME", TOKEN):
        monkeypatch.setenv(name, "")
    machine = RunStates()
    run_id = machine.submit("int8", 0, "a")
    machine.wait_for_the_end(run_id)
    machine.no_row_without_its_artifact()
    machine.nothing_acknowledged_is_lost()
    file = history().files(run_id)["int8.tflite"]
    history().artifact_path(file).unlink()
    with pytest.raises(StoreError, match="gone"):
        machine.no_row_without_its_artifact()
    history().purge([run_id])
    with pytest.raises(AssertionError):
        machine.nothing_acknowledged_is_lost()
    machine.folder.cleanup()
