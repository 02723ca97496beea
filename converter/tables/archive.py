"""One zip with every table of a comparison as CSV and as Parquet, and what its columns mean."""

from __future__ import annotations

import io
import textwrap
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from converter.comparison import Comparison, write_whole
from converter.tables.columns import FLAG, INTEGER, NUMBER, TABLES, TEXT, Column, Table
from converter.tables.frames import build_tables
from converter.tables.spreadsheet import to_csv

README = "README.txt"
_PARQUET_TYPES = {
    TEXT: pa.string(),
    INTEGER: pa.int64(),
    NUMBER: pa.float64(),
    FLAG: pa.bool_(),
}
_PREAMBLE = """\
Tables of one LiteDrift comparison: {model}, {created}.

Each table is there twice with the same rows: NAME.csv and NAME.parquet.

In both:
- A figure that was not measured is missing (empty in CSV, null in Parquet); notes says why.
- Infinities are infinities: inf and -inf in CSV. A drift_sqnr_db of inf means identical outputs.
- Numbers read back as exactly the float64 that was measured (CSV with Python's float(), or with
  pandas.read_csv(..., float_precision="round_trip")).
- A lone surrogate in a name, which UTF-8 cannot hold, is written as in Python: \\udcff.
In CSV only (UTF-8 with byte order mark, commas, text in quotes, decimal points):
- A text that a spreadsheet could take for a formula (it begins with = + - @, a tab or a line
  break) has an apostrophe in front, and so has one that begins with an apostrophe; take one
  away for the original. NUL characters are replaced by U+FFFD. Parquet holds the text itself.
- An empty text looks like a missing one; Parquet tells them apart.
- A spreadsheet may still guess types, such as a date out of 2.3.0: import such columns as text.
The conditions under which the figures hold are in the table conditions.
"""


def write_tables_zip(
    comparison: Comparison, samples_ms: Mapping[str, np.ndarray], target: Path | BinaryIO
) -> None:
    """Write every table as `.csv` and `.parquet`, and a README.txt, into one zip.

    The same comparison gives the same bytes. A path is written whole or not at all.

    Args:
        comparison: The run.
        samples_ms: Raw latency samples by candidate, milliseconds.
        target: Where to; a path, or a stream that is open for writing.

    Raises:
        ExportError: When the comparison holds a value of the wrong type.
        OSError: When it cannot be written.
    """
    if isinstance(target, Path):
        content = io.BytesIO()
        write_tables_zip(comparison, samples_ms, content)
        write_whole(target, content.getvalue())
        return
    frames = build_tables(comparison, samples_ms)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, README, readme(comparison).encode("utf-8", "backslashreplace"))
        for name, frame in frames.items():
            _add(archive, f"{name}.csv", to_csv(frame))
            _add(archive, f"{name}.parquet", to_parquet(frame, TABLES[name]))


def to_parquet(frame: pd.DataFrame, table: Table) -> bytes:
    """Return a table as Parquet; unit and meaning of each column are metadata of its field."""
    schema = pa.schema([_field(column) for column in table.columns])
    arrays = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    stream = io.BytesIO()
    # Without pandas' own notes, so that any reader sees the plain types.
    pq.write_table(arrays.replace_schema_metadata({"meaning": table.meaning}), stream)
    return stream.getvalue()


def readme(comparison: Comparison) -> str:
    """Return the text that says what each table and column means, out of the registry."""
    parts = [
        _PREAMBLE.format(
            model=repr(comparison.model.name[:200]), created=repr(comparison.created)[1:-1]
        )
    ]
    for name, table in TABLES.items():
        lines = [f"{name}: {table.meaning}", ""]
        lines += [_column_lines(column) for column in table.columns]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _column_lines(column: Column) -> str:
    kind = f"{column.kind}, {column.unit}" if column.unit else column.kind
    return textwrap.fill(
        f"{column.name} ({kind}): {column.meaning}",
        width=98,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _field(column: Column) -> pa.Field:
    facts = {"unit": column.unit, "meaning": column.meaning}
    return pa.field(column.name, _PARQUET_TYPES[column.kind], metadata=facts)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # The date of a run, not of the click, stands in the tables: the same run, the same bytes.
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
