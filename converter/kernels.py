"""The sets of kernels with which LiteRT can run a file."""

from __future__ import annotations

DEFAULT = "default"
WITHOUT_DELEGATE = "no-xnnpack"
REFERENCE_KERNELS = "reference"

KERNELS = {
    DEFAULT: "LiteRT's choice: XNNPACK for what it takes, built-in kernels for the rest",
    WITHOUT_DELEGATE: "built-in kernels alone, without XNNPACK",
    REFERENCE_KERNELS: "reference kernels: written to be plain, not fast",
}
