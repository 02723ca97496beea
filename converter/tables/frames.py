"""The tables of a comparison as data frames, typed by the registry of columns."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from converter.comparison import REFERENCE, Comparison, Variant
from converter.errors import ExportError
from converter.json_figures import encode_figures
from converter.tables.columns import FLAG, INTEGER, NUMBER, TABLES, TEXT, Column
from converter.verdict import size_ratio, speed_ratio

Row = dict[str, Any]
_DTYPES = {TEXT: "string", INTEGER: "Int64", NUMBER: "float64", FLAG: "boolean"}


def build_tables(
    comparison: Comparison, samples_ms: Mapping[str, np.ndarray]
) -> dict[str, pd.DataFrame]:
    """Return every table of a comparison by name; `columns.TABLES` says what each holds.

    A figure that was not measured is missing (NaN in a float64 column, `<NA>` elsewhere), and
    infinities are infinities. Text keeps every character but lone surrogates, which no file
    can hold: they stand as Python's escapes.

    Args:
        comparison: The run.
        samples_ms: Raw latency samples by candidate, milliseconds, shape `(runs,)` each.

    Raises:
        ExportError: When a value has not the type that the contract gives it.
    """
    try:
        rows = _rows(comparison)
    except (AttributeError, TypeError, ValueError) as error:
        raise ExportError(
            f"comparison.json: expected the form that `run` writes, found another "
            f"({type(error).__name__}: {str(error)[:80]}); run the comparison again."
        ) from error
    return {
        name: _latency_frame(samples_ms) if name == "latency_samples" else _frame(name, rows[name])
        for name in TABLES
    }


def _rows(comparison: Comparison) -> dict[str, list[Row]]:
    """Return the rows of every table but the latency samples, by column name."""
    return {
        "variants": [_variant_row(comparison, variant) for variant in comparison.variants],
        "reference": [_reference_row(comparison)],
        "outputs": [
            {"recipe": variant.recipe, "output": name, **vars(drift)}
            for variant in comparison.variants
            for name, drift in variant.output_drift.items()
        ],
        "accuracy": list(_accuracy_rows(comparison)),
        "recipes": [
            {"recipe": variant.recipe, "flag": flag, "value": _json(value)}
            for variant in comparison.variants
            for flag, value in variant.flags.items()
        ],
        "flags": [
            {
                "recipe": variant.recipe,
                "toggle": flag.get("toggle"),
                "asked": flag.get("flag"),
                "found": flag.get("found"),
                "effect": flag.get("effect"),
            }
            for variant in comparison.variants
            for flag in variant.audit.flags
        ],
        "notes": list(_note_rows(comparison)),
        "conditions": [
            {"key": key, "type": "text", "value": value}
            if isinstance(value, str)
            else {"key": key, "type": "json", "value": _json(value)}
            for key, value in _conditions(comparison)
        ],
        "inputs_outputs": [
            {"role": role, "position": position, **spec.to_json(), "shape": _json(spec.shape)}
            for role, specs in (
                ("input", comparison.model.inputs),
                ("output", comparison.model.outputs),
            )
            for position, spec in enumerate(specs)
        ],
    }


def _frame(table: str, rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            column.name: pd.Series(
                [_cell(table, column, row.get(column.name)) for row in rows],
                dtype=_DTYPES[column.kind],
            )
            for column in TABLES[table].columns
        }
    )


def _latency_frame(samples_ms: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the long table; by whole arrays, because there may be a million samples."""
    try:
        arrays = [np.asarray(array, np.float64).reshape(-1) for array in samples_ms.values()]
    except (ValueError, TypeError) as error:
        raise ExportError(
            "latency_samples: expected durations in milliseconds, found something else; run the "
            "comparison again."
        ) from error
    names = [_text(name) for name in samples_ms]
    counts = [len(array) for array in arrays]
    # An empty list has to have types as well, so that an empty table can be read.
    runs = np.concatenate([np.arange(0), *(np.arange(count) for count in counts)])
    return pd.DataFrame(
        {
            "candidate": pd.Series(np.repeat(np.array(names, object), counts), dtype="string"),
            "run": pd.Series(runs, dtype="Int64"),
            "latency_ms": np.concatenate([np.empty(0), *arrays]),
        }
    )


_CLASSES: dict[str, tuple[type, ...]] = {
    TEXT: (str,),
    INTEGER: (int, np.integer),
    NUMBER: (int, float, np.integer, np.floating),
    FLAG: (bool, np.bool_),
}


def _cell(table: str, column: Column, value: Any) -> Any:  # noqa: ANN401 - any figure
    """Return a value fit for its column; what a damaged comparison holds instead is refused."""
    if value is None:
        return np.nan if column.kind == NUMBER else None
    is_wrong = not isinstance(value, _CLASSES[column.kind])
    is_wrong |= column.kind in (INTEGER, NUMBER) and isinstance(value, bool)
    if is_wrong or (column.kind == INTEGER and not -(2**63) <= value < 2**63):
        raise ExportError(
            f"comparison.json: expected {column.name} of the table {table} as {column.kind}, found "
            f"{str(value)[:40]!r}; run the comparison again."
        )
    if column.kind == NUMBER:
        return float(value)
    return _text(value) if column.kind == TEXT else value


def _text(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode()


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(encode_figures(value), ensure_ascii=False)


def _prefixed(prefix: str, row: Row) -> Row:
    return {f"{prefix}_{name}": value for name, value in row.items()}


_AUDIT_JSON = (
    "float_op_names",
    "missing_kernels",
    "flex_op_names",
    "tensor_types",
    "float_reasons",
    "border_reasons",
    "same_as",
)


def _variant_row(comparison: Comparison, variant: Variant) -> Row:
    audit = vars(variant.audit)
    return {
        **vars(variant),
        "size_ratio": _ratio(size_ratio, comparison, variant),
        "speed_ratio": _ratio(speed_ratio, comparison, variant),
        **_latency_row(variant.latency),
        **_prefixed("drift", vars(variant.drift) if variant.drift else {}),
        **_prefixed("accuracy", _accuracy_row(variant.accuracy)),
        **_prefixed("audit", audit),
        "arena": None if variant.arena is None else _json(vars(variant.arena)),
        "delegation": None if variant.delegation is None else _json(vars(variant.delegation)),
        **{f"audit_{name}": _json(audit[name]) for name in _AUDIT_JSON},
    }


def _ratio(
    measure: Callable[[Comparison, Variant], float], comparison: Comparison, variant: Variant
) -> float:
    with contextlib.suppress(TypeError):
        return measure(comparison, variant)
    return math.nan  # of a damaged figure, which its own column names


def _reference_row(comparison: Comparison) -> Row:
    reference = comparison.reference
    return {
        **_latency_row(reference.latency),
        **_prefixed("accuracy", _accuracy_row(reference.accuracy)),
        "peak_memory_bytes": reference.peak_memory_bytes,
        "runtime_memory_bytes": reference.runtime_memory_bytes,
    }


def _latency_row(latency: Any) -> Row:  # noqa: ANN401 - LatencyStats or None
    if not latency:
        return {}
    row = {**vars(latency), "turn_runs": _json(latency.turn_runs), "noise": _json(latency.noise)}
    for figure in ("p50", "p90", "p99"):
        low, high = row.pop(f"{figure}_ci95_ms") or (None, None)
        row |= {f"{figure}_ci95_low_ms": low, f"{figure}_ci95_high_ms": high}
    return _prefixed("latency", row)


def _accuracy_row(accuracy: Any) -> Row:  # noqa: ANN401 - Accuracy or None
    if accuracy is None:
        return {}
    low, high = accuracy.ci95 or (None, None)
    paired = accuracy.paired and accuracy.paired.to_json()
    return {
        **vars(accuracy),
        "ci95_low": low,
        "ci95_high": high,
        "intervals": _json(accuracy.intervals),
        "paired": None if paired is None else _json(paired),
        "terms": _json(accuracy.terms),
    }


def _accuracy_rows(comparison: Comparison) -> Iterator[Row]:
    candidates = [(REFERENCE, comparison.reference.output_accuracy)]
    candidates += [(variant.recipe, variant.output_accuracy) for variant in comparison.variants]
    for candidate, outputs in candidates:
        for output, accuracy in outputs.items():
            yield {"candidate": candidate, "output": output, **_accuracy_row(accuracy)}


def _note_rows(comparison: Comparison) -> Iterator[Row]:
    notes: list[tuple[str, str | None, Iterable[str]]] = [
        ("model", None, comparison.model.notes),
        ("data", None, comparison.data.notes),
        ("reference", None, [*comparison.reference.warnings, *comparison.reference.notes]),
        *(("variant", variant.recipe, variant.audit.notes) for variant in comparison.variants),
    ]
    for scope, recipe, sentences in notes:
        for position, note in enumerate(sentences):
            yield {"scope": scope, "recipe": recipe, "position": position, "note": note}


_TABLES_OF_THEIR_OWN = {"inputs", "outputs", "notes"}


def _conditions(comparison: Comparison) -> Iterator[tuple[str, Any]]:
    """Yield the facts that are no figures of a variant, by their place in `comparison.json`."""
    yield "created", comparison.created
    yield "seconds", comparison.seconds
    for section in ("model", "data"):
        facts = vars(getattr(comparison, section))
        kept = {key: value for key, value in facts.items() if key not in _TABLES_OF_THEIR_OWN}
        yield from _leaves(section, kept)
    yield from _leaves("environment", comparison.environment)
    yield from _leaves("settings", comparison.settings)


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(f"{place}.{key}", item)
    else:
        yield place, value
