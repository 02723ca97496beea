"""Runs in processes of their own: reused, resumed, cancelled, measured again; real jobs."""

import contextlib
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from converter import run_cleanup, run_store
from converter.comparison import SAMPLES_FILE, load_latency_samples
from converter.errors import DiskSpaceError, StoreError
from converter.history import CANCELLED, DONE, FAILED, INTERRUPTED, QUEUED
from converter.installation import history
from converter.intake import Intake
from converter.known_results import EVALUATED
from converter.measurement_lock import measuring_alone
from converter.pipeline import run_comparison
from converter.recipe import PRESETS
from converter.request import RunRequest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    for record in run_store.list_runs():
        run_store.cancel_run(record.run_id)


@pytest.fixture
def request_for(tflite_file):
    def _request(*recipes, **more):
        return RunRequest(
            model_path=tflite_file, model_name="mine.tflite", samples=6, calibration_samples=4,
            runs=2, recipes=tuple(PRESETS[name] for name in recipes or ("float32", "int8")), **more,
        )  # fmt: skip

    return _request


def finish(run_id, seconds=90):
    end = time.monotonic() + seconds
    while (progress := run_store.follow_run(run_id)).is_active:
        assert time.monotonic() < end, progress
        time.sleep(0.03)
    return progress


def done(request, **more):
    run_id = run_store.start_run(request, **more)
    progress = finish(run_id)
    assert progress.status == DONE, progress.error
    return run_id, run_store.load_comparison(run_id)


def job_of(run_id):
    return psutil.Process(int((run_store.run_folder(run_id) / "pid").read_text()))


def wait_for_stage(run_id, beginning, seconds=60):
    end = time.monotonic() + seconds
    while not run_store.follow_run(run_id).stage.startswith(beginning):
        assert time.monotonic() < end
        time.sleep(0.005)


class TestReuse:
    def test_the_same_again_computes_nothing_and_tells_so(self, request_for):
        first_id, first = done(request_for())
        run_id, second = done(request_for())
        assert set(run_store.run_files(run_id)) == set(run_store.run_files(first_id))
        assert first.settings["reused"] == {
            "conversions": [], "evaluations": [], "reference": False,
        }  # fmt: skip
        assert second.settings["reused"] == {
            "conversions": ["float32", "int8"], "evaluations": ["float32", "int8"],
            "reference": True,
        }  # fmt: skip
        assert second.variants == first.variants
        assert second.reference == first.reference
        assert second.settings["latency_measured"] == first.settings["latency_measured"]
        assert set(load_latency_samples(run_store.run_files(run_id))) == {
            "original", "float32", "int8",
        }  # fmt: skip

    def test_one_more_recipe_computes_that_one_and_measures_all_together(self, request_for):
        _, first = done(request_for())
        run_id, second = done(request_for("float32", "int8", "float16"))
        assert second.settings["reused"]["conversions"] == ["float32", "int8"]
        assert len(run_store.list_measurements(run_id)) == 1
        for name in ("float32", "int8"):
            old, new = first.variant(name), second.variant(name)
            assert new.sha256 == old.sha256
            assert {f: getattr(new, f) for f in EVALUATED} == {
                f: getattr(old, f) for f in EVALUATED
            }

    @pytest.mark.parametrize(
        "change", [{"seed": 1}, {"samples": 5}, {"threads": 2}], ids=["seed", "samples", "threads"]
    )
    def test_what_a_change_touches_is_computed_anew(self, request_for, change):
        done(request_for())
        _, second = done(replace(request_for(), **change))
        assert second.settings["reused"]["evaluations"] == []
        # Neither the seed nor the samples nor the threads say anything about a float file.
        assert "float32" in second.settings["reused"]["conversions"]

    def test_another_calibration_converts_what_calibrates(self, request_for):
        done(request_for())
        _, second = done(replace(request_for(), calibration_samples=3))
        assert second.settings["reused"]["conversions"] == ["float32"]

    def test_measuring_anew_is_kept_beside_the_first_time(self, request_for):
        run_id, first = done(request_for())
        run_store.resume_run(run_id, measure_anew=True)
        assert finish(run_id).status == DONE
        second = run_store.load_comparison(run_id)
        assert second.settings["reused"]["conversions"] == ["float32", "int8"]
        new, old = run_store.list_measurements(run_id)
        assert old.figures["int8"]["latency"]["p50_ms"] == first.variant("int8").latency.p50_ms
        assert new.figures["int8"]["latency"]["p50_ms"] == second.variant("int8").latency.p50_ms
        assert new.created > old.created
        for measured in (old, new):
            assert measured.conditions["cpu"]
            assert measured.conditions["threads"] == 1
            with np.load(history().artifact_path(measured.samples)) as samples:
                assert len(samples["int8"]) == 2


class TestInterrupted:
    def test_a_killed_job_is_resumed_from_what_was_finished(self, request_for):
        run_id = run_store.start_run(request_for())
        wait_for_stage(run_id, ("wait for the machine to measure", "measure"))
        job = job_of(run_id)
        children = job.children(recursive=True)
        job.kill()
        progress = finish(run_id)
        assert progress.status == INTERRUPTED
        assert "resume" in progress.error
        assert run_store.finished_variants(run_id) == 2
        assert not run_store.work_folder(run_id).exists()
        assert psutil.wait_procs(children, timeout=60)[1] == []
        run_store.resume_run(run_id)
        assert finish(run_id).status == DONE
        reused = run_store.load_comparison(run_id).settings["reused"]
        assert reused["evaluations"] == ["float32", "int8"]

    def test_a_killed_worker_costs_no_finished_variant(self, request_for):
        run_id = run_store.start_run(request_for("float32", "int8", "float16"))
        wait_for_stage(run_id, "convert")
        for child in job_of(run_id).children():
            if any("requantization" in word for word in child.cmdline()):
                child.kill()
        assert finish(run_id).status == DONE
        kept = [v.recipe for v in run_store.load_comparison(run_id).variants if v.status == "ok"]
        run_store.resume_run(run_id)
        assert finish(run_id).status == DONE
        again = run_store.load_comparison(run_id)
        assert set(kept) <= set(again.settings["reused"]["evaluations"])
        assert [v.status for v in again.variants] == ["ok"] * 3

    @pytest.mark.parametrize("stage", ["wait for its turn", "wait for the machine", "measure"])
    def test_an_active_run_is_left_alone_by_a_second_resume(
        self, request_for, monkeypatch, stage
    ):
        monkeypatch.setenv("LITEDRIFT_PARALLEL_RUNS", "1")
        first = None
        with contextlib.ExitStack() as machine:
            if stage != "measure":
                machine.enter_context(measuring_alone())
                first = run_store.start_run(request_for("float32"))
                wait_for_stage(first, "wait for the machine")
            run_id = first if stage == "wait for the machine" else run_store.start_run(
                replace(request_for(), runs=None)
            )
            wait_for_stage(run_id, stage)
            job = job_of(run_id)
            with pytest.raises(StoreError, match="going on already"):
                run_store.resume_run(run_id, measure_anew=True)
            assert job_of(run_id) == job
        assert finish(run_id).status == DONE

    def test_a_run_is_resumed_once_by_two_who_ask_together(self, request_for):
        run_id, _ = done(request_for("float32"))
        refused = []

        def resume():
            try:
                run_store.resume_run(run_id, measure_anew=True)
            except StoreError as error:
                refused.append(str(error))

        threads = [threading.Thread(target=resume) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 3
        assert finish(run_id).status == DONE
        assert run_store.load_record(run_id).error is None
        assert len(run_store.list_measurements(run_id)) == 2

    @pytest.mark.parametrize("changed", ["model", "data"])
    def test_a_file_that_has_changed_is_not_run_under_the_old_result(
        self, request_for, tmp_path, changed
    ):
        files = {"model": tmp_path / "m.tflite", "data": tmp_path / "d.npy"}
        files["model"].write_bytes(request_for().model_path.read_bytes())
        np.save(files["data"], np.zeros((12, 8, 8, 1), np.float32))
        request = replace(
            request_for("float32"), model_path=files["model"], data_path=files["data"],
            data_name="d.npy",
        )  # fmt: skip
        run_id, comparison = done(request)
        files[changed].write_bytes(files[changed].read_bytes() + b"\0")
        with pytest.raises(StoreError, match=r"has changed since the run; start a new run"):
            run_store.resume_run(run_id, measure_anew=True)
        assert run_store.load_comparison(run_id) == comparison

    def test_a_run_whose_model_is_gone_says_so(self, request_for, tmp_path):
        model = tmp_path / "gone.tflite"
        model.write_bytes(b"no model")
        run_id = run_store.start_run(replace(request_for(), model_path=model))
        assert finish(run_id).status == FAILED
        model.unlink()
        with pytest.raises(StoreError, match=r"mine\.tflite: .*gone; bring it again"):
            run_store.resume_run(run_id)

    def test_a_result_outlives_a_failed_second_try(self, request_for):
        run_id, first = done(request_for())
        with measuring_alone():
            run_store.resume_run(run_id, measure_anew=True)
            wait_for_stage(run_id, "wait for the machine")
            run_store.cancel_run(run_id)
            progress = finish(run_id)
        assert progress.status == DONE
        assert "cancelled" in progress.error
        assert run_store.load_comparison(run_id) == first


class TestQueue:
    def test_only_so_many_run_and_the_others_know_their_position(self, request_for, monkeypatch):
        monkeypatch.setenv("LITEDRIFT_PARALLEL_RUNS", "1")
        with measuring_alone():  # so that the first one does not end meanwhile
            first = run_store.start_run(request_for(), owner="a")
            wait_for_stage(first, "wait for the machine")
            second = run_store.start_run(request_for("float32"), owner="a")
            third = run_store.start_run(request_for("int8"), owner="b")
            progress = [run_store.follow_run(run_id) for run_id in (second, third)]
            assert [p.status for p in progress] == [QUEUED, QUEUED]
            assert progress[0].stage == "wait for its turn: position 2 of 2"
            assert progress[1].stage == "wait for its turn: position 1 of 2"
            assert all(p.seconds_left > 0 for p in progress)
        for run_id in (first, second, third):
            assert finish(run_id).status == DONE
        started = {r.run_id: r.started for r in run_store.list_runs()}
        assert started[third] < started[second]

    def test_one_that_died_in_the_queue_keeps_nobody_waiting(self, request_for, monkeypatch):
        monkeypatch.setenv("LITEDRIFT_PARALLEL_RUNS", "1")
        with measuring_alone():
            first = run_store.start_run(request_for("float32"))
            wait_for_stage(first, "wait for the machine")
            second = run_store.start_run(request_for("float32"))
            third = run_store.start_run(request_for("float32"))
            job_of(second).kill()
        assert finish(first).status == DONE
        assert finish(third).status == DONE
        assert finish(second).status == INTERRUPTED

    def test_a_waiting_run_is_cancelled_at_once(self, request_for):
        with measuring_alone():
            run_id = run_store.start_run(request_for())
            run_store.cancel_run(run_id)
            # Its turn does not come while the machine is held: it need not wait for that.
            assert finish(run_id, 60).status == CANCELLED


class TestCancel:
    def test_a_job_that_does_not_listen_is_ended_with_all_it_started(self, request_for):
        run_id = run_store.start_run(request_for())
        wait_for_stage(run_id, "load")
        job = job_of(run_id)
        children = job.children(recursive=True)
        job.suspend()  # as if it hung in native code: it hears no signal but the last one
        run_store.cancel_run(run_id)
        assert finish(run_id, 60).status == CANCELLED  # within 3 s: `make bench` tells
        assert psutil.wait_procs([job, *children], timeout=60)[1] == []


class TestKeeping:
    def test_deleted_runs_can_be_had_back_until_they_are_purged(self, request_for, home):
        run_id, comparison = done(request_for("float32"))
        run_store.delete_run(run_id)
        assert run_store.list_runs() == []
        assert [r.run_id for r in run_store.list_runs(deleted=True)] == [run_id]
        run_cleanup.clean_up()  # the time for Undo has not passed
        run_store.restore_run(run_id)
        assert run_store.load_comparison(run_id) == comparison
        run_store.delete_run(run_id)
        run_cleanup.clean_up(now=time.time() + 25 * 3600)
        with pytest.raises(StoreError, match="no run"):
            run_store.restore_run(run_id)
        assert list((home / "artifacts").glob("??/*")) == []
        assert not (home / "runs" / run_id).exists()

    def test_over_the_quota_the_oldest_goes_that_is_not_pinned(self, request_for, monkeypatch):
        ids = [done(request_for("float32", seed=seed))[0] for seed in range(3)]
        run_store.pin_run(ids[0], pinned=True)
        run_store.rename_run(ids[1], "the one to go")
        used = run_cleanup.read_usage()
        assert (used.runs, used.pinned) == (3, 1)
        monkeypatch.setenv("LITEDRIFT_QUOTA_BYTES", str(used.artifact_bytes - 1))
        assert run_cleanup.clean_up() == ["the one to go"]
        assert {r.run_id for r in run_store.list_runs()} == {ids[0], ids[2]}
        monkeypatch.setenv("LITEDRIFT_QUOTA_BYTES", "1")
        run_cleanup.clean_up()
        assert [r.run_id for r in run_store.list_runs()] == [ids[0]]
        assert run_store.load_comparison(ids[0]).variants[0].status == "ok"

    def test_the_quota_never_costs_the_run_that_has_just_finished(self, request_for, monkeypatch):
        old, _ = done(request_for("float32"))
        run_store.rename_run(old, "<b>old</b>")
        monkeypatch.setenv("LITEDRIFT_QUOTA_BYTES", "1000")
        new, comparison = done(request_for("float32", seed=1))
        end = time.monotonic() + 60
        while (told := run_cleanup.last_cleanup()) is None:  # the job cleans up at its end
            assert time.monotonic() < end
            time.sleep(0.05)
        assert run_store.load_comparison(new) == comparison
        assert [r.run_id for r in run_store.list_runs()] == [new]
        assert told.names == ("<b>old</b>",)
        assert abs(told.when - time.time()) < 120

    def test_a_full_disk_stops_the_run_with_a_sentence_and_keeps_the_others(
        self, request_for, monkeypatch
    ):
        kept, comparison = done(request_for("float32"))
        monkeypatch.setenv("LITEDRIFT_FREE_DISK_BYTES", str(2**50))
        run_id = run_store.start_run(request_for("int8"))
        progress = finish(run_id)
        assert progress.status == FAILED
        assert "free some disk space" in progress.error
        assert "damaged" not in progress.error  # the file is sound
        assert run_store.load_comparison(kept) == comparison
        monkeypatch.delenv("LITEDRIFT_FREE_DISK_BYTES")
        run_store.resume_run(run_id)
        assert finish(run_id).status == DONE

    def test_a_full_disk_is_never_said_to_be_the_data_s_fault(
        self, request_for, monkeypatch, tmp_path
    ):
        np.save(tmp_path / "d.npy", np.zeros((12, 8, 8, 1), np.float32))
        ask = Intake.inspect

        def fill_up_after(self, reader):
            answer = ask(self, reader)
            reader._watchdog._limits = replace(reader._watchdog._limits, free_disk_bytes=2**60)
            reader._watchdog._next = 0.0
            return answer

        monkeypatch.setattr(Intake, "inspect", fill_up_after)
        request = replace(request_for("float32"), data_path=tmp_path / "d.npy", data_name="d.npy")
        with pytest.raises(DiskSpaceError, match=r"^d\.npy: .*free some disk space"):
            run_comparison(request, tmp_path / "out")

    def test_a_relative_path_is_meant_from_where_it_is_given(
        self, request_for, monkeypatch, tmp_path
    ):
        shutil.copy(request_for().model_path, tmp_path / "near.tflite")
        monkeypatch.chdir(tmp_path)
        done(replace(request_for("float32"), model_path=Path("near.tflite")))

    def test_names_tags_and_notes_are_kept_as_given(self, request_for):
        run_id, _ = done(request_for("float32"))
        run_store.rename_run(run_id, "  <b>mine</b>  ")
        run_store.describe_run(run_id, tags=("a", " a ", "", "b"), note="why")
        record = run_store.load_record(run_id)
        assert (record.name, record.tags, record.note) == ("<b>mine</b>", ("a", "b"), "why")
        run_store.rename_run(run_id, "   ")
        assert run_store.load_record(run_id).name == "mine.tflite"

    def test_a_run_made_elsewhere_is_taken_in(self, request_for):
        run_id, comparison = done(request_for("float32"))
        files = run_store.run_files(run_id)
        other = run_store.adopt_run(request_for("float32"), files, name="theirs", created=5.0)
        assert other != run_id
        assert run_store.load_comparison(other) == comparison
        assert SAMPLES_FILE in run_store.run_files(other)
        assert run_store.load_record(other).created == 5.0
        before = len(run_store.list_runs())
        with pytest.raises(StoreError):
            run_store.adopt_run(request_for(), {"comparison.json": files["float32.tflite"] / "x"})
        assert len(run_store.list_runs()) == before
