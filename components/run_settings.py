"""The settings of a run: how many samples, threads and timed runs, and the seed."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import streamlit as st

from components.plain_text import choice_label
from components.session import ChosenData, ChosenModel, widget_key
from components.starting_point import StartingPoint
from converter.baselines import BASELINES
from converter.further_latency import (
    CALLS,
    KERNEL_SETS,
    NOTHING_FURTHER,
    THREADS,
    FurtherRequest,
)
from converter.given_variant import GivenVariant
from converter.kernels import KERNELS
from converter.recipe import Recipe
from converter.request import (
    DEFAULT_CALIBRATION_SAMPLES,
    DEFAULT_EVALUATION_SAMPLES,
    RANDOM_EVALUATION_SAMPLES,
    RunRequest,
)

FULL, EXACT = "full", "exact"
_FURTHER = {
    THREADS: "other thread counts",
    KERNEL_SETS: "other kernels (XNNPACK off)",
    CALLS: "TensorFlow's other calls",
}
_PROTOCOLS = {FULL: choice_label("Full protocol"), EXACT: choice_label("Exactly")}


@dataclass(frozen=True)
class RunSettings:
    """What the form holds; the fields are those of `RunRequest`."""

    samples: int
    calibration_samples: int
    threads: int
    runs: int | None
    seed: int
    unroll: bool
    further: FurtherRequest = NOTHING_FURTHER
    measure_anew: bool = False


def ask_settings(start: StartingPoint, data: ChosenData | None) -> RunSettings:
    """Show the settings and return them."""
    kind = "random" if data is None or data.file is None else "file"
    with st.container(border=True), st.grid(4, min_column_width=170, gap="small") as grid:
        # The key holds the kind of data: random samples begin with a default of their own.
        samples = _number(
            "Evaluation samples", f"samples.{kind}", default_samples(data), 1,
            "At most so many samples, on which drift and accuracy are measured.",
        )
        calibration = _number(
            "Calibration samples", "calibration", DEFAULT_CALIBRATION_SAMPLES, 0,
            "At most so many samples for the quantizer; none of them is evaluated.",
        )
        threads = _number("Threads", "threads", 1, 1,
                          "The same for the original and every variant.", most=core_count())
        seed = _number("Seed", "seed", 0, 0, "Of the split and of random samples.")
        with grid.cell(column_span=2):
            runs = _ask_runs()
        unroll = False
        if start.has_loops:
            with grid.cell(column_span=2):
                unroll = _ask_unroll()
        with grid.cell(column_span=2):
            anew = _ask_anew()
        with grid.cell(column_span="all"):
            further = _ask_further()
    return RunSettings(samples, calibration, threads, runs, seed, unroll, further, anew)


def _ask_anew() -> bool:
    return st.toggle(
        "Measure latency anew", key=widget_key("convert", "measure_anew"),
        persist_state="session",
        help="Off: where exactly these variants were measured on this machine before, with the "
        "same versions, threads and timed runs, that measurement is shown with its date. On: all "
        "are measured now, and the earlier measurement is kept too.",
    )


def _ask_further() -> FurtherRequest:
    chosen = st.pills(
        "Also measure the latency of", list(_FURTHER), selection_mode="multi",
        format_func=lambda name: choice_label(_FURTHER[name]), key=widget_key("convert", "further"),
        persist_state="session",
        help="Each takes 2 s or more for every variant and setting, in processes of their own.",
    ) or []
    counts = sorted({1, *(n for n in (2, 4, 8) if n < core_count()), core_count()})
    return FurtherRequest(
        threads=tuple(counts) if THREADS in chosen else (),
        kernels=tuple(KERNELS) if KERNEL_SETS in chosen else (),
        baselines=tuple(BASELINES) if CALLS in chosen else (),
    )


def _ask_unroll() -> bool:
    return st.toggle(
        "Unroll recurrent layers", key=widget_key("convert", "unroll"), persist_state="session",
        help="One copy of the cell for each time step in place of a loop: the same numbers from a "
        "larger file, and the way round the crash of TFLiteConverter on integer recurrent layers.",
    )


def build_request(
    model: ChosenModel, data: ChosenData, recipes: list[Recipe], given: list[GivenVariant],
    settings: RunSettings,
) -> RunRequest:
    """Return what the person asks.

    Raises:
        DataError: When a setting is out of range.
    """
    return RunRequest(
        model_path=model.path, model_name=model.name,
        model_options=replace(model.options, unroll=settings.unroll),
        data_path=None if data.file is None else data.file.path,
        data_name=None if data.file is None else data.file.name,
        data_options=data.options, recipes=tuple(recipes), given_variants=tuple(given),
        samples=_asked(settings.samples, default_samples(data)),
        calibration_samples=_asked(settings.calibration_samples, DEFAULT_CALIBRATION_SAMPLES),
        runs=settings.runs, threads=settings.threads, seed=settings.seed,
        further=settings.further,
        measure_anew=settings.measure_anew,
    )


def default_samples(data: ChosenData | None) -> int:
    """Return how many evaluation samples are taken where nobody asks for a number."""
    is_random = data is None or data.file is None
    return RANDOM_EVALUATION_SAMPLES if is_random else DEFAULT_EVALUATION_SAMPLES


def _asked(value: int, default: int) -> int | None:
    # A default that the data cannot fill is no wish unfulfilled, so it needs no note.
    return None if value == default else value


def core_count() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ask_runs() -> int | None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "Timed runs", list(_PROTOCOLS), default=FULL, required=True,
            format_func=_PROTOCOLS.__getitem__, key=widget_key("convert", "protocol"),
            persist_state="session",
            help="The full protocol: at least 5 warm-ups and 0.5 s, then at least 50 runs and "
            "1 s, all candidates in turn. An exact number follows 5 warm-ups.",
        )
        if kind == FULL:
            return None
        return int(st.number_input(
            "Number of runs", min_value=1, max_value=100_000, value=50, step=10,
            key=widget_key("convert", "runs"), label_visibility="collapsed",
            persist_state="session", width=140,
        ))


def _number(
    label: str, name: str, value: int, least: int, text: str, most: int = 1_000_000
) -> int:
    return int(st.number_input(
        label, min_value=least, max_value=max(most, least), value=value, step=1,
        key=widget_key("convert", name), help=text, persist_state="session",
    ))
