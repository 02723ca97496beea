"""A crash in one further setting costs that setting alone; real processes, really killed."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from converter.errors import ModelFileError, RunCancelledError
from converter.further_latency import FurtherRequest
from converter.further_timing import FurtherTiming
from converter.latency import LatencyProtocol
from converter.limits import current_limits
from converter.progress import ProgressTracker
from converter.sample_arrays import save_arrays
from converter.sandbox import Permissions
from converter.tensor_binding import Binding
from converter.timing_session import TimedFile
from converter.worker_pool import WorkerPool
from tests.converter.example_tflites import features, write_classifier

THREADS = (1, 2, 3)


class CrashingPool(WorkerPool):
    """Its second worker is killed before it is asked `operation`."""

    def __init__(self, permissions, operation):
        super().__init__(permissions)
        self._operation, self._started = operation, 0

    def start(self, *arguments, **more):
        worker = super().start(*arguments, **more)
        self._started += 1
        if self._started == 2:
            ask = worker.ask

            def killed(operation, *rest, **fields):
                if operation == self._operation:
                    os.kill(worker._process.pid, signal.SIGKILL)
                return ask(operation, *rest, **fields)

            worker.ask = killed
        return worker


def timing(tmp_path, pool, start_host=None):
    save_arrays(tmp_path / "samples", {"features": features(4)})
    return FurtherTiming(
        pool=pool, limits=current_limits(), protocol=LatencyProtocol.exactly(6),
        tracker=ProgressTracker({}, lambda _: None), samples=tmp_path / "samples", threads=1,
        start_host=start_host,
    )


@pytest.mark.parametrize("operation", ["prepare", "warm_up", "time"])
def test_a_killed_process_costs_its_own_setting(tmp_path, operation):
    path = write_classifier(tmp_path / "a.tflite")
    pool = CrashingPool(Permissions(read=(tmp_path,), write=()), operation)
    further = timing(tmp_path, pool)
    file = TimedFile(path=path, binding=Binding(label="a"), threads=1)
    try:
        further.measure(FurtherRequest(threads=THREADS), {"int8": file})
    finally:
        pool.close()
    assert [found.setting for found in further.results] == ["1", "2", "3"]
    for found in further.results:
        if found.setting == "2":
            assert found.latency is None
            assert "SIGKILL" in found.error or "killed" in found.error
        else:
            assert found.error is None
            assert found.latency.runs == 6
            assert found.latency.threads == int(found.setting)
    assert set(further.samples_ms) == {"int8|threads=1", "int8|threads=3"}


class Host:
    """Answers like a worker that holds the model, a millisecond a call."""

    task = ""

    def ask(self, operation, limit, **fields):
        del limit
        if operation == "prepare":
            return {"first_ms": 2.0}
        if operation == "warm_up":
            return {"runs": fields["runs"], "settled": None}
        return {"samples_ms": [1.0] * fields["runs"], "switches": 0, "cpu_seconds": 0.0,
                "wall_seconds": 0.0}

    def close(self):
        pass


def test_a_model_that_cannot_be_loaded_once_more_costs_that_call(tmp_path):
    hosts = iter([Host(), ModelFileError("The process was ended: memory."), Host()])

    def start_host():
        host = next(hosts)
        if isinstance(host, Exception):
            raise host
        return host

    further = timing(tmp_path, WorkerPool(Permissions(read=(), write=())), start_host)
    further.measure(FurtherRequest(baselines=("predict", "call", "xla")), {})
    found = {result.setting: result for result in further.results}
    assert found["call"].error == "The process was ended: memory."
    for setting in ("predict", "xla"):
        assert found[setting].latency.p50_ms == 1.0
        np.testing.assert_array_equal(further.samples_ms[found[setting].samples_key], [1.0] * 6)


def test_a_cancelled_run_is_no_crash_of_a_setting(tmp_path):
    pool = WorkerPool(Permissions(read=(), write=()))

    def start_host():
        return pool.start("timing", "LiteRT")

    pool.close()
    with pytest.raises(RunCancelledError):
        timing(tmp_path, pool, start_host).measure(FurtherRequest(baselines=("call",)), {})
