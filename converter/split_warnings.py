"""What a split of the data makes doubtful: too few samples, and samples that are in both parts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

import numpy as np

from converter.accuracy import Z95
from converter.finding import Finding
from converter.label_warnings import describe_labels
from converter.request import DEFAULT_CALIBRATION_SAMPLES
from converter.samples import MIN_CALIBRATION, Samples, Split

_FEW_EVALUATION = 30
_GOOD_EVALUATION = 100


def find_split_mistakes(split: Split, *, is_random: bool = False) -> list[Finding]:
    """Return what is doubtful about a split.

    Args:
        split: The two parts.
        is_random: Whether the samples are random numbers: of them there can be as many as one
            likes, and equal ones mean nothing.
    """
    if is_random:
        return []
    evaluation = len(split.evaluation)
    found = _few_calibration(len(split.calibration))
    kinds = [facts["kind"] for facts in describe_labels(split.evaluation)]
    found += _few_evaluation(evaluation, has_classes=any(kind != "values" for kind in kinds))
    copies = count_copies(split)
    if copies:
        found.append(
            Finding(
                f"{copies} of {evaluation} evaluation samples are exact copies of calibration "
                "samples: figures on them flatter the quantized variants; take duplicates out of "
                "the data.",
                serious=copies * 100 >= evaluation,
            )
        )
    return found


def count_copies(split: Split) -> int:
    """Return how many evaluation samples equal a calibration sample in every value of every input.

    Samples are compared by a hash of their bytes, so 0.0 and -0.0 differ.
    """
    if not len(split.calibration):
        return 0
    seen = set(_row_digests(split.calibration))
    return sum(digest in seen for digest in _row_digests(split.evaluation))


def _row_digests(samples: Samples) -> Iterator[bytes]:
    arrays = list(samples.inputs.values())
    for row in range(len(samples)):
        digest = hashlib.blake2b(digest_size=16)
        for array in arrays:
            digest.update(np.ascontiguousarray(array[row]).tobytes())
        yield digest.digest()


def _few_calibration(count: int) -> list[Finding]:
    if count >= DEFAULT_CALIBRATION_SAMPLES:
        return []
    what = f"Only {count} sample{'' if count == 1 else 's'}" if count else "No sample"
    verb = "calibrates" if count <= 1 else "calibrate"
    return [
        Finding(
            f"{what} {verb} the integer variants; {DEFAULT_CALIBRATION_SAMPLES} or more meet the "
            "range of values better: give more data.",
            serious=count < MIN_CALIBRATION,
        )
    ]


def _few_evaluation(count: int, *, has_classes: bool) -> list[Finding]:
    if count >= _GOOD_EVALUATION:
        return []
    noun = f"{count} sample{'' if count == 1 else 's'}"
    if has_classes:
        # Half the width of the 95 % interval at an accuracy of one half, where it is widest.
        points = min(50.0, 100 * Z95 / (2 * math.sqrt(count)))
        text = (
            f"Accuracy is measured on {noun}, so its 95 % interval may reach {points:.0f} "
            "percentage points to either side: give more labelled data."
        )
    else:
        text = f"Drift is measured on {noun}, which may lack rare inputs: give more data."
    return [Finding(text, serious=count < _FEW_EVALUATION)]
