"""What a clean-up says that it would take is what the clean-up takes."""

from __future__ import annotations

import time

import pytest

from converter.cleanup_preview import preview_cleanup
from converter.history import RunRecord
from converter.installation import history
from converter.run_cleanup import clean_up
from converter.run_store import keep_file, list_runs

NOW = 1_800_000_000.0


def record(run_id, **fields):
    values = {
        "name": run_id, "model_name": "m", "model_sha256": "", "data_name": None, "request": {},
        "status": "done", "size_bytes": 100, **fields,
    }  # fmt: skip
    return RunRecord(run_id=run_id, **values)


def preview(records, quota, kept=None):
    kept = sum(r.size_bytes for r in records) if kept is None else kept
    found = preview_cleanup(
        records, artifact_bytes=kept, quota_bytes=quota, undo_seconds=60, now=NOW
    )
    return ([r.run_id for r in found.expired], [r.run_id for r in found.over_quota],
            found.over_bytes)  # fmt: skip


def test_nothing_goes_within_the_quota():
    assert preview([], 0) == ([], [], 0)
    assert preview([record("a"), record("b", deleted=NOW - 10)], 200) == ([], [], 0)


def test_deleted_long_ago_goes_whatever_the_quota():
    assert preview([record("a", deleted=NOW - 61)], 1000) == (["a"], [], 0)


def test_over_the_quota_the_deleted_then_the_oldest_go_but_no_pinned_or_active():
    runs = [
        record("new", created=9), record("old", created=1), record("kept", created=0, pinned=True),
        record("on", created=0, status="running"), record("gone", created=8, deleted=NOW - 10),
    ]  # fmt: skip
    assert preview(runs, 400) == ([], ["gone"], 100)
    assert preview(runs, 300) == ([], ["gone", "old"], 200)
    assert preview(runs, 0) == ([], ["gone", "old", "new"], 500)


@pytest.mark.parametrize("quota", [1, 1500, 2500, 10_000])
def test_it_agrees_with_the_clean_up_itself(tmp_path, monkeypatch, quota):
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path))
    monkeypatch.setenv("LITEDRIFT_QUOTA_BYTES", str(quota))
    now = time.time()
    for number in range(3):
        history().add_run(record(f"r{number}", created=now + number, size_bytes=0))
        file = tmp_path / "file.bin"
        file.write_bytes(bytes([number]) * 1000)
        keep_file(f"r{number}", file)
    said = preview_cleanup(
        list_runs(), artifact_bytes=history().artifact_bytes(), quota_bytes=quota,
        undo_seconds=60, now=now,
    )  # fmt: skip
    assert clean_up() == [r.name for r in said.over_quota]
