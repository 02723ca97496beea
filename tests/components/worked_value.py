"""Computes what stands on the left of each `=` in a formula, by its signs alone."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import math
import re
import statistics

UNITS = {
    "": 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "µs": 1e-3, "ms": 1.0,
    "s": 1e3, "dB": 1.0, "%": 0.01, "pp": 0.01, "×": 1.0, "steps": 1.0, "h": 1.0,
}
"""Of what stands on the right, in the unit of the left: bytes, milliseconds, shares, hours."""
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
BINOMIAL = re.compile(r"min\(1, 2 · P\(X ≤ (\d+)\)\), X ~ B\((\d+), ½\)")
SHOWN = re.compile(
    r"([+−-]?[\d,]+\.?\d*(?:e[-+]?\d+)?)?(?:·?(10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?\s?(\D*)"
)
FUNCTIONS = {
    "log10": math.log10, "sqrt": math.sqrt, "ceil": math.ceil, "exp": math.exp,
    "erfc": math.erfc, "abs": abs, "min": min, "max": max,
    "median": lambda *values: statistics.median(values),
}


def equations(worked: str) -> list[tuple[str, str]]:
    """Return `(left, right)` of each equation in a worked formula; a value alone is none."""
    parts = re.split(r"; (?![^(]*\))", worked)
    return [tuple(part.rsplit(" = ", 1)) for part in parts if " = " in part]


def compute(left: str) -> float:
    """Return what the left side comes to."""
    binomial = BINOMIAL.fullmatch(left)
    if binomial:
        least, differing = map(int, binomial.groups())
        tail = sum(math.comb(differing, k) for k in range(least + 1)) / 2**differing
        return min(1.0, 2 * tail)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", left)
    for sign, word in (("−", "-"), ("·", "*"), ("log₁₀", "log10"), (";", ","), ("²", "**2"),
                       ("⌈", "ceil("), ("⌉", ")")):  # fmt: skip
        text = text.replace(sign, word)
    text = re.sub(r"√(\d[\d.]*(?:e-?\d+)?)", r"sqrt(\1)", text).replace("√(", "sqrt(")
    text = re.sub(r"\|([^|]+)\|", r"abs(\1)", text)
    text = re.sub(r"(?<=[\d)]) (?:ms|s)\b", "", text)
    assert not re.search(r"[^\w\s.,+*/()-]", text), f"unknown sign in {text!r}"
    return float(eval(text, {"__builtins__": {}}, FUNCTIONS))  # noqa: S307 - of our own making


def shown(right: str) -> tuple[float, float]:
    """Return the value on the right and how far rounding may have moved it."""
    if right == "no change":
        return 0.0, 0.0005
    found = SHOWN.fullmatch(right)
    assert found, right
    mantissa, power, unit = found.groups()
    plain = (mantissa or "1").replace(",", "").replace("−", "-")
    factor = UNITS[unit]
    if power:
        factor *= 10.0 ** int(power[2:].translate(SUPERSCRIPTS))
    digits = re.search(r"\.(\d+)", plain)
    exponent = re.search(r"e([-+]?\d+)", plain)
    last = 10.0 ** (-len(digits.group(1)) if digits else 0)
    if exponent:
        last *= 10.0 ** int(exponent.group(1))
    value = float(plain)
    # Two significant digits: 1200 may stand for 1249.
    if not digits and not exponent and not unit and abs(value) >= 100 and value % 10 == 0:
        last = 10.0 ** (len(plain.strip("-+")) - 2)
    return value * factor, last * factor
