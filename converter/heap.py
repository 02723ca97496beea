"""What a process has taken from its memory allocator, by the allocator's own books (glibc's)."""

from __future__ import annotations

import ctypes
import functools

_PROBE_BYTES = 1 << 16
"""Too small for a mapping of its own: to free one would change how the allocator goes on."""
_FIELDS = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)
NO_BOOKS = (
    "this system's allocator does not tell what was taken from it (glibc's mallinfo2, of 2.33 or "
    "later, is needed)"
)


class _Books(ctypes.Structure):
    """`struct mallinfo2`, see mallinfo(3)."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]  # noqa: RUF012 - ctypes reads it


def heap_bytes() -> int | None:
    """Return the bytes in use: of all heaps, and of blocks with a mapping of their own.

    Python's own small objects lie in arenas of Python and are not in it. Blocks that a thread has
    freed and keeps at hand count as in use: some KB.

    Returns:
        None where the allocator keeps no such books; see `NO_BOOKS`.
    """
    books = _read_books()
    return None if books is None else _in_use(books)


def _in_use(books: _Books) -> int:
    return int(books.uordblks + books.hblkhd)


def _read_books() -> _Books | None:
    library = _library()
    if library is None:
        return None
    books: _Books = library.mallinfo2()
    return books


@functools.cache
def _library() -> ctypes.CDLL | None:
    """Return the C library where its books are those of `malloc`, which may be another's."""
    try:
        library = ctypes.CDLL(None)
        library.mallinfo2.restype = _Books
        library.malloc.restype = ctypes.c_void_p
        library.malloc.argtypes = [ctypes.c_size_t]
        library.free.argtypes = [ctypes.c_void_p]
    except (AttributeError, OSError, TypeError):
        return None
    before = _in_use(library.mallinfo2())
    block = library.malloc(_PROBE_BYTES)
    after = _in_use(library.mallinfo2())
    library.free(block)
    return library if after - before >= _PROBE_BYTES else None
