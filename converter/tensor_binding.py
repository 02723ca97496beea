"""How a `.tflite` file's inputs and outputs are reached by the names that a run uses.

Files that a run converts keep the model's names. A file that a person brings may have others: its
tensors are paired by name, else by shape and dtype where only one pairing fits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import permutations
from typing import Any, Self

from converter.errors import RuntimeModelError
from converter.signature import Signature, TensorSpec, format_shape

_NUMBERED = re.compile(r"output_(\d{1,4})")
_MOST_FREE = 6
"""Up to so many tensors are paired by shape: 720 orders are tried, no more."""
_REAL = {"float32", "float16", "bfloat16", "float64"}
_WHOLE = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}


@dataclass(frozen=True, kw_only=True)
class Binding:
    """How a file is opened for a run.

    Attributes:
        label: What messages call the file.
        signature: Which of its signatures; None for the default.
        shapes: Full shape of each input by the run's name; other sizes in the file are resized.
        inputs: The run's name of each input of the file; empty where the names are the same.
        outputs: The same for outputs; those of the file that are not in it are left out.
    """

    label: str
    signature: str | None = None
    shapes: dict[str, list[int]] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        return cls(**values)


def shapes_of(signature: Signature) -> dict[str, list[int]]:
    """Return the full shape of each input of a signature without open sizes."""
    return {spec.name: [int(size or 1) for size in spec.shape or ()] for spec in signature.inputs}


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The inputs and outputs of a file, and which of them hold scaled integers."""

    signature: Signature
    quantized_inputs: frozenset[str]
    quantized_outputs: frozenset[str]


def bind_file(
    label: str, wanted: Signature, file: Ends, key: str | None
) -> tuple[Binding, list[str]]:
    """Pair a file's tensors with those of a run.

    Args:
        label: The file's name, for messages.
        wanted: Inputs and outputs of the run, without open sizes.
        file: Those of the file.
        key: The file's signature.

    Returns:
        The binding, and a sentence for each pairing that does not go by equal names.

    Raises:
        RuntimeModelError: When a tensor has no partner, or more than one would fit.
    """
    inputs = _Pairing(label, "input", file.quantized_inputs, _same_shape)
    outputs = _Pairing(label, "output", file.quantized_outputs, _same_size)
    binding = Binding(
        label=label,
        signature=key,
        shapes=shapes_of(wanted),
        inputs=inputs.find(wanted.inputs, file.signature.inputs),
        outputs=outputs.find(wanted.outputs, file.signature.outputs),
    )
    return binding, [*inputs.notes, *outputs.notes]


class _Pairing:
    """Pairs one end of a file, its inputs or its outputs."""

    def __init__(
        self,
        label: str,
        kind: str,
        quantized: frozenset[str],
        fits_shape: Callable[[TensorSpec, TensorSpec], bool],
    ) -> None:
        self._label = label
        self._kind = kind
        self._quantized = quantized
        self._fits_shape = fits_shape
        self.notes: list[str] = []

    def find(self, wanted: Sequence[TensorSpec], found: Sequence[TensorSpec]) -> dict[str, str]:
        """Return the run's name for each of the file's tensors that has one."""
        named = self._by_name(wanted, found)
        if not named and self._kind == "output":
            named = self._by_number(wanted, found)
        self._check(wanted, found, named)
        free_wanted = [spec for spec in wanted if spec.name not in named.values()]
        free_found = [spec for spec in found if spec.name not in named]
        # The file must be fed whole and answer all that the run compares; what else the original
        # takes or the file gives plays no part.
        must, others = free_found, free_wanted
        if self._kind == "output":
            must, others = free_wanted, free_found
        if not must:
            self._note_unpaired(others)
            return named
        order = self._only_order(must, others)
        if order is None:
            raise RuntimeModelError(
                f"{self._label}: expected the {self._kind}s {_describe(wanted)}, found "
                f"{_describe(found)}; the names differ, and by shape and type not one pairing "
                "alone fits: give a file that was converted from this model, with its names."
            )
        for one, other in zip(must, order, strict=True):
            file_spec, run_spec = (one, other) if self._kind == "input" else (other, one)
            named[file_spec.name] = run_spec.name
            self.notes.append(
                f"The {self._kind} {file_spec.name!r} of the file is taken for {run_spec.name!r}: "
                "the names differ, and by shape and type no other fits."
            )
        return named

    def _by_name(self, wanted: Sequence[TensorSpec], found: Sequence[TensorSpec]) -> dict[str, str]:
        exact = {spec.name for spec in wanted}
        named = {spec.name: spec.name for spec in found if spec.name in exact}
        left = {_plain(name): name for name in exact - set(named.values())}
        for spec in found:
            if spec.name not in named and _plain(spec.name) in left:
                named[spec.name] = left.pop(_plain(spec.name))
        return named

    def _by_number(
        self, wanted: Sequence[TensorSpec], found: Sequence[TensorSpec]
    ) -> dict[str, str]:
        """Read `output_0`, `output_1` ... as positions: so Keras names what it exports."""
        numbers = [_NUMBERED.fullmatch(spec.name) for spec in found]
        positions = [int(number[1]) for number in numbers if number]
        if len(found) < 2 or sorted(positions) != list(range(len(wanted))):
            return {}
        self.notes.append(
            "The outputs of the file are numbered; output_0 is taken for the model's first output "
            f"({wanted[0].name!r}), and so on."
        )
        return {spec.name: wanted[k].name for spec, k in zip(found, positions, strict=True)}

    def _check(
        self,
        wanted: Sequence[TensorSpec],
        found: Sequence[TensorSpec],
        named: Mapping[str, str],
    ) -> None:
        for spec in found:
            partner = next((w for w in wanted if w.name == named.get(spec.name)), None)
            if partner is not None and not self._fits(partner, spec):
                raise RuntimeModelError(
                    f"{self._label}: expected the {self._kind} {_describe([partner])}, found "
                    f"{_describe([spec])}; give a file that was converted from this model."
                )

    def _only_order(
        self, must: Sequence[TensorSpec], others: Sequence[TensorSpec]
    ) -> tuple[TensorSpec, ...] | None:
        """Return the partners of `must` where there is one choice and no second."""
        if not len(must) <= len(others) <= _MOST_FREE:
            return None

        def fits(one: TensorSpec, other: TensorSpec) -> bool:
            return self._fits(other, one) if self._kind == "input" else self._fits(one, other)

        possible = [
            order
            for order in permutations(others, len(must))
            if all(fits(one, other) for one, other in zip(must, order, strict=True))
        ]
        return possible[0] if len(possible) == 1 else None

    def _fits(self, wanted: TensorSpec, found: TensorSpec) -> bool:
        return self._fits_shape(wanted, found) and self._same_kind(wanted, found)

    def _same_kind(self, wanted: TensorSpec, found: TensorSpec) -> bool:
        if wanted.dtype is None or found.dtype is None:
            return True
        real = found.dtype in _REAL or found.name in self._quantized
        if wanted.dtype in _REAL:
            return real
        if wanted.dtype in _WHOLE:
            return found.dtype in _WHOLE and found.name not in self._quantized
        return wanted.dtype == found.dtype

    def _note_unpaired(self, left: Sequence[TensorSpec]) -> None:
        if left:
            names = ", ".join(repr(spec.name) for spec in left)
            verb = "does not take" if self._kind == "input" else "also gives"
            self.notes.append(f"The file {verb} the {self._kind} {names}; it plays no part here.")


def _plain(name: str) -> str:
    """Strip what converters add around a model's own name: `serving_default_x:0` is `x`."""
    return name.split(":")[0].removeprefix("serving_default_")


def _same_shape(wanted: TensorSpec, found: TensorSpec) -> bool:
    """Whether all but the batch agree; an open size agrees with any."""
    if wanted.shape is None or found.shape is None:
        return True
    if len(wanted.shape) != len(found.shape):
        return False
    pairs = zip(wanted.shape[1:], found.shape[1:], strict=True)
    return all(a is None or b is None or a == b for a, b in pairs)


def _same_size(wanted: TensorSpec, found: TensorSpec) -> bool:
    """Whether a sample has as many values: outputs are brought into one shape for comparing."""
    if _same_shape(wanted, found):
        return True
    if wanted.shape is None or found.shape is None:
        return True
    sizes = (*wanted.shape[1:], *found.shape[1:])
    if None in sizes:
        return False
    return math.prod(int(s or 1) for s in wanted.shape[1:]) == math.prod(
        int(s or 1) for s in found.shape[1:]
    )


def _describe(specs: Sequence[TensorSpec]) -> str:
    shown = [f"{s.name[:60]} {format_shape(s.shape)} {s.dtype}" for s in specs[:4]]
    more = f" and {len(specs) - 4} more" if len(specs) > 4 else ""
    return (", ".join(shown) or "none") + more
