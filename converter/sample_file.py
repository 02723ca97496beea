"""The file beside a run that holds what each sample did: `samples_<recipe>.npz`, bounded."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from converter.json_figures import encode_figures
from converter.sample_arrays import save_npz
from converter.sample_differences import SampleDifferences

Array = np.ndarray
MOST_ROWS = 5_000
"""Rows of all outputs together; of more samples all flips and the largest errors are kept."""
LEAST_ROWS = 100
"""Rows of each output, however many there are."""
MOST_PICTURES = 24
"""Pictures of the worst samples, and as many of the flips."""
_ABOUT, _PICTURES, _PICTURE_SAMPLES = "about", "pictures", "picture_samples"
_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class OutputSamples:
    """What one output did.

    Attributes:
        classes: Whether it holds class scores.
        labelled: Whether labels were given for it.
        samples: Evaluation samples, of which `differences` may hold fewer.
        differences: Sample by sample.
        distribution: `describe_errors`'s answer.
        class_pairs: `DifferenceCollector.class_pairs`'s answer; None without classes.
        per_class: `per_class`'s answer; None without class labels.
        reliability: `reliability`'s answers for `reference` and `variant`; empty without labels or
            probabilities.
    """

    classes: bool
    labelled: bool
    samples: int
    differences: SampleDifferences
    distribution: dict[str, Any]
    class_pairs: dict[str, Any] | None = None
    per_class: dict[str, Any] | None = None
    reliability: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class VariantSamples:
    """What the outputs of one variant did.

    Attributes:
        outputs: By output name.
        pictures: Thumbnails, uint8, shape `(count, height, width, channels)`; None without images.
        picture_samples: Which evaluation samples they show.
    """

    outputs: dict[str, OutputSamples]
    pictures: Array | None = None
    picture_samples: tuple[int, ...] = ()

    def picture(self, sample: int) -> Array | None:
        """Return the thumbnail of an evaluation sample, None where none was kept."""
        if self.pictures is None or sample not in self.picture_samples:
            return None
        return np.asarray(self.pictures[self.picture_samples.index(sample)])


def sample_file_name(recipe: str) -> str:
    """Return the name of the file for a variant."""
    return f"samples_{recipe}.npz"


def rows_for(outputs: int) -> int:
    """Return how many rows each of so many outputs may have."""
    return max(LEAST_ROWS, MOST_ROWS // max(1, outputs))


def samples_to_picture(outputs: Mapping[str, SampleDifferences]) -> list[int]:
    """Return the worst samples and the flips of all outputs, each kind bounded, in order."""
    wanted: set[int] = set()
    share = max(1, MOST_PICTURES // max(1, len(outputs)))
    for found in list(outputs.values())[:MOST_PICTURES]:
        for places in (found.worst(share), found.flips(share)):
            wanted.update(found.sample[places].tolist())
    return sorted(wanted)


def save_sample_file(folder: Path, recipe: str, content: VariantSamples) -> Path:
    """Write the file of a variant and return where it lies."""
    arrays: dict[str, Array] = {}
    about: dict[str, Any] = {"schema": _SCHEMA, "outputs": []}
    for number, (name, output) in enumerate(content.outputs.items()):
        facts = {
            each.name: getattr(output, each.name)
            for each in fields(output)
            if each.name != "differences"
        }
        about["outputs"].append({"name": name, **facts})
        for each in fields(SampleDifferences):
            arrays[f"{number}.{each.name}"] = getattr(output.differences, each.name)
    if content.pictures is not None:
        arrays[_PICTURES] = content.pictures
        arrays[_PICTURE_SAMPLES] = np.array(content.picture_samples, np.int64)
    text = json.dumps(encode_figures(about), allow_nan=False)
    arrays[_ABOUT] = np.frombuffer(text.encode(), np.uint8)
    path = folder / sample_file_name(recipe)
    save_npz(path, arrays)
    return path


def load_sample_file(files: Mapping[str, Path], recipe: str) -> VariantSamples | None:
    """Return what `save_sample_file` kept; None where there is no such file, or a damaged one.

    Args:
        files: A run's files by name.
        recipe: The variant.
    """
    path = files.get(sample_file_name(recipe))
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(archive[_ABOUT].tobytes())
            outputs = {
                item.pop("name"): OutputSamples(
                    differences=SampleDifferences(
                        **{
                            each.name: archive[f"{number}.{each.name}"]
                            for each in fields(SampleDifferences)
                        }
                    ),
                    **item,
                )
                for number, item in enumerate(about["outputs"])
            }
            has_pictures = _PICTURES in archive.files
            return VariantSamples(
                outputs=outputs,
                pictures=archive[_PICTURES] if has_pictures else None,
                picture_samples=tuple(archive[_PICTURE_SAMPLES].tolist()) if has_pictures else (),
            )
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None
