"""How a CSV is written: encoding, separator, header; found by looking at its beginning."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from converter.errors import DataError
from converter.limits import current_limits

LABEL_NAMES = ("label", "labels", "target", "y", "class", "outcome")
UTF8, LATIN1 = "utf-8-sig", "latin-1"
_HEAD_BYTES = 1 << 16
_SEPARATORS = ",;\t|"
_MOST_ROWS = 200
_EXCEL_HINT = re.compile(r"sep=([,;\t|])\s*")
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, kw_only=True)
class CsvForm:
    """How a CSV is written.

    Attributes:
        separator: Between cells.
        encoding: As Python names it.
        headless: Whether the first row is a sample already.
        skipped: Lines before the table.
    """

    separator: str
    encoding: str
    headless: bool
    skipped: int = 0


def find_form(path: Path, name: str) -> CsvForm:
    """Return how a CSV is written, by its first 64 KiB.

    Raises:
        DataError: When it has more columns than are allowed.
    """
    head, encoding = _decoded_head(path)
    hint = _EXCEL_HINT.fullmatch(head.split("\n", 1)[0])
    if hint:
        head = head.partition("\n")[2]
    separator = hint.group(1) if hint else find_separator(head)
    first = next((line for line in head.splitlines() if line.strip()), "")
    cells = _read_rows(first, separator)[:1] or [[]]
    limit = int(current_limits().csv_columns)
    if len(cells[0]) > limit:
        raise DataError(
            f"{name}: expected at most {limit} columns, found {len(cells[0])}; give fewer features."
        )
    return CsvForm(
        separator=separator,
        encoding=encoding,
        headless=not _is_header(cells[0], separator),
        skipped=1 if hint else 0,
    )


def find_separator(text: str) -> str:
    """Return what separates the cells: what gives rows of one length, full of numbers.

    Args:
        text: The beginning of a table; its last line may be cut off.
    """
    whole = text.rpartition("\n")[0] or text
    best, best_score = ",", (0.0, 0)
    for separator in _SEPARATORS:
        rows = _read_rows(whole, separator)
        if not rows:
            continue
        width, count = Counter(map(len, rows)).most_common(1)[0]
        if width < 2:
            continue
        cells = [cell for row in rows[1:] or rows for cell in row]
        numbers = sum(is_number(cell, separator) for cell in cells)
        score = (count / len(rows) * (1 + numbers / len(cells)), width)
        if score > best_score:
            best, best_score = separator, score
    return best


def is_number(cell: str, separator: str) -> bool:
    """Whether a cell holds a number; one with a decimal comma only where no comma separates."""
    if separator != "," and _DECIMAL_COMMA.fullmatch(cell):
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python's 1_000 is a name to everybody else


def text_encoding(head: bytes) -> str | None:
    """Return the encoding of a text, None where the bytes are no text.

    Args:
        head: The beginning of a file.
    """
    if head.startswith(_UTF16_MARKS):
        return "utf-16"
    if b"\0" not in head:
        return UTF8
    for encoding, zeros, others in (
        ("utf-16-le", head[1::2], head[0::2]),
        ("utf-16-be", head[0::2], head[1::2]),
    ):
        # The upper halves of Latin letters and digits are zero, the lower ones never.
        if zeros.count(0) * 4 >= len(zeros) * 3 and 0 not in others:
            text = head[: len(head) // 2 * 2].decode(encoding, "ignore")
            return encoding if all(c.isprintable() or c in "\r\n\t" for c in text) else None
    return None


def _decoded_head(path: Path) -> tuple[str, str]:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    encoding = text_encoding(head) or UTF8
    if encoding != UTF8:
        return head.decode(encoding, "ignore"), encoding
    decoder = codecs.getincrementaldecoder(UTF8)()
    try:
        # A cut in the middle of a character must not count against UTF-8.
        return decoder.decode(head, final=len(head) < _HEAD_BYTES), UTF8
    except UnicodeDecodeError:
        return head.decode(LATIN1), LATIN1


def _read_rows(text: str, separator: str) -> list[list[str]]:
    rows = []
    try:
        for row in csv.reader(text.splitlines(), delimiter=separator, skipinitialspace=True):
            if row and any(cell.strip() for cell in row):
                rows.append(row)
            if len(rows) >= _MOST_ROWS:
                break
    except csv.Error:
        return rows
    return rows


def _is_header(cells: list[str], separator: str) -> bool:
    """Whether a first row names the columns: where it holds a number, it is a sample."""
    numbers = [index for index, cell in enumerate(cells) if is_number(cell, separator)]
    if not numbers:
        return True
    # pandas numbers the columns of an array: "0,1,2,label" is a header all the same.
    counts = all(cells[index].strip() == str(index) for index in numbers)
    texts = [cell.strip().lower() for cell in cells if not is_number(cell, separator)]
    return counts and bool(texts) and all(text in LABEL_NAMES for text in texts)
