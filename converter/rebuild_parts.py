"""What a script and a notebook that rebuild variants are both put together from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from converter.calibration_samples import representative_samples
from converter.comparison import Comparison, Variant
from converter.plain_source import plain_source
from converter.rebuilt_file import (
    compare_with_run,
    describe_difference,
    load_samples,
    run_samples,
    wrong_model,
)
from converter.recipe import GIVEN


@dataclass(frozen=True, kw_only=True)
class RebuildParts:
    """Source of one engine for one run; names in it are literals, so that none becomes code.

    Attributes:
        tool: What rebuilds, by its own name.
        needs: Version of each package that the run had; None where any will do.
        imports: Import statements.
        constants: Assignments; `SIGNATURE` is among them.
        functions: Among them `prepare(path, folder)`, which reads the model once for all variants,
            and `open_file(content)`, which gives an interpreter.
        build_of: From a variant to the source of `build(prepared, calibration)`, which gives the
            file's content.
    """

    tool: str
    needs: dict[str, str | None]
    imports: str
    constants: str
    functions: str
    build_of: Callable[[Variant], str]

    @property
    def packages(self) -> str:
        """The needs as pip takes them."""
        return " ".join(n if v is None else f"{n}=={v}" for n, v in self.needs.items())


def checking_source() -> str:
    """Return the functions that read samples and compare a rebuilt file with the run's."""
    functions = (
        wrong_model,
        load_samples,
        representative_samples,
        run_samples,
        describe_difference,
        compare_with_run,
    )
    return "\n\n".join(plain_source(function) for function in functions)


def has_rebuild_script(variant: Variant) -> bool:
    """Whether there is a script: for what the run made, not for a file that was given."""
    return variant.sha256 is not None and variant.engine != GIVEN


def end_constants(comparison: Comparison, signature: str) -> str:
    """Return the constants that every engine needs: signature and batch of the run."""
    return f"SIGNATURE = {signature!r}\nBATCH = {int(comparison.settings['batch'])}\n"
