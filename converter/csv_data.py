"""A table of samples: one row each; which columns are the features and which the labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from converter.csv_form import LABEL_NAMES
from converter.csv_table import UNNAMED, is_text, read_table
from converter.errors import DataError
from converter.finding import shorten_names
from converter.request import DataOptions
from converter.sample_fitting import list_classes
from converter.samples import LABELS, RawData
from converter.signature import TensorSpec

_INDEX_NAMES = {"", "id", "index", "idx", "row", "row_id", "nr", "no", "#"}

_LEAST_COUNTED = 10
"""Rows from which on a first column of 0, 1, 2, ... is no coincidence."""


@dataclass
class _Roles:
    """Which columns are what.

    Attributes:
        features: In the table's order.
        labels: Column names by label: `y`, or an output's name.
        notes: Sentences about what a person might not expect.
    """

    features: list[str]
    labels: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_csv_data(
    path: Path, name: str, inputs: Sequence[TensorSpec], options: DataOptions
) -> RawData:
    """Read a CSV for a model of flat inputs.

    The separator, the encoding and the decimal sign are found by looking; a first row that holds
    numbers is data, not a header.

    Raises:
        DataError: When it is no table, or its columns do not fit the inputs.
    """
    table = read_table(path, name)
    frame = table.frame
    frame.columns = [str(column) for column in frame.columns]
    roles = _assign_roles(frame, name, inputs, options.label_column)
    labels, class_names = {}, {}
    for key, column in roles.labels.items():
        labels[key], names = _labels(frame[column], name)
        roles.notes.append(_describe_labels(column, names))
        if names:
            class_names[key] = names
    arrays, columns = _feature_arrays(frame[roles.features], name, inputs, roles.notes)
    return RawData(
        arrays,
        labels,
        (*table.notes, *roles.notes),
        class_names=class_names,
        columns=columns,
    )


def _assign_roles(
    frame: pd.DataFrame, name: str, inputs: Sequence[TensorSpec], asked: str | None
) -> _Roles:
    columns = list(frame.columns)
    wanted = _feature_count(inputs)
    roles = _Roles(columns)
    label = _named_label(columns, name, inputs, asked, wanted)
    if label is not None:
        _take_label(roles, LABELS, label)
    for column in columns:
        output = column.removeprefix(f"{LABELS}_")
        is_left_over = wanted is None or len(roles.features) > wanted
        if output != column and is_left_over and len(inputs) > 1 and not _owner(column, inputs):
            _take_label(roles, output, column)
    index = next((c for c in roles.features if _is_index(frame, c, columns)), None)
    if index is not None and _can_spare(index, roles.features, wanted):
        roles.features = [c for c in roles.features if c != index]
        roles.notes.append(f"The column {_shown(index)} only counts the rows: left out.")
    if not roles.labels and wanted and len(roles.features) == wanted + 1:
        _take_label(roles, LABELS, _left_over(frame, roles.features, inputs))
    if wanted and len(roles.features) > wanted:
        _drop_texts(frame, roles, wanted)
    return roles


def _take_label(roles: _Roles, key: str, column: str) -> None:
    roles.labels[key] = column
    roles.features = [c for c in roles.features if c != column]


def _named_label(
    columns: list[str],
    name: str,
    inputs: Sequence[TensorSpec],
    asked: str | None,
    wanted: int | None,
) -> str | None:
    if asked:
        found = next((c for c in columns if c == asked or c.strip() == asked.strip()), None)
        if found is None:
            known = ", ".join(columns[:20])
            raise DataError(
                f"{name}: expected a label column {asked!r}, found the columns {known}; choose one "
                "of them."
            )
        return found
    if wanted is not None and len(columns) <= wanted:
        return None  # the inputs take every column, whatever it is called
    names = {spec.name for spec in inputs}
    usual = (c for c in columns if c.strip().lower() in LABEL_NAMES and c not in names)
    return next(usual, None)


def _left_over(frame: pd.DataFrame, features: list[str], inputs: Sequence[TensorSpec]) -> str:
    """Return the one column more than features: the only text, or by custom the last one."""
    if len(inputs) > 1:
        free = [column for column in features if not _owner(column, inputs)]
        return free[-1] if free else features[-1]
    texts = [column for column in features if is_text(frame[column])]
    return texts[0] if len(texts) == 1 else features[-1]


def _is_index(frame: pd.DataFrame, column: str, columns: list[str]) -> bool:
    """Whether a column only counts the rows, from 0 or 1 on."""
    values = frame[column]
    is_named_so = column.startswith(UNNAMED) or column.strip().lower() in _INDEX_NAMES
    is_first = column == columns[0]
    if not (is_named_so or is_first) or not pd.api.types.is_integer_dtype(values):
        return False
    first = int(values.iloc[0])
    counts = np.array_equal(values.to_numpy(), np.arange(first, first + len(values)))
    least = 2 if is_named_so else _LEAST_COUNTED
    return counts and len(values) >= least and (is_named_so or first in {0, 1})


def _can_spare(index: str, features: list[str], wanted: int | None) -> bool:
    return index.startswith(UNNAMED) if wanted is None else len(features) > wanted


def _drop_texts(frame: pd.DataFrame, roles: _Roles, wanted: int) -> None:
    texts = [column for column in roles.features if is_text(frame[column])]
    if texts and len(roles.features) - len(texts) == wanted:
        roles.features = [column for column in roles.features if column not in texts]
        verb = "holds" if len(texts) == 1 else "hold"
        noun = "column" if len(texts) == 1 else "columns"
        roles.notes.append(
            f"The {noun} {shorten_names([_shown(c) for c in texts])} {verb} text, and the other "
            f"{wanted} are as many as the model takes: left out."
        )


def _shown(column: str) -> str:
    return "without a name" if column.startswith(UNNAMED) else repr(column[:40])


def _feature_count(inputs: Sequence[TensorSpec]) -> int | None:
    sizes = [size for spec in inputs for size in (spec.shape or (None, None))[1:]]
    if any(size is None for size in sizes):
        return None
    return sum(math.prod(int(s or 1) for s in (spec.shape or ())[1:]) for spec in inputs)


def _labels(column: pd.Series, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return labels and, where they were names, the names in the order of their indices."""
    missing = int(column.isna().sum())
    if missing:
        raise DataError(
            f"{name}: expected a label in every row, found {missing} empty ones (no text, NA, None "
            "or nan); fill or drop those rows."
        )
    if not is_text(column):
        return column.to_numpy(), ()
    # Class names become indices in alphabetical order, as scikit-learn's LabelEncoder does.
    names, indices = np.unique(column.astype(str).to_numpy(dtype=str), return_inverse=True)
    return indices, tuple(map(str, names))


def _describe_labels(column: str, names: tuple[str, ...]) -> str:
    sentence = f"The column {column[:40]!r} holds the labels"
    if not names:
        return f"{sentence}."
    return f"{sentence}; its texts, in alphabetical order, are the classes: {list_classes(names)}."


def _feature_arrays(
    features: pd.DataFrame, name: str, inputs: Sequence[TensorSpec], notes: list[str]
) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, ...]]]:
    if len(inputs) == 1:
        chosen = {inputs[0].name: list(features.columns)}
    else:
        owners = {column: _owner(column, inputs) for column in features.columns}
        chosen = {
            spec.name: [column for column, owner in owners.items() if owner == spec.name]
            for spec in inputs
        }
        left = [_shown(column) for column, owner in owners.items() if owner is None]
        if left:
            notes.append(f"Columns that belong to no input: {shorten_names(left)}; left out.")
    for spec in inputs:
        if not chosen[spec.name]:
            raise DataError(
                f"{name}: expected columns named {spec.name}_... for the input {spec.name!r}, "
                "found none; rename the columns or save the inputs with numpy.savez."
            )
    arrays = {spec.name: _numbers(features[chosen[spec.name]], name, spec) for spec in inputs}
    return arrays, {key: tuple(columns) for key, columns in chosen.items()}


def _owner(column: str, inputs: Sequence[TensorSpec]) -> str | None:
    """Return the input that a column belongs to by its name; of several the longest name's."""
    owners = [
        spec.name
        for spec in inputs
        if column.strip() == spec.name
        or column.strip().startswith(tuple(f"{spec.name}{mark}" for mark in "_.:["))
    ]
    return max(owners, key=len, default=None)


def _numbers(columns: pd.DataFrame, name: str, spec: TensorSpec) -> np.ndarray:
    """Return columns as numbers: float32, or float64 for a model of integers, to lose no digit.

    Raises:
        DataError: When one holds text.
    """
    texts = [str(column) for column in columns if is_text(columns[column])]
    if texts:
        examples = [
            f"{_shown(column)} (such as {str(columns[column].dropna().iloc[0])[:24]!r})"
            for column in texts
            if columns[column].notna().any()
        ]
        raise DataError(
            f"{name}: expected numbers in the feature columns, found text in "
            f"{shorten_names(examples or [_shown(c) for c in texts], 3)}; encode such columns as "
            "in training, leave them out, or choose one as the label."
        )
    whole = spec.dtype is not None and spec.dtype.startswith(("int", "uint"))
    return columns.to_numpy(dtype=np.float64 if whole else np.float32)
