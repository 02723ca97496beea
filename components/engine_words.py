"""Two engines side by side, in words: what differs between their files of one recipe."""

from __future__ import annotations

import statistics

from components.format import format_bytes, format_db, format_ms
from converter.engine_comparison import EngineFile, EnginePair

NAMES = {"tflite_converter": "TFLiteConverter", "litert_quantizer": "litert-quantizer"}


def pair_sentence(pair: EnginePair) -> str:
    """Return how the two files of a recipe differ."""
    mine, theirs = pair.quantizer, pair.converter
    if mine.problem or theirs.problem:
        return mine.problem or theirs.problem or ""
    parts = [_weights(pair), _sizes(mine, theirs), _drifts(mine, theirs), _speeds(mine, theirs)]
    return ", ".join(part for part in parts if part)


def _weights(pair: EnginePair) -> str:
    if pair.is_same_file:
        return "the same file but for metadata"
    weights = pair.weights
    if weights is None or weights.share is None:
        return ""
    apart = f", {weights.unpaired} tensors in one file alone" if weights.unpaired > 1 else (
        ", one tensor in one file alone" if weights.unpaired else "")
    if weights.share == 1:
        return f"all {weights.values:,} weights that both store are the same{apart}"
    farthest = ""
    if weights.largest_steps is not None:
        farthest = f", at most {weights.largest_steps:.2g} steps apart"
    return f"{weights.equal:,} of {weights.values:,} weights are the same{farthest}{apart}"


def _sizes(mine: EngineFile, theirs: EngineFile) -> str:
    if mine.size_bytes is None or theirs.size_bytes is None:
        return ""
    change = mine.size_bytes - theirs.size_bytes
    if change == 0:
        return "the same size"
    word = "smaller" if change < 0 else "larger"
    return f"litert-quantizer's is {format_bytes(abs(change))} {word}"


def _drifts(mine: EngineFile, theirs: EngineFile) -> str:
    if mine.drift is None or theirs.drift is None:
        return ""
    ends = format_db(theirs.drift.sqnr_db), format_db(mine.drift.sqnr_db)
    if ends[0] == ends[1]:
        return f"SQNR {ends[0]} with both"
    return f"SQNR {ends[0]} against litert-quantizer's {ends[1]}"


def _speeds(mine: EngineFile, theirs: EngineFile) -> str:
    if not mine.convert_seconds or not theirs.convert_seconds:
        return ""
    times = [format_ms(file.convert_seconds[0] * 1000) for file in (mine, theirs)]
    return f"made in {times[0]} against TFLiteConverter's {times[1]}"


def file_row(recipe: str, file: EngineFile) -> dict[str, str]:
    """Return one file as a row of a table."""
    seconds, latency = file.convert_seconds, file.latency
    interval = None if latency is None else latency.p50_ci95_ms
    time = "" if latency is None else format_ms(latency.p50_ms)
    if interval is not None:
        time += f" ({format_ms(interval[0])} to {format_ms(interval[1])})"
    return {
        "Recipe": recipe,
        "Engine": NAMES[file.engine],
        "Size": format_bytes(file.size_bytes),
        "SQNR": format_db(None if file.drift is None else file.drift.sqnr_db),
        "Latency, median (95 %)": time or "not timed",
        "Made in": format_ms(seconds[0] * 1000) if seconds else "not made",
        "Again in": format_ms(statistics.median(seconds[1:]) * 1000) if seconds[1:] else "",
        "On integers": f"{file.integer_ops} of {file.integer_ops + file.float_ops}",
    }
