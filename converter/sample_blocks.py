"""Arrays with many samples, walked through a block at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.sample_arrays import PageReleaser

_BLOCK_VALUES = 1 << 15
"""Values of the larger array in a block: 256 kB in float64."""


def sample_blocks(*arrays: np.ndarray) -> Iterator[tuple[slice, tuple[np.ndarray, ...]]]:
    """Yield the samples of arrays of one length, block by block.

    Pages of mapped arrays are given back behind the walk, so that neither a temporary nor the
    process's resident size grows with the number of samples.

    Args:
        arrays: Each of shape `(samples, ...)`.

    Yields:
        Which samples, and each array's part of them.
    """
    samples = len(arrays[0])
    values = max(max(1, array[:1].size) for array in arrays)
    rows = max(1, _BLOCK_VALUES // values)
    pages = PageReleaser(arrays)
    for start in range(0, samples, rows):
        part = slice(start, min(start + rows, samples))
        yield part, tuple(array[part] for array in arrays)
        pages.note(sum(array[part].nbytes for array in arrays))
