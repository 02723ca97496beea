"""CSV that a spreadsheet shows as it is: nothing in it runs, and nothing is lost."""

from __future__ import annotations

import csv

import pandas as pd

FORMULA_STARTS = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
"""What spreadsheets take for the start of a formula; the wide forms in East Asian settings."""
GUARD = "'"
"""In front of a cell it makes a spreadsheet show the rest as text."""


def guard_text(text: str) -> str:
    """Return a text that no spreadsheet computes: a guard in front where it might.

    Names in a comparison come from files that strangers made (CWE-1236). A text that begins with
    the guard itself gets another, so that taking one away always gives the original.

    Example:
        >>> guard_text("=1+1"), guard_text("int8")
        ("'=1+1", 'int8')
    """
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    # Some importers trim cells first, so that a space would hide the start but not disarm it.
    starts = (text[:1], text.lstrip()[:1])
    return GUARD + text if any(start in (*FORMULA_STARTS, GUARD) for start in starts) else text


def to_csv(frame: pd.DataFrame) -> bytes:
    """Return a table as CSV (RFC 4180) in UTF-8 with a byte order mark, as spreadsheets expect.

    Text is quoted, whatever separator the spreadsheet's language has. Numbers are the shortest
    that read back as the same float64; infinities are `inf` and `-inf`; what is missing is empty.
    """
    shown = frame.copy()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.StringDtype):
            shown[name] = frame[name].map(guard_text, na_action="ignore")
        elif not pd.api.types.is_float_dtype(frame[name].dtype):
            # As objects the integers stay integers beside missing ones.
            shown[name] = frame[name].astype(object)
    text: str = shown.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    return text.encode("utf-8-sig")
