"""The formulas behind every figure's name, with the values of what is shown put in."""

from __future__ import annotations

from components.formulas.formula import Formula
from components.formulas.variant import list_formulas

__all__ = ["Formula", "list_formulas"]
