"""Artifacts: content under its hash, whole or not at all."""

import hashlib
import os

import pytest

from converter.artifact_store import LocalArtifacts
from converter.errors import StoreError


@pytest.fixture
def artifacts(tmp_path):
    return LocalArtifacts(tmp_path / "artifacts")


def keep(artifacts, path, content):
    path.write_bytes(content)
    staged = artifacts.stage(path)
    artifacts.keep(staged)
    return staged


@pytest.mark.parametrize("content", [b"", b"x", b"ab" * 3_000_000], ids=["empty", "one", "large"])
def test_content_lies_under_its_hash(artifacts, tmp_path, content):
    staged = keep(artifacts, tmp_path / "a", content)
    assert staged.sha256 == hashlib.sha256(content).hexdigest()
    assert artifacts.path(staged.sha256).read_bytes() == content
    assert list(artifacts.stored()) == [(staged.sha256, len(content))]
    assert (tmp_path / "a").read_bytes() == content  # what was given stays


def test_the_same_content_is_kept_once(artifacts, tmp_path):
    keep(artifacts, tmp_path / "a", b"same")
    keep(artifacts, tmp_path / "b", b"same")
    assert len(list(artifacts.stored())) == 1
    assert list((tmp_path / "artifacts" / "incoming").iterdir()) == []


def test_what_is_only_staged_is_not_there(artifacts, tmp_path):
    (tmp_path / "a").write_bytes(b"not yet")
    staged = artifacts.stage(tmp_path / "a")
    assert list(artifacts.stored()) == []
    with pytest.raises(StoreError, match="gone"):
        artifacts.path(staged.sha256)
    artifacts.drop(staged)
    assert list((tmp_path / "artifacts" / "incoming").iterdir()) == []


def test_forgetting_is_for_good_and_may_be_repeated(artifacts, tmp_path):
    staged = keep(artifacts, tmp_path / "a", b"old")
    artifacts.forget(staged.sha256)
    artifacts.forget(staged.sha256)
    assert list(artifacts.stored()) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65])
def test_what_is_no_hash_becomes_no_path(artifacts, name):
    with pytest.raises(StoreError, match="no SHA-256"):
        artifacts.path(name)


def test_too_little_space_is_told_and_leaves_nothing(artifacts, tmp_path, monkeypatch):
    kept = keep(artifacts, tmp_path / "a", b"safe")
    monkeypatch.setenv("LITEDRIFT_FREE_DISK_BYTES", str(10**15))
    (tmp_path / "b.tflite").write_bytes(b"more")
    with pytest.raises(StoreError, match=r"b\.tflite: .*free some disk space"):
        artifacts.stage(tmp_path / "b.tflite")
    assert artifacts.path(kept.sha256).read_bytes() == b"safe"
    assert list((tmp_path / "artifacts" / "incoming").iterdir()) == []


def test_a_source_that_is_gone_is_told(artifacts, tmp_path):
    with pytest.raises(StoreError, match=r"gone\.tflite: .*No such file"):
        artifacts.stage(tmp_path / "gone.tflite")


def test_what_a_killed_process_has_staged_goes_after_a_while(artifacts, tmp_path):
    (tmp_path / "a").write_bytes(b"never kept")
    staged = artifacts.stage(tmp_path / "a")
    artifacts.tidy(idle_seconds=3600)
    assert staged.path.is_file()
    os.utime(staged.path, (0, 0))
    artifacts.tidy(idle_seconds=3600)
    assert not staged.path.exists()
