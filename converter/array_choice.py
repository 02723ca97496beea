"""Which arrays of an `.npz` are the inputs, which are the labels, and which are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converter.errors import DataError
from converter.samples import LABELS

_OUTPUT_LABELS = f"{LABELS}_"
_INPUT_NAMES = ("x", "X", "x_test", "X_test", "x_val", "X_val", "x_train", "X_train")
_LABEL_NAMES = (
    LABELS,
    "Y",
    "label",
    "labels",
    "target",
    "targets",
    "y_test",
    "Y_test",
    "y_val",
    "Y_val",
    "y_train",
    "Y_train",
)
"""By custom, the likeliest first. `y_test` goes with `x_test`; beside any other input it is the
label of an output named `test`."""
_HALVES = ("test", "val", "train")
_LISTED = 12


def choose_arrays(
    name: str, inputs: Sequence[str], found: Sequence[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return for each input, and for each label, the name of its array.

    Args:
        name: The file's name as the person knows it.
        inputs: The names of the model's inputs.
        found: The names of the arrays.

    Returns:
        Array names by input, and by label: `y` for the first output, others by output name.

    Raises:
        DataError: When an input has no array.
    """
    chosen = _choose_inputs(name, inputs, found)
    free = [key for key in found if key not in chosen.values()]
    plain = next((key for key in _LABEL_NAMES if key in free and _belongs(key, chosen)), None)
    labels = {} if plain is None else {LABELS: plain}
    for key in free:
        output = key.removeprefix(_OUTPUT_LABELS)
        is_half = output in _HALVES and any(f"x_{output}" in other.lower() for other in found)
        if key != plain and key.startswith(_OUTPUT_LABELS) and not is_half:
            labels[output] = key
    return chosen, labels


def describe_choice(
    chosen: Mapping[str, str], labels: Mapping[str, str], found: Sequence[str]
) -> list[str]:
    """Return a sentence for each choice that a person might not expect."""
    notes = []
    for target, key in chosen.items():
        if key not in {target, "x"}:
            notes.append(f"The array {key!r} was taken for the input {target!r}.")
    if labels.get(LABELS, LABELS) != LABELS:
        notes.append(f"The array {labels[LABELS]!r} was taken for the labels.")
    taken = {*chosen.values(), *labels.values()}
    left = [key for key in found if key not in taken]
    if left:
        listed = ", ".join(key[:40] for key in left[:_LISTED])
        more = f" and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
        verb = "belongs" if len(left) == 1 else "belong"
        noun = "array" if len(left) == 1 else "arrays"
        notes.append(f"The {noun} {listed}{more} {verb} to no input and no label: left out.")
    return notes


def _choose_inputs(name: str, inputs: Sequence[str], found: Sequence[str]) -> dict[str, str]:
    if all(target in found for target in inputs):
        return {target: target for target in inputs}
    others = [
        key for key in found if key not in _LABEL_NAMES and not key.startswith(_OUTPUT_LABELS)
    ]
    if len(inputs) == 1:
        by_custom = next((key for key in _INPUT_NAMES if key in found), None)
        alone = others[0] if len(others) == 1 else None
        key = by_custom or alone
        if key is not None:
            return {inputs[0]: key}
    wanted = (
        f"x (or {inputs[0]})"
        if len(inputs) == 1
        else f"one array for each input: {', '.join(inputs)}"
    )
    raise DataError(
        f"{name}: expected {wanted}, found {', '.join(found)[:200] or 'no array'}; name the arrays "
        "in numpy.savez accordingly."
    )


def _belongs(label: str, chosen: Mapping[str, str]) -> bool:
    """Whether labels go with the inputs that were chosen: `y_test` with `x_test` alone."""
    half = label.rpartition("_")[2]
    return half not in _HALVES or any(key.rpartition("_")[2] == half for key in chosen.values())
