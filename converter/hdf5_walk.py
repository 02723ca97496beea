"""A walk through everything in an HDF5 file that ends on any file."""

from __future__ import annotations

from collections.abc import Iterator

import h5py

from converter.errors import ModelFileError

MAX_DEPTH = 200  # of groups in groups; a model within a model takes two
MAX_OBJECTS = 500_000  # the largest models have some ten thousand


def walk_hdf5(file: h5py.File, name: str) -> Iterator[tuple[str, object, h5py.HLObject | None]]:
    """Yield every group and dataset once, with where it lies and the link that leads there.

    libhdf5's own visitor opens each object by its whole path, which takes minutes where a small
    file nests thousands of groups.

    Args:
        file: The open file.
        name: The model file's name, for messages.

    Yields:
        The place (`layers/dense/vars/0`), the link, and the object; None for a link that leads
        somewhere else than to an object of this file.

    Raises:
        ModelFileError: When it nests deeper, or holds more, than a model does.
    """
    waiting: list[tuple[str, int, h5py.Group]] = [("", 0, file)]
    seen: set[int] = set()
    while waiting:
        place, depth, group = waiting.pop()
        for key in group:
            inner = f"{place}{key}"
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                yield inner, link, None
                continue
            item = group[key]
            # A hard link may lead back to a group above it.
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if depth >= MAX_DEPTH or len(seen) > MAX_OBJECTS:
                raise ModelFileError(
                    f"{name}: expected HDF5 weights in at most {MAX_DEPTH} nested groups and "
                    f"{MAX_OBJECTS} objects, found more; save the model again with model.save()."
                )
            yield inner, link, item
            if isinstance(item, h5py.Group):
                waiting.append((f"{inner}/", depth + 1, item))
