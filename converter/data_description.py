"""What a page shows of data: the file beside what the model is fed, and what looks wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.data_file import read_data_file
from converter.distribution import describe_distribution, describe_fed, measure_range
from converter.finding import Finding
from converter.image_preview import preview_images
from converter.image_scaling import AUTO
from converter.input_warnings import find_input_mistakes, judge_automatic_scale
from converter.label_warnings import describe_labels, find_label_mistakes
from converter.model_traits import BYTES, ModelTraits
from converter.request import DataOptions
from converter.sample_fitting import fit_samples
from converter.samples import RawData, Samples, split_samples
from converter.signature import TensorSpec
from converter.split_warnings import find_split_mistakes
from converter.stored_values import QUANTIZED_INPUTS, real_samples

SEED = 0
"""Of the split that is described: the one that a run takes where nobody asks for another."""


@dataclass(frozen=True)
class ReadData:
    """A data file, read for a model.

    Attributes:
        raw: As the file has it.
        samples: As the model is fed.
        findings: What looks wrong with the inputs and the labels.
    """

    raw: RawData
    samples: Samples
    findings: tuple[Finding, ...]


def read_data(
    path: Path,
    name: str,
    inputs: Sequence[TensorSpec],
    options: DataOptions,
    traits: ModelTraits,
    *,
    for_page: bool,
) -> ReadData:
    """Read a data file for a model and judge it.

    Args:
        path: Where it lies.
        name: The name a person knows it by.
        inputs: The model's inputs, in the dtypes that data are fitted to.
        options: How to read it.
        traits: What the model's file tells.
        for_page: Whether the original images are kept for people, and labels held against the
            outputs that the file tells; a run holds them against those that the model gives.

    Raises:
        DataError: When it cannot be read or does not fit the inputs.
    """
    rescales = traits.image_values == BYTES
    raw = read_data_file(path, name, inputs, options, rescales=rescales, originals=for_page)
    samples = fit_samples(raw, name, inputs)
    if traits.quantized and for_page:
        samples = real_samples(samples, list(traits.inputs), _quantized(traits))
    findings = _find_mistakes(raw, samples, options, traits, for_page=for_page)
    return ReadData(raw, samples, tuple(findings))


def _quantized(traits: ModelTraits) -> dict[str, Any]:
    return {QUANTIZED_INPUTS: traits.quantized}


def _find_mistakes(
    raw: RawData,
    samples: Samples,
    options: DataOptions,
    traits: ModelTraits,
    *,
    for_page: bool,
) -> list[Finding]:
    judged = samples
    if traits.quantized and not for_page:
        # A run turns stored integers into real numbers behind the reading child.
        judged = real_samples(samples, list(traits.inputs), _quantized(traits))
    found = find_input_mistakes(judged, traits)
    if raw.image_scale is not None and options.image_scale == AUTO:
        found += judge_automatic_scale(raw.image_scale, traits)
    return found + find_label_mistakes(samples, traits.outputs, fit=for_page)


def describe_data(read: ReadData) -> dict[str, Any]:
    """Return what a page shows of data, as JSON-ready values.

    Returns:
        `{"samples", "labelled", "label_names", "labels", "inputs", "distributions", "split",
        "preview", "notes", "warnings"}`. `inputs` has `{"name", "shape", "dtype", "min", "max",
        "mean"}` of all samples; `distributions` has `{"name", "file", "fed"}`, each as
        `describe_distribution`: the values in the file, and those of the calibration samples as the
        model is fed (None without any); `split` has the counts and the seed of a run's defaults.
    """
    samples, raw = read.samples, read.raw
    split = split_samples(samples, None, None, SEED)
    fed = describe_fed(split.calibration.inputs) if len(split.calibration) else {}
    findings = [*read.findings, *find_split_mistakes(split)]
    return {
        "samples": len(samples),
        "labelled": bool(samples.labels),
        "label_names": list(samples.labels),
        "labels": describe_labels(samples),
        "inputs": [_describe_input(samples, name) for name in samples.inputs],
        "distributions": [
            {"name": name, "file": _describe_filed(raw, name), "fed": fed.get(name)}
            for name in samples.inputs
        ],
        "split": {
            "calibration": len(split.calibration),
            "evaluation": len(split.evaluation),
            "seed": SEED,
        },
        "preview": preview_images(samples, raw),
        "notes": [*samples.notes, *(f.text for f in findings if not f.serious)],
        "warnings": [f.text for f in findings if f.serious],
    }


def _describe_input(samples: Samples, name: str) -> dict[str, Any]:
    array = samples.inputs[name]
    measured = measure_range(array)
    figures = {key: measured[key] for key in ("min", "max", "mean")}
    return {"name": name, "shape": list(array.shape), "dtype": str(array.dtype), **figures}


def _describe_filed(raw: RawData, name: str) -> dict[str, Any]:
    is_drawn = raw.originals is not None
    values = raw.originals.values if raw.originals is not None else raw.inputs[name]
    return {**describe_distribution(values), "drawn": is_drawn}
