"""Taking uploads over: to disk at once, and out of the web process's memory."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from converter.uploads import StoredFile, store_folder, store_upload


def take_upload(upload: UploadedFile) -> StoredFile:
    """Keep an upload on disk under its hash.

    Raises:
        StoreError: When it cannot be kept; it can be tried again then.
    """
    upload.seek(0)  # it may have been read before, and refused
    stored = store_upload(upload, upload.name)
    _release(upload)
    return stored


def take_folder(uploads: Sequence[UploadedFile]) -> StoredFile:
    """Keep a folder that arrives file by file as one zip on disk.

    Raises:
        LiteDriftError: When it cannot be kept; it can be tried again then.
    """
    for upload in uploads:
        upload.seek(0)
    stored = store_folder([(upload.name, upload) for upload in uploads])
    for upload in uploads:
        _release(upload)
    return stored


def _release(upload: UploadedFile) -> None:
    """Let go of the content: Streamlit would hold it as long as the browser's tab is open."""
    upload.seek(0)
    upload.truncate(0)
    context = get_script_run_ctx()
    if context is not None and st.runtime.exists():
        context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)
