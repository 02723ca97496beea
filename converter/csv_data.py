"""A table of samples: one row each, feature columns and at most one label column."""

from __future__ import annotations

import codecs
import csv
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
_UTF8, _LATIN1 = "utf-8-sig", "latin-1"
_UNNAMED = "Unnamed: "  # what pandas calls a column whose header is empty


def read_csv_data(
    path: Path, name: str, inputs: Sequence[TensorSpec], options: DataOptions
) -> RawData:
    """Read a CSV for a model of flat inputs.

    The separator and the encoding are found by looking; a first row that holds numbers is data,
    not a header.

    Raises:
        DataError: When it is no table, or its columns do not fit the inputs.
    """
    table = read_table(path, name)
    label = _label_column(table, name, inputs, options.label_column)
    features = table.drop(columns=[label]) if label is not None else table
    labels = {} if label is None else {LABELS: _labels(table[label], name)}
    notes = [] if label is None else [_describe_labels(table[label])]
    return RawData(_feature_arrays(features, name, inputs), labels, tuple(notes))


def read_table(path: Path, name: str) -> pd.DataFrame:
    """Return the table of a CSV.

    Raises:
        DataError: When it is no table.
    """
    form = _find_form(path, name)
    with warnings.catch_warnings():
        # Of rows longer than the header pandas would drop the last values, with a warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = _parse(path, name, form)
    if table.empty:
        raise DataError(f"{name}: expected at least one row of data, found none; add rows.")
    nameless = form.headless or str(table.columns[-1]).startswith(_UNNAMED)
    if nameless and table.shape[1] > 1 and table.iloc[:, -1].isna().all():
        table = table.iloc[:, :-1]  # every row ends in a separator
    if form.headless:
        table.columns = column_names(table.shape[1])
    return table


def read_columns(path: Path, name: str) -> list[str]:
    """Return the names in a CSV's header; empty where it has none.

    Raises:
        DataError: When it is no table.
    """
    form = _find_form(path, name)
    if form.headless:
        return []
    columns = map(str, _parse(path, name, form, rows=0).columns)
    return [column for column in columns if not column.startswith(_UNNAMED)]


@dataclass(frozen=True)
class _Form:
    """How a CSV is written."""

    separator: str
    encoding: str
    headless: bool


def _find_form(path: Path, name: str) -> _Form:
    head, encoding = _decoded_head(path)
    first = next((line for line in head.splitlines() if line.strip()), "")
    try:
        separator = csv.Sniffer().sniff(head[:8192], delimiters=",;\t|").delimiter
    except csv.Error:
        separator = ","
    cells = next(csv.reader([first], delimiter=separator, skipinitialspace=True), [])
    limit = int(current_limits().csv_columns)
    if len(cells) > limit:
        raise DataError(
            f"{name}: expected at most {limit} columns, found {len(cells)}; give fewer features."
        )
    return _Form(separator, encoding, headless=not _is_header(cells))


def _is_header(cells: list[str]) -> bool:
    """Whether a first row names the columns: where it holds a number, it is a sample."""
    numbers = [index for index, cell in enumerate(cells) if _is_number(cell)]
    if not numbers:
        return True
    # pandas numbers the columns of an array: "0,1,2,label" is a header all the same.
    counts = all(cells[index].strip() == str(index) for index in numbers)
    texts = [cell.strip().lower() for cell in cells if not _is_number(cell)]
    return counts and bool(texts) and all(text in LABEL_NAMES for text in texts)


def _parse(path: Path, name: str, form: _Form, rows: int | None = None) -> pd.DataFrame:
    try:
        return pd.read_csv(
            path,
            sep=form.separator,
            encoding=form.encoding,
            header=None if form.headless else 0,
            # Else a separator at the end of each row makes the first column an index.
            index_col=False,
            skipinitialspace=True,
            nrows=rows,
            compression=None,  # the content counts, not the name
        )
    except pd.errors.ParserWarning as longer:
        raise DataError(
            f"{name}: expected rows as long as the header, found longer ones; name every column."
        ) from longer
    except (ValueError, csv.Error) as broken:
        if isinstance(broken, UnicodeDecodeError) and form.encoding == _UTF8:
            # The first look found none of the characters that are not UTF-8.
            return _parse(path, name, replace(form, encoding=_LATIN1), rows)
        raise DataError(
            f"{name}: expected a table of comma-separated values, found text that is none "
            f"({' '.join(str(broken).split())[:100]}); save it as CSV with one row a sample."
        ) from broken


def _decoded_head(path: Path) -> tuple[str, str]:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "ignore"), "utf-16"
    decoder = codecs.getincrementaldecoder(_UTF8)()
    try:
        # A cut in the middle of a character must not count against UTF-8.
        return decoder.decode(head, final=len(head) < _HEAD_BYTES), _UTF8
    except UnicodeDecodeError:
        return head.decode(_LATIN1), _LATIN1


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
    missing = int(column.isna().sum())
    if missing:
        raise DataError(
            f"{name}: expected a label in every row, found {missing} empty ones (no text, NA, None "
            "or nan); fill or drop those rows."
        )
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy()
    # Class names become indices in alphabetical order, as scikit-learn's LabelEncoder does.
    return np.unique(column.astype(str).to_numpy(dtype=str), return_inverse=True)[1]


def _describe_labels(column: pd.Series) -> str:
    sentence = f"The column {column.name!r} holds the labels"
    if pd.api.types.is_numeric_dtype(column):
        return f"{sentence}."
    names = sorted(set(column.astype(str)))
    listed = ", ".join(f"{name[:20]} = {index}" for index, name in enumerate(names[:12]))
    return f"{sentence}; its class names, in alphabetical order, are the classes: {listed}."


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
