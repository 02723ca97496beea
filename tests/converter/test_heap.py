"""The allocator's books: what is taken shows, what is given back shows, and others' are refused."""

from __future__ import annotations

import ctypes

import pytest

from converter import heap

MB = 1 << 20


@pytest.fixture
def fresh():
    heap._library.cache_clear()
    yield
    heap._library.cache_clear()


def blocks(size):
    """Return functions that take a block from the allocator and give it back."""
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    return (lambda: library.malloc(ctypes.c_size_t(size))), (
        lambda block: library.free(ctypes.c_void_p(block))
    )


@pytest.mark.parametrize("size", [100_000, 40 * MB], ids=["in a heap", "mapped alone"])
def test_a_block_shows_until_it_is_given_back(size):
    take, give_back = blocks(size)
    heap.heap_bytes()
    before = heap.heap_bytes()
    block = take()
    taken = heap.heap_bytes() - before
    assert size <= taken <= size + 8192
    give_back(block)
    assert heap.heap_bytes() - before < 1000


@pytest.mark.usefixtures("fresh")
def test_a_system_without_such_books_says_so(monkeypatch):
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda _: object())
    assert heap.heap_bytes() is None


@pytest.mark.usefixtures("fresh")
def test_books_of_another_allocator_are_not_believed(monkeypatch):
    class Function:
        def __init__(self, answer):
            self.answer = answer

        def __call__(self, *_):
            return self.answer() if callable(self.answer) else self.answer

    class Library:
        mallinfo2 = Function(heap._Books)  # always empty: malloc takes from elsewhere
        malloc = Function(4096)
        free = Function(None)

    monkeypatch.setattr(heap.ctypes, "CDLL", lambda _: Library())
    assert heap.heap_bytes() is None
