"""Numbers as people write them: decimal commas, and marks between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_GAPS = (
    " ",
    "\N{NO-BREAK SPACE}",
    "\N{NARROW NO-BREAK SPACE}",
    "'",
    "\N{RIGHT SINGLE QUOTATION MARK}",
)


@dataclass(frozen=True)
class NumberForm:
    """How numbers are written.

    Attributes:
        decimal: `.` or `,`.
        thousands: What stands between groups of three digits; None for nothing.
    """

    decimal: str
    thousands: str | None = None

    def accepts(self, cells: Iterable[str]) -> bool:
        """Whether every cell is a number of this form."""
        point = re.escape(self.decimal)
        whole = r"\d+"
        if self.thousands is not None:
            whole = rf"(?:[1-9]\d{{0,2}}(?:{re.escape(self.thousands)}\d{{3}})+|\d+)"
        pattern = re.compile(
            rf"\s*[+-]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII
        )
        return all(map(pattern.fullmatch, cells))

    def read(self, cell: str) -> float:
        """Return the number in a cell that the form accepts."""
        plain = cell if self.thousands is None else cell.replace(self.thousands, "")
        return float(plain.replace(self.decimal, "."))

    def describe(self, cells: Sequence[str]) -> str:
        """Return a sentence with one of the cells as an example."""
        example = next((cell for cell in cells if not _PLAIN.accepts([cell])), cells[0]).strip()
        return f"Numbers such as {example[:24]} were read as {self.read(example):.10g}."


_PLAIN = NumberForm(".")
_GAPPED = tuple(NumberForm(point, gap) for gap in _GAPS for point in (".", ","))
_COMMA = (NumberForm(","), NumberForm(",", "."))
_GROUPED = NumberForm(".", ",")


def find_number_form(columns: Sequence[Sequence[str]], separator: str) -> NumberForm | None:
    """Return the form in which all columns hold numbers; None where there is none.

    `1,234` may be either. Where commas separate the cells it had to be written in quotes, and
    stands for a thousand and more; where another character does, a comma is a decimal one.

    Args:
        columns: The cells of each column.
        separator: What separates the cells.
    """
    forms = (_GROUPED, *_COMMA) if separator == "," else (*_COMMA, _GROUPED)
    for form in (*forms, *_GAPPED):
        if all(form.accepts(cells) for cells in columns):
            return form
    return None
