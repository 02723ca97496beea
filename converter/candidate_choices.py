"""What a person chooses on the live bench: precisions by number, type or name, and what they skip.

Pure: nothing is quantized here. A choice that would change nothing is told, never taken silently.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Self

from converter.candidate_layers import CandidateLayer, resolve, unchosen
from converter.errors import SettingError
from converter.precision import FLOAT32, PRECISIONS

MOST_PATTERN_CHARACTERS = 200
_MOST_CODE_CHARACTERS = 4000
_MOST_OPERATORS = 100_000
_FOLLOWS = "_"
_CODES = {
    "float32": "f", "float16": "h", "weight_only_int8": "w", "dynamic_int8": "d",
    "int16x8": "x", "int8": "i", "weight_only_int4": "v", "dynamic_int4": "e",
    "dynamic_int4_mse": "m", "dynamic_int4_octav": "o", "dynamic_int4_hadamard": "r",
    "dynamic_int4_block32": "b", "int8_int4": "j", "dynamic_int2": "t",
    "dynamic_int2_block32": "u", "dynamic_int8_tensor": "D", "dynamic_int4_tensor": "E",
    "dynamic_int4_tensor_mse": "M", "dynamic_int4_tensor_octav": "O",
}  # fmt: skip
"""Letters in addresses: links that people keep hang on them, so none is ever given another one."""
_NAMES = {code: name for name, code in _CODES.items()}


@dataclass(frozen=True)
class Skipped:
    """Operators that a precision leaves as they are.

    Attributes:
        numbers: Of the operators.
        operators: Their types.
        reason: Why, as the end of a sentence.
    """

    numbers: tuple[int, ...]
    operators: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Change:
    """What a choice makes of the state.

    Attributes:
        choices: The new state: a precision's name by operator number.
        changed: Numbers of the operators whose precision is another one now.
        skipped: Operators that were asked for and are left as they are.
    """

    choices: dict[int, str]
    changed: tuple[int, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class Steps:
    """The states that a person has come through; never changed, only replaced.

    Attributes:
        behind: States to which undo leads back, the last one first to come.
        now: The state.
        tried: Every state there was, in the order in which it was first reached.
    """

    behind: tuple[dict[int, str], ...] = ()
    now: Mapping[int, str] = field(default_factory=dict)
    tried: tuple[dict[int, str], ...] = ({},)

    @classmethod
    def start(cls, choices: Mapping[int, str]) -> Self:
        """Begin at a state; float32 everywhere counts as tried too, to be compared with."""
        begin = dict(choices)
        return cls((), begin, ({}, begin) if begin else ({},))

    def go(self, choices: Mapping[int, str]) -> Self:
        """Come to a state; the same one is no step."""
        new = dict(choices)
        if new == self.now:
            return self
        behind = (*self.behind, dict(self.now))[-_MOST_STEPS:]
        tried = self.tried if new in self.tried else (*self.tried, new)
        return type(self)(behind, new, tried[-_MOST_STEPS:])

    def undo(self) -> Self:
        """Go back one step; at the beginning nothing happens."""
        if not self.behind:
            return self
        return type(self)(self.behind[:-1], self.behind[-1], self.tried)


_MOST_STEPS = 200


def apply_precision(
    layers: Sequence[CandidateLayer],
    choices: Mapping[int, str],
    numbers: Iterable[int],
    precision: str,
    refused: Mapping[str, str] | None = None,
) -> Change:
    """Give operators a precision where it changes them.

    Operators without weights that it has nothing to store for compute as what feeds them, as they
    do where nothing was ever chosen: else the choice before would leave islands behind.

    Args:
        layers: All operators of the float file.
        choices: The state so far.
        numbers: Of the operators that are to get it.
        precision: Its name.
        refused: Precisions that litert-quantizer refuses for the whole file, with its reason.

    Raises:
        SettingError: When there is no such precision or no such operator.
    """
    if precision not in PRECISIONS:
        raise SettingError(
            f"precision: expected one of {', '.join(PRECISIONS)}, found {precision[:40]!r}; choose "
            "one of them."
        )
    wanted = _known(layers, numbers)
    before = resolve(layers, choices)
    found = dict(choices)
    left: dict[tuple[str, str], list[CandidateLayer]] = {}
    for layer in layers:
        if layer.number not in wanted:
            continue
        reason = _reason(layer, precision, refused or {})
        if reason is None:
            found[layer.number] = precision
            continue
        if reason == _FOLLOWS_REASON:
            found.pop(layer.number, None)
        kind = "" if reason == _FOLLOWS_REASON else layer.operator
        left.setdefault((kind, reason), []).append(layer)
    found = _plain(layers, found)
    after = resolve(layers, found)
    return Change(
        choices=found,
        changed=tuple(number for number, name in after.items() if before[number] != name),
        skipped=tuple(
            Skipped(
                tuple(layer.number for layer in each),
                tuple(dict.fromkeys(layer.operator for layer in each)),
                reason,
            )
            for (_, reason), each in left.items()
        ),
    )


def _known(layers: Sequence[CandidateLayer], numbers: Iterable[int]) -> set[int]:
    wanted = set(numbers)
    unknown = wanted - {layer.number for layer in layers}
    if unknown:
        raise SettingError(
            f"layers: expected numbers of the file's {len(layers)} operators, found "
            f"{min(unknown)}; choose them from the list."
        )
    return wanted


def _reason(
    layer: CandidateLayer, precision: str, refused: Mapping[str, str]
) -> str | None:
    if precision in layer.offered:
        return None
    label = PRECISIONS[precision].label
    if precision in refused:
        return f"{label} is refused for this file ({refused[precision].rstrip('.')})"
    if not layer.has_weights and not PRECISIONS[precision].needs_calibration:
        return _FOLLOWS_REASON
    return f"litert-quantizer skips this type for {label}"


_FOLLOWS_REASON = "without weights they compute as what feeds them"


def _all_offered(layers: Iterable[CandidateLayer]) -> set[str]:
    return {name for layer in layers for name in layer.offered}


def _plain(layers: Sequence[CandidateLayer], choices: Mapping[int, str]) -> dict[int, str]:
    """Leave out what is so anyway, so that one state has one form."""
    found: dict[int, str] = {}
    precisions: dict[int, str] = {}
    for layer in layers:
        otherwise = unchosen(layer, precisions)
        name = choices.get(layer.number, otherwise)
        precisions[layer.number] = name
        if name != otherwise:
            found[layer.number] = name
    return found


def offered_anywhere(layers: Iterable[CandidateLayer]) -> list[str]:
    """Return the precisions that change at least one operator, the most exact first."""
    known = _all_offered(layers)
    return [name for name in PRECISIONS if name in known]


def all_numbers(layers: Iterable[CandidateLayer]) -> list[int]:
    """Return the numbers of all operators."""
    return [layer.number for layer in layers]


def numbers_of_types(layers: Iterable[CandidateLayer], types: Collection[str]) -> list[int]:
    """Return the numbers of the operators of some types (`CONV_2D`)."""
    return [layer.number for layer in layers if layer.operator in types]


def count_types(layers: Iterable[CandidateLayer]) -> dict[str, int]:
    """Return how many operators there are of each type, the most frequent first."""
    return dict(Counter(layer.operator for layer in layers).most_common())


def numbers_by_pattern(layers: Iterable[CandidateLayer], pattern: str) -> list[int]:
    """Return the numbers of the operators whose name a regular expression finds.

    A pattern can take for ever on a long name: only who bounds its time may call this.

    Raises:
        SettingError: When the pattern is none, or too long.
    """
    compiled = read_pattern(pattern)
    return [layer.number for layer in layers if compiled.search(layer.name)]


def read_pattern(pattern: str) -> re.Pattern[str]:
    """Return a regular expression.

    Raises:
        SettingError: When it is none, or too long.
    """
    if len(pattern) > MOST_PATTERN_CHARACTERS:
        raise SettingError(
            f"pattern: expected at most {MOST_PATTERN_CHARACTERS} characters, found "
            f"{len(pattern)}; write a shorter one."
        )
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as broken:
        raise SettingError(
            f"pattern: expected a regular expression, found {pattern[:40]!r} ({broken}); correct "
            "it, or put a backslash before a character that is meant as itself."
        ) from broken


def describe_change(layers: Sequence[CandidateLayer], change: Change, precision: str) -> list[str]:
    """Return what a choice did, in sentences: first what changed, then what stays and why."""
    label = PRECISIONS[precision].label
    named = [number for number in change.changed if change.choices.get(number) == precision]
    followed = len(change.changed) - len(named)
    if precision == FLOAT32.name:
        named, followed = list(change.changed), 0
    if change.changed:
        first = f"{label} for {_operators(len(named))}"
        if followed:
            first += f"; {followed} without weights follow{'s' if followed == 1 else ''}"
        sentences = [f"{first}."]
    elif change.skipped:
        sentences = [f"{label} changes none of them."]
    else:
        sentences = [f"All of them are {label} already."]
    for skipped in change.skipped:
        count, types = len(skipped.numbers), ", ".join(skipped.operators)
        stay = "stays as it is" if count == 1 else "stay as they are"
        sentences.append(
            f"{count} {types}: {skipped.reason}."
            if skipped.reason == _FOLLOWS_REASON
            else f"{count} {types} {stay}: {skipped.reason}."
        )
    return sentences


def _operators(count: int) -> str:
    return f"{count} operator{'' if count == 1 else 's'}"


def name_state(layers: Sequence[CandidateLayer], choices: Mapping[int, str]) -> str:
    """Return a short name of a state for files and rows: `int8_x9_float32_x1`.

    Only operators with weights are counted; the rarer ones of more than three kinds are `other`.
    """
    precisions = resolve(layers, choices)
    counts = Counter(precisions[layer.number] for layer in layers if layer.has_weights)
    kinds = counts.most_common()
    if len(kinds) > _MOST_KINDS:
        rest = sum(count for _, count in kinds[_MOST_KINDS - 1:])
        kinds = [*kinds[: _MOST_KINDS - 1], ("other", rest)]
    return "_".join(f"{name}_x{count}" for name, count in kinds) or "unchanged"


_MOST_KINDS = 3


def encode_choices(layers: Sequence[CandidateLayer], choices: Mapping[int, str]) -> str:
    """Return a state for an address: a letter and a count for each run of equal choices.

    Empty where nothing is chosen.

    Example:
        `i9_2f` is int8 for nine operators, nothing chosen for two, float32 for the last.
    """
    plain = _plain(layers, choices)
    if not plain:
        return ""
    letters = [_CODES[plain[n]] if n in plain else _FOLLOWS for n in all_numbers(layers)]
    runs = [(letter, len(list(group))) for letter, group in groupby(letters)]
    return "".join(f"{letter}{count if count > 1 else ''}" for letter, count in runs)


def decode_choices(layers: Sequence[CandidateLayer], code: str) -> dict[int, str]:
    """Read `encode_choices`'s form.

    Raises:
        SettingError: When it is none, or of another model.
    """
    if not code:
        return {}
    parts = re.findall(r"([A-Za-z_])([1-9][0-9]{0,5})?", code[:_MOST_CODE_CHARACTERS])
    whole = "".join(letter + count for letter, count in parts)
    total = sum(int(count or 1) for _, count in parts)
    if whole != code or total != len(layers) or total > _MOST_OPERATORS:
        raise SettingError(
            f"link: expected a choice for the {len(layers)} operators of this model, found one "
            f"for {total if whole == code else 'none'}; the link is of another model, or was cut "
            "off."
        )
    found: dict[int, str] = {}
    numbers = iter(all_numbers(layers))
    offers = {layer.number: layer.offered for layer in layers}
    for letter, count in parts:
        for _ in range(int(count or 1)):
            number = next(numbers)
            name = _NAMES.get(letter)
            if name is not None and name in offers[number]:
                found[number] = name
            elif letter != _FOLLOWS:
                raise SettingError(
                    f"link: expected a precision that operator {number} can take, found "
                    f"{letter!r}; the link is of another model."
                )
    return _plain(layers, found)
