"""Labels against the model's outputs: what fits nothing, what is one-sided, what names classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from converter.finding import Finding, shorten_names
from converter.samples import LABELS, Samples
from converter.signature import TensorSpec

Array = np.ndarray
_ONE_SIDED = 0.9
"""From this share on, always answering the commonest class looks like a good model."""
_LEAST_SAMPLES = 20
_MOST_CLASSES = 1000


def find_label_mistakes(
    samples: Samples, outputs: Sequence[TensorSpec], *, fit: bool = True
) -> list[Finding]:
    """Return which labels fit nothing, and which say little.

    Args:
        samples: With labels by output name, or under `y` for the first output.
        outputs: The model's outputs; an unknown shape is not judged.
        fit: Whether to hold them against the outputs: a run does that itself, with the outputs
            that the model really gave.
    """
    found = []
    known = {spec.name: spec for spec in outputs}
    for key, labels in samples.labels.items():
        name = _shown(key)
        spec = outputs[0] if key == LABELS and outputs else known.get(key)
        if fit and spec is None and outputs:
            found.append(
                Finding(
                    f"The labels {name} belong to none of the outputs "
                    f"{shorten_names(list(known))}: call them y_ and the output's name."
                )
            )
            continue
        broken = int((~np.isfinite(labels)).sum()) if labels.dtype.kind == "f" else 0
        if broken:
            found.append(
                Finding(
                    f"{broken} of the labels {name} are NaN or infinite: drop those samples; "
                    "accuracy cannot be measured with them."
                )
            )
            continue
        classes = _class_count(spec)
        if fit:
            found += _misfits(labels, name, spec, classes, samples.class_names.get(key))
        found += _one_sided(labels, name, classes, samples.class_names.get(key))
    return found


def describe_labels(samples: Samples) -> list[dict[str, Any]]:
    """Return for each set of labels `{"name", "kind", "classes"}`, as JSON-ready values.

    `kind` is `classes` (indices), `one-hot` or `values`; `classes` is how many there are, None for
    values.
    """
    facts = []
    for key, labels in samples.labels.items():
        indices = _class_indices(labels)
        classes = None if indices is None else int(np.unique(indices).size)
        is_one_hot = indices is not None and labels.ndim == 2
        kind = "values" if indices is None else "one-hot" if is_one_hot else "classes"
        facts.append({"name": key, "kind": kind, "classes": classes})
    return facts


def _shown(key: str) -> str:
    return key if key == LABELS else f"{LABELS}_{key}"


def _class_count(spec: TensorSpec | None) -> int | None:
    """Return over how many classes an output may be a distribution; None where nobody knows."""
    if spec is None or spec.shape is None or len(spec.shape) != 2:
        return None
    return spec.shape[1]


def _class_indices(labels: Array) -> Array | None:
    """Return labels as class indices where they are whole numbers or one-hot rows, else None."""
    if labels.ndim == 2:
        return np.argmax(labels, axis=1) if _is_one_hot(labels) else None
    if labels.ndim != 1 or (labels.dtype.kind == "f" and not _is_whole(labels)):
        return None
    whole = labels.astype(np.int64)
    is_class = whole.min() >= 0 and np.unique(whole).size <= min(_MOST_CLASSES, len(whole))
    return whole if is_class else None


def _is_one_hot(labels: Array) -> bool:
    return bool(np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all())


def _is_whole(labels: Array) -> bool:
    return bool(np.isfinite(labels).all() and (labels == np.round(labels)).all())


def _misfits(
    labels: Array,
    name: str,
    spec: TensorSpec | None,
    classes: int | None,
    names: tuple[str, ...] | None,
) -> list[Finding]:
    if spec is None or spec.shape is None:
        return []
    if labels.ndim == 1 and classes is not None and classes >= 2:
        text = _index_misfit(labels, name, spec.name, classes, names)
        return [Finding(text)] if text else []
    if labels.ndim == 1 and classes == 1 and names is not None and len(names) > 2:
        return [
            Finding(
                f"The labels {name} name {len(names)} classes and {spec.name} is one number a "
                "sample: give the numbers that it predicts, or at most two classes."
            )
        ]
    sizes = spec.shape[1:]
    if None in sizes:
        return []
    wanted = math.prod(int(size or 1) for size in sizes)
    given = math.prod(labels.shape[1:])
    if wanted == given:
        return []
    if labels.ndim == 2 and classes is not None and _is_one_hot(labels):
        what = f"are one-hot rows of {given} classes, and {spec.name} has {classes}"
    else:
        noun = "number" if given == 1 else "numbers"
        what = f"have {given} {noun} a sample, and {spec.name} has {wanted}"
    return [Finding(f"The labels {name} {what}: give labels that belong to this model.")]


def _index_misfit(
    labels: Array, name: str, output: str, classes: int, names: tuple[str, ...] | None
) -> str | None:
    if not _is_whole(labels):
        return (
            f"The labels {name} are fractions, and {output} has {classes} numbers a sample: give "
            f"class indices from 0 to {classes - 1}."
        )
    low, high = int(labels.min()), int(labels.max())
    if names is not None and len(names) != classes:
        return (
            f"The labels {name} name {len(names)} classes and {output} has {classes}: their order "
            "is alphabetical and is not the model's; name the classes by their index (0, 1, 2, "
            "...)."
        )
    if low >= 0 and high < classes:
        return None
    if low == 1 and high == classes:
        return (
            f"The labels {name} run from 1 to {classes}, and the classes of {output} from 0 to "
            f"{classes - 1}: subtract 1."
        )
    return (
        f"The labels {name} run from {low} to {high}, and {output} has the classes 0 to "
        f"{classes - 1}: give labels that belong to this model."
    )


def _one_sided(
    labels: Array, name: str, classes: int | None, names: tuple[str, ...] | None
) -> list[Finding]:
    indices = _class_indices(labels)
    if indices is None or len(indices) < 2:
        return []
    values, counts = np.unique(indices, return_counts=True)
    # A count to predict is a whole number too, and may well be 0 mostly.
    is_count = (classes == 1 or labels.dtype.kind == "f") and values.size > 2 and names is None
    if is_count and not (classes or 0) >= 2:
        return []
    most = int(counts.argmax())
    index = int(values[most])
    shown = names[index][:40] if names and index < len(names) else str(index)
    if values.size == 1:
        return [
            Finding(
                f"All labels {name} are the class {shown}: accuracy on one class says nothing "
                "about the others; give samples of each."
            )
        ]
    share = float(counts[most] / counts.sum())
    if share < _ONE_SIDED or len(indices) < _LEAST_SAMPLES:
        return []
    return [
        Finding(
            f"{share:.0%} of the labels {name} are the class {shown}: a model that always answers "
            "it would be as accurate; give as many samples of the other classes."
        )
    ]
