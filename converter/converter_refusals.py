"""Which operations TFLiteConverter refused, read from the text of its error."""

from __future__ import annotations

import re
from dataclasses import dataclass

NEEDS_SELECT_TF = "select_tf"
NEEDS_CUSTOM = "custom"
_CODES = {"ERROR_NEEDS_FLEX_OPS": NEEDS_SELECT_TF, "ERROR_NEEDS_CUSTOM_OPS": NEEDS_CUSTOM}
_CODE = re.compile(
    r'loc\([\w(]*fused\["[\w.]+:", "([^"@]+)[^\n]*Error code: (ERROR_NEEDS_\w+_OPS)'
)
_LISTS = {"TF Select ops": NEEDS_SELECT_TF, "Custom ops": NEEDS_CUSTOM}
_LISTED = re.compile(rf"^\s*({'|'.join(_LISTS)}): ([^\n]+)", re.MULTILINE)


@dataclass(frozen=True)
class Refusal:
    """What the converter refused.

    Attributes:
        kind: `NEEDS_SELECT_TF` or `NEEDS_CUSTOM`.
        op: Its kind of operation, as TensorFlow names it; empty where only the place was told.
        name: Its name in the graph; empty where the text tells the kind alone.
    """

    kind: str
    op: str = ""
    name: str = ""


def find_refusals(text: str) -> list[Refusal]:
    """Return the refused operations: each by name where it is told, and each kind once.

    Args:
        text: The converter's whole error, as `ConversionError.details` keeps it.

    Example:
        >>> [refusal.op for refusal in find_refusals("TF Select ops: Erf, Complex")]
        ['Erf', 'Complex']
    """
    found = [
        Refusal(_CODES[code], name=name) for name, code in _CODE.findall(text) if code in _CODES
    ]
    for heading, names in _LISTED.findall(text):
        kinds = (name.strip().removeprefix("tf.") for name in names.split(","))
        found += [Refusal(_LISTS[heading], op=name) for name in kinds if name]
    return list(dict.fromkeys(found))
