"""Which implementations of a file's operators LiteRT runs."""

from __future__ import annotations

from enum import StrEnum


class Kernels(StrEnum):
    """The three sets of kernels that the runtime holds.

    Attributes:
        DEFAULT: What a user of LiteRT gets: XNNPACK's where it takes an operator, else the built-in
            ones.
        BUILTIN: The built-in, optimized kernels alone, without XNNPACK.
        REFERENCE: The plain loops that define what each operator computes.
    """

    DEFAULT = "default"
    BUILTIN = "no-xnnpack"
    REFERENCE = "reference"


KERNELS = {
    Kernels.DEFAULT: "LiteRT's choice: XNNPACK for what it takes, built-in kernels for the rest",
    Kernels.BUILTIN: "built-in kernels alone, without XNNPACK",
    Kernels.REFERENCE: "reference kernels: written to be plain, not fast",
}
