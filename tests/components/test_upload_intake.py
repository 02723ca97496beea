"""An upload lies on disk and no longer in the web process's memory."""

import hashlib
from types import SimpleNamespace

import pytest
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from components.upload_intake import take_folder, take_upload
from converter.errors import StoreError


@pytest.fixture
def manager(monkeypatch, tmp_path):
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path))
    kept = MemoryUploadedFileManager("/upload")
    context = SimpleNamespace(uploaded_file_mgr=kept, session_id="me")
    monkeypatch.setattr("components.upload_intake.get_script_run_ctx", lambda: context)
    monkeypatch.setattr("streamlit.runtime.exists", lambda: True)
    return kept


def give(manager, name, content):
    record = UploadedFileRec(file_id=name, name=name, type="", data=content)
    manager.add_file("me", record)
    return UploadedFile(record, FileURLs())


def test_a_file_is_on_disk_and_out_of_memory(manager):
    content = b"model" * 10_000
    upload = give(manager, "mine.keras", content)
    upload.read(7)  # somebody has looked into it before
    stored = take_upload(upload)
    assert stored.path.read_bytes() == content
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert upload.getbuffer().nbytes == 0
    assert manager.get_files("me", ["mine.keras"]) == []


def test_the_files_of_a_folder_are_too(manager):
    names = ("model/saved_model.pb", "model/variables/variables.index")
    uploads = [give(manager, name, b"content") for name in names]
    stored = take_folder(uploads)
    assert stored.path.suffix == ".zip"
    assert manager.get_files("me", list(names)) == []


def test_one_that_cannot_be_kept_can_be_tried_again(manager, monkeypatch):
    upload = give(manager, "mine.keras", b"content")
    monkeypatch.setenv("LITEDRIFT_UPLOAD_BYTES", "3")
    with pytest.raises(StoreError, match="at most 3 bytes"):
        take_upload(upload)
    assert len(manager.get_files("me", ["mine.keras"])) == 1
    monkeypatch.delenv("LITEDRIFT_UPLOAD_BYTES")
    assert take_upload(upload).path.read_bytes() == b"content"
