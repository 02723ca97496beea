"""A table of samples: one row each, feature columns and at most one label column."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from converter.data_file import column_names, numeric
from converter.errors import DataError
from converter.limits import current_limits
from converter.request import DataOptions
from converter.samples import LABELS, RawData
from converter.signature import TensorSpec

LABEL_NAMES = ("label", "labels", "target", "y", "class", "outcome")
_HEAD_BYTES = 1 << 16


def read_csv_data(
    path: Path, name: str, inputs: Sequence[TensorSpec], options: DataOptions
) -> RawData:
    """Read a CSV for a model of flat inputs.

    The separator and the encoding are found by looking; a first row of numbers is data, not a
    header.

    Raises:
        DataError: When it is no table, or its columns do not fit the inputs.
    """
    table = read_table(path, name)
    label = _label_column(table, name, inputs, options.label_column)
    features = table.drop(columns=[label]) if label is not None else table
    labels = {} if label is None else {LABELS: _labels(table[label], name)}
    notes = [] if label is None else [f"The column {label!r} holds the labels."]
    return RawData(_feature_arrays(features, name, inputs), labels, tuple(notes))


def read_table(path: Path, name: str) -> pd.DataFrame:
    """Return the table of a CSV.

    Raises:
        DataError: When it is no table.
    """
    head, encoding = _decoded_head(path, name)
    first = next((line for line in head.splitlines() if line.strip()), "")
    try:
        separator = csv.Sniffer().sniff(head[:8192], delimiters=",;\t|").delimiter
    except csv.Error:
        separator = ","
    columns = next(csv.reader([first], delimiter=separator), [])
    limit = int(current_limits().csv_columns)
    if len(columns) > limit:
        raise DataError(
            f"{name}: expected at most {limit} columns, found {len(columns)}; give fewer features."
        )
    headless = all(_is_number(cell) for cell in columns)
    try:
        table = pd.read_csv(
            path,
            sep=separator,
            encoding=encoding,
            header=None if headless else 0,
            skipinitialspace=True,
        )
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError, csv.Error) as broken:
        raise DataError(
            f"{name}: expected a table of comma-separated values, found text that is none "
            f"({str(broken).strip()[:100]}); save it as CSV with one row a sample."
        ) from broken
    if headless:
        table.columns = column_names(table.shape[1])
    if table.empty:
        raise DataError(f"{name}: expected at least one row of data, found none; add rows.")
    return table


def _decoded_head(path: Path, name: str) -> tuple[str, str]:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "ignore"), "utf-16"
    try:
        # A cut in the middle of a character must not count against UTF-8.
        return head.decode("utf-8-sig", "strict" if len(head) < _HEAD_BYTES else "ignore"), (
            "utf-8-sig"
        )
    except UnicodeDecodeError:
        return head.decode("latin-1"), "latin-1"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _label_column(
    table: pd.DataFrame, name: str, inputs: Sequence[TensorSpec], asked: str | None
) -> str | None:
    if asked:
        if asked not in table.columns:
            known = ", ".join(map(str, table.columns[:20]))
            raise DataError(
                f"{name}: expected a label column {asked!r}, found the columns {known}; choose one "
                "of them."
            )
        return asked
    for column in table.columns:
        if str(column).strip().lower() in LABEL_NAMES:
            return str(column)
    wanted = _feature_count(inputs)
    # One column more than features: by custom the last one is the label.
    return str(table.columns[-1]) if wanted and table.shape[1] == wanted + 1 else None


def _feature_count(inputs: Sequence[TensorSpec]) -> int | None:
    sizes = [size for spec in inputs for size in (spec.shape or (None, None))[1:]]
    if any(size is None for size in sizes):
        return None
    return sum(math.prod(int(s or 1) for s in (spec.shape or ())[1:]) for spec in inputs)


def _labels(column: pd.Series, name: str) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(column):
        if column.isna().any():
            raise DataError(
                f"{name}: expected a label in every row, found {int(column.isna().sum())} empty "
                "ones; fill or drop those rows."
            )
        return column.to_numpy()
    # Class names become indices in alphabetical order, as scikit-learn's LabelEncoder does.
    return np.unique(column.astype(str).to_numpy(dtype=str), return_inverse=True)[1]


def _feature_arrays(
    features: pd.DataFrame, name: str, inputs: Sequence[TensorSpec]
) -> dict[str, np.ndarray]:
    if len(inputs) == 1:
        return {inputs[0].name: numeric(features, name, "the feature columns")}
    arrays = {}
    for spec in inputs:
        prefixes = (f"{spec.name}_", f"{spec.name}.", f"{spec.name}:")
        columns = [
            c for c in features.columns if str(c) == spec.name or str(c).startswith(prefixes)
        ]
        if not columns:
            raise DataError(
                f"{name}: expected columns named {spec.name}_... for the input {spec.name!r}, "
                "found none; rename the columns or save the inputs with numpy.savez."
            )
        arrays[spec.name] = numeric(features[columns], name, f"the columns of {spec.name}")
    return arrays
