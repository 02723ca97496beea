"""A CSV as a table: parsed as it is written, numbers with commas and marks read right."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from converter.csv_form import LATIN1, UTF8, CsvForm, find_form
from converter.csv_numbers import NumberForm, find_number_form
from converter.errors import DataError

UNNAMED = "Unnamed: "
"""What pandas calls a column whose header is empty."""

_RAGGED = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


@dataclass(frozen=True)
class Table:
    """A table, and sentences about how it was read."""

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_table(path: Path, name: str) -> Table:
    """Return the table of a CSV.

    Raises:
        DataError: When it is no table.
    """
    form = find_form(path, name)
    with warnings.catch_warnings():
        # Of rows longer than the header pandas would drop the last values, with a warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame, notes = _read_numbers(path, name, form, _parse(path, name, form))
    if frame.empty:
        raise DataError(f"{name}: expected at least one row of data, found none; add rows.")
    nameless = form.headless or str(frame.columns[-1]).startswith(UNNAMED)
    if nameless and frame.shape[1] > 1 and frame.iloc[:, -1].isna().all():
        frame = frame.iloc[:, :-1]  # every row ends in a separator
    if form.headless:
        frame.columns = column_names(frame.shape[1])
    return Table(frame, tuple(notes))


def read_columns(path: Path, name: str) -> list[str]:
    """Return the names in a CSV's header; empty where it has none.

    Raises:
        DataError: When it is no table.
    """
    form = find_form(path, name)
    if form.headless:
        return []
    columns = map(str, _parse(path, name, form, nrows=0).columns)
    return [column for column in columns if not column.startswith(UNNAMED)]


def column_names(count: int) -> list[str]:
    """Return names for the columns of a table that has no header."""
    return [f"column {index + 1}" for index in range(count)]


def is_text(column: pd.Series) -> bool:
    """Whether a column holds anything but numbers and truth values."""
    return not pd.api.types.is_numeric_dtype(column)


def _parse(path: Path, name: str, form: CsvForm, **more: Any) -> pd.DataFrame:  # noqa: ANN401
    try:
        return pd.read_csv(
            path,
            sep=form.separator,
            encoding=form.encoding,
            header=None if form.headless else 0,
            skiprows=form.skipped,
            # Else a separator at the end of each row makes the first column an index.
            index_col=False,
            skipinitialspace=True,
            na_values=["?"],
            compression=None,  # the content counts, not the name
            **more,
        )
    except pd.errors.ParserWarning as longer:
        raise DataError(
            f"{name}: expected rows as long as the header, found longer ones; name every column."
        ) from longer
    except (ValueError, csv.Error) as broken:
        if isinstance(broken, UnicodeDecodeError) and form.encoding == UTF8:
            # The first look found none of the characters that are not UTF-8.
            return _parse(path, name, replace(form, encoding=LATIN1), **more)
        raise DataError(_explain(name, " ".join(str(broken).split()))) from broken


def _explain(name: str, message: str) -> str:
    """Return in a sentence what pandas says of a text that is no table."""
    ragged = _RAGGED.search(message)
    if ragged:
        wanted, line, found = ragged.groups()
        return (
            f"{name}: expected {wanted} cells in every row, found {found} in line {line}; give "
            "every row as many, and put texts with separators in quotes."
        )
    if "EOF inside string" in message:
        return f"{name}: expected quotes in pairs, found one that never ends; close or remove it."
    return (
        f"{name}: expected a table of comma-separated values, found text that is none "
        f"({message[:100]}); save it as CSV with one row a sample."
    )


def _read_numbers(
    path: Path, name: str, form: CsvForm, frame: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table with columns of numbers that pandas took for text as numbers."""
    texts = [_cells(frame.iloc[:, place]) for place in _places(frame, is_text)]
    alike = [cells for cells in texts if cells and find_number_form([cells], form.separator)]
    found = find_number_form(alike, form.separator) if alike else None
    if found is None:
        return frame, []  # columns that agree on no form are told as text
    notes = [found.describe(alike[0])]
    read = _parse(path, name, form, decimal=found.decimal, thousands=found.thousands)
    if found.decimal == ",":
        notes += _check_points(path, name, form, frame, read)
    return read, notes


def _check_points(
    path: Path, name: str, form: CsvForm, frame: pd.DataFrame, read: pd.DataFrame
) -> list[str]:
    """Beside decimal commas a point can only stand between thousands: read it so, or refuse.

    Args:
        path: The file.
        name: Its name as the person knows it.
        form: How it is written.
        frame: As it reads with decimal points.
        read: As it reads with decimal commas; changed in place.
    """
    places = _places(frame, pd.api.types.is_float_dtype)
    if not places:
        return []
    written = _parse(path, name, form, dtype=str)
    grouped, notes = NumberForm(",", "."), []
    for place in places:
        cells = _cells(written.iloc[:, place])
        example = next((cell for cell in cells if "." in cell), None)
        if example is None:
            continue
        if not grouped.accepts(cells):
            raise DataError(
                f"{name}: expected one decimal sign, found commas and also points (as in "
                f"{example[:24]!r}); write all numbers alike."
            )
        numbers = [
            np.nan if pd.isna(cell) else grouped.read(cell) for cell in written.iloc[:, place]
        ]
        read.isetitem(place, np.array(numbers, np.float64))
        notes = [grouped.describe([example])]
    return notes


def _places(frame: pd.DataFrame, holds: Any) -> list[int]:  # noqa: ANN401 - a test of a column
    return [place for place in range(frame.shape[1]) if holds(frame.iloc[:, place])]


def _cells(column: pd.Series) -> Sequence[str]:
    return [str(cell) for cell in column.dropna().unique()]
