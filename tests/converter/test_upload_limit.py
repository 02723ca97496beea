"""An upload over the limit is refused in a sentence and leaves nothing behind."""

import io

import pytest

from converter.errors import StoreError
from converter.folder_upload import BLOCK_BYTES
from converter.uploads import store_upload


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("limit", [1, 100, BLOCK_BYTES, BLOCK_BYTES + 5])
def test_the_limit_is_the_largest_size_that_is_taken(home, monkeypatch, limit):
    monkeypatch.setenv("LITEDRIFT_UPLOAD_BYTES", str(limit))
    stored = store_upload(io.BytesIO(bytes(limit)), "just.keras")
    assert stored.path.stat().st_size == limit
    with pytest.raises(StoreError) as refused:
        store_upload(io.BytesIO(bytes(limit + 1)), "over.keras")
    sentence = str(refused.value)
    assert sentence.startswith(f"over.keras: expected a file of at most {limit} bytes")
    assert "LITEDRIFT_UPLOAD_BYTES" in sentence
    assert list((home / "uploads").iterdir()) == [stored.path]


def test_an_endless_upload_ends_at_the_limit(home, monkeypatch):
    monkeypatch.setenv("LITEDRIFT_UPLOAD_BYTES", "3000000")

    class Endless:
        taken = 0

        def read(self, size):
            self.taken += size
            return bytes(size)

    endless = Endless()
    with pytest.raises(StoreError):
        store_upload(endless, "endless.zip")
    assert endless.taken < 3_000_000 + 2 * BLOCK_BYTES
    assert list((home / "uploads").iterdir()) == []
