"""Names of tensors across two conversions of one model.

The converter ends a name that it has used already with a number. How often it has depends on what
else is in the file: the weights that a float16 file unpacks take a turn each. So `conv/sub1` of one
file is `conv/sub2` of the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def name_stem(name: str) -> str:
    """Return a name without the number at its end; all of it where nothing else would be left.

    Example:
        >>> name_stem("conv/sub12")
        'conv/sub'
    """
    return name.rstrip("0123456789") or name


def pair_by_stem(
    first: Sequence[Key], second: Sequence[Key], kinds: Mapping[Key, Hashable]
) -> dict[Key, Key]:
    """Return the partner of each item of `first` that shares its kind with one of `second` alone.

    Args:
        first: Items without a partner of their own name.
        second: The same of the other file.
        kinds: Of each item: its stem, with all else that has to agree.
    """
    counts = [Counter(kinds[item] for item in side) for side in (first, second)]
    by_kind = {kinds[item]: item for item in second}
    return {
        item: by_kind[kinds[item]]
        for item in first
        if counts[0][kinds[item]] == 1 and counts[1][kinds[item]] == 1
    }
