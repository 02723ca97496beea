"""Steps 5 and 6: what a finished run measured, and how to choose among its variants."""

from __future__ import annotations

import math

import streamlit as st

from components.charts import show_figure
from components.figures.lesson_runs import (
    build_choice_figure,
    build_operators_figure,
    build_speed_figure,
)
from components.figures.op_cost import build_type_figure
from components.format import (
    byte_unit,
    format_bytes,
    format_db,
    format_ms,
    format_percent,
    format_ratio,
)
from components.lesson.navigation import LessonRun
from components.lesson.parts import PAGE, ask
from components.palette import custom_names, recipe_color
from components.plain_text import choice_label, escape_markdown
from components.routes import CONVERT_PAGE, HISTORY_PAGE, LAYERS_PAGE, MODEL_PAGE
from components.session import widget_key
from components.variant_label import variant_labels
from converter.comparison import Comparison, Variant
from converter.latency_explanation import explain_latency, float32_of
from converter.lesson.choice import (
    ACCURACY,
    AGREEMENT,
    LATENCY,
    SIZE,
    SQNR,
    Candidate,
    candidates,
    first_limits,
    offered,
    original_cost,
    remaining,
)
from converter.lesson.speed import (
    DEFAULT,
    SAME,
    Setting,
    base_of,
    latencies,
    measured_settings,
    operator_counts,
    speed_against,
)
from converter.verdict import RULE, judge

_COST_NAMES = {SIZE: "Size", LATENCY: "Time"}
_QUALITY_NAMES = {AGREEMENT: "Agreement", SQNR: "SQNR", ACCURACY: "Accuracy"}
_NONE = "none of them"


def slower_step(run: LessonRun | None) -> None:
    """Step 5: what this machine measured."""
    if not ask(5, "int8 computes on numbers a quarter as large. Is it always faster?",
               ["yes", "no: it depends on kernels and borders"],
               "no: it depends on kernels and borders",
               "An operator without an optimized integer kernel runs on a slow one, every border "
               "between float and integer costs a conversion, and of a tiny model the call itself "
               "is most of the time."):
        return
    timed = [] if run is None else [
        v for v in run.comparison.variants if v.latency is not None
    ]
    if run is None or not timed:
        _say_no_run("measured latency", "its times and operators")
        return
    _show_speed(run, timed)


def _say_no_run(what: str, shown: str) -> None:
    st.info(f"No finished run with {what} is in view. Pick a model and start a run, or open an "
            f"earlier one; this step then shows {shown}. Nothing is shown that was not measured.")
    with st.container(horizontal=True):
        st.page_link(MODEL_PAGE, label="Pick a model", icon=":material/deployed_code:")
        st.page_link(HISTORY_PAGE, label="Earlier runs", icon=":material/history:")


@st.fragment
def _show_speed(run: LessonRun, timed: list[Variant]) -> None:
    comparison = run.comparison
    names = [variant.recipe for variant in timed]
    slowest = max(timed, key=lambda v: v.latency.p50_ms if v.latency else 0.0)
    chosen = st.segmented_control(
        "Variant", names, default=slowest.recipe, required=True, wrap=True,
        format_func=variant_labels([v.recipe for v in comparison.variants]),
        key=widget_key(PAGE, f"speed.variant.{run.run_id}"),
    ) or slowest.recipe
    setting = _pick_setting(run)
    variant = timed[names.index(chosen)]
    found = latencies(comparison, setting)
    color = recipe_color(chosen, custom_names([v.recipe for v in comparison.variants]))
    base = float32_of(comparison)
    other = [] if base is None or base is variant else operator_counts(base)
    times = build_speed_figure(comparison, found, chosen)
    operators = build_operators_figure(
        operator_counts(variant), other, color, int(times.layout.height))
    with st.grid(2, min_column_width=380, gap="small") as grid:
        with grid.cell():
            show_figure("Time", "Marks: medians with their 95 % intervals. Dashed: "
                        f"{base_of(found) or 'nothing'}.", times, PAGE)
        with grid.cell():
            show_figure("Operators", f"Bars: {escape_markdown(chosen)}. Upright marks: float32. "
                        "XNNPACK is the fast path.", operators, PAGE)
    _show_types(run, variant, color)
    if setting != DEFAULT:
        st.markdown(_speed_sentence(comparison, variant, setting))
    st.markdown(f"What this run knows of **{escape_markdown(chosen)}**, timed as usual:")
    st.markdown("\n".join(f"- {escape_markdown(line)}"
                          for line in explain_latency(comparison, variant)))


def _pick_setting(run: LessonRun) -> Setting:
    settings = {each.label: each for each in measured_settings(run.comparison)}
    if len(settings) == 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Threads and other kernels were not measured in this run.", width="content")
            st.page_link(CONVERT_PAGE, label="Ask for them", icon=":material/tune:")
        return DEFAULT
    label = st.segmented_control(
        "Measured with", list(settings), default=DEFAULT.label, required=True, wrap=True,
        format_func=lambda each: choice_label(escape_markdown(each)),
        key=widget_key(PAGE, f"speed.setting.{run.run_id}"),
    )
    return settings.get(label or "", DEFAULT)


def _speed_sentence(comparison: Comparison, variant: Variant, setting: Setting) -> str:
    found = latencies(comparison, setting)
    base, name = base_of(found), f"**{escape_markdown(variant.recipe)}**"
    how = f"With {escape_markdown(setting.label)}"
    if variant.recipe not in found:
        return f"{how} {name} was not measured."
    time = format_ms(found[variant.recipe].p50_ms)
    if base is None or base == variant.recipe:
        return f"{how} {name} takes {time}."
    speed = speed_against(found[variant.recipe], found[base])
    told = "not distinguishable from" if speed.word == SAME else (
        f"{format_ratio(speed.factor)} {speed.word} than")
    return f"{how} {name} takes {time} and is {told} {base}, measured alike."


def _show_types(run: LessonRun, variant: Variant, color: str) -> None:
    analysis = run.find_analysis(variant)
    costs = None if analysis is None else analysis.costs
    if costs is None or not costs.timed:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Where its time goes by operator type was not measured yet; once it is, it "
                       "shows here.", width="content")
            st.page_link(LAYERS_PAGE, label="Analyse it", icon=":material/layers:")
        return
    show_figure("Time by operator type", f"{escape_markdown(variant.recipe)}, each operator cut "
                "out and timed alone.", build_type_figure(costs, color), PAGE)


def choose_step(run: LessonRun | None) -> None:
    """Step 6: limits first, then the cheapest that holds them."""
    costs, qualities = ([], []) if run is None else offered(run.comparison)
    if run is None or not costs:
        if ask(6, "Which variant is the best one?",
               ["the smallest", "the fastest", "the one that holds what must hold"],
               "the one that holds what must hold", _WHY):
            _say_no_run("measured drift", "its variants between two limits")
        return
    comparison = run.comparison
    cost, quality = costs[0], qualities[0]
    placed = candidates(comparison, cost, quality)
    most, least = first_limits(comparison, cost, quality)
    held = remaining(placed, most, least)
    right = held[0].recipe if held else _NONE
    half = ", half of the original," if cost == SIZE else ""
    if not ask(6, f"At most {_cost_text(most, cost)}{half} and {_quality_text(least, quality)}: "
               "which variant of this run is the one to take?",
               [*(each.recipe for each in placed), _NONE], right,
               f"{_verdict(placed, held, cost)} {_WHY}", name=run.run_id):
        return
    _show_choice(run, costs, qualities)


_WHY = (
    "Say first what must hold, then take the smallest or the fastest of those that hold it. " + RULE
)


@st.fragment
def _show_choice(run: LessonRun, costs: list[str], qualities: list[str]) -> None:
    comparison = run.comparison
    with st.container(horizontal=True, vertical_alignment="bottom"):
        cost = st.segmented_control(
            "Cost", costs, default=costs[0], required=True, key=widget_key(PAGE, "choice.cost"),
            format_func=lambda each: choice_label(_COST_NAMES[each])) or costs[0]
        quality = st.segmented_control(
            "Closeness", qualities, default=qualities[0], required=True,
            key=widget_key(PAGE, "choice.quality"),
            format_func=lambda each: choice_label(_QUALITY_NAMES[each])) or qualities[0]
    placed = candidates(comparison, cost, quality)
    if not placed:
        st.info("No variant has both figures: choose another pair.")
        return
    most, least = _pick_limits(run, cost, quality, placed)
    held = remaining(placed, most, least)
    show_figure("Which variant remains", "Shaded: what the limits exclude. Ringed: the cheapest "
                "that remains.",
                build_choice_figure(placed, (most, least), (cost, quality),
                                    held[0].recipe if held else None,
                                    custom_names([v.recipe for v in comparison.variants])), PAGE)
    st.markdown(_verdict(placed, held, cost))
    st.caption(f"By LiteDrift's own rule: {escape_markdown(judge(comparison).sentence)}")


def _pick_limits(
    run: LessonRun, cost: str, quality: str, placed: list[Candidate]
) -> tuple[float, float]:
    """Ask for the most cost and the least quality."""
    begin, floor = first_limits(run.comparison, cost, quality)
    highest = 1.1 * max(*(each.cost for each in placed),
                        original_cost(run.comparison, cost) or 0.0, begin)
    unit, factor = byte_unit(highest) if cost == SIZE else ("ms", 1.0)
    scale = highest / factor
    with st.container(horizontal=True, vertical_alignment="bottom"):
        most = st.slider(
            f"{_COST_NAMES[cost]} at most, {unit}", 0.0, scale, begin / factor, scale / 200,
            format="%.3g", width=300, key=widget_key(PAGE, f"choice.most.{cost}.{run.run_id}"))
        key = widget_key(PAGE, f"choice.least.{quality}.{run.run_id}")
        if quality == SQNR:
            finite = [each.quality for each in placed if each.quality < float("inf")]
            top = max(60.0, *finite) + 5.0 if finite else 60.0
            least = float(st.slider("SQNR at least, dB", 0.0, top, floor, 0.5, width=300, key=key,
                                    format="%.1f"))
        else:
            worst = min(floor, *(each.quality for each in placed))
            lowest = 10.0 * math.floor(min(9.0, 10 * worst - 0.01))
            least = st.slider(f"{_QUALITY_NAMES[quality]} at least, %", max(0.0, lowest), 100.0,
                              100 * floor,
                              0.1, width=300, key=key, format="%.1f") / 100
    return most * factor, least


def _cost_text(value: float, cost: str) -> str:
    return format_bytes(value) if cost == SIZE else format_ms(value)


def _quality_text(value: float, quality: str) -> str:
    name = _QUALITY_NAMES[quality].lower() if quality != SQNR else "an SQNR"
    return (f"{name} of at least "
            f"{format_db(value) if quality == SQNR else format_percent(value)}")


def _verdict(placed: list[Candidate], held: list[Candidate], cost: str) -> str:
    if not held:
        return "**None remains**: one of the limits has to give way."
    best = held[0]
    word = "smallest" if cost == SIZE else "fastest"
    others = len(held) - 1
    rest = f"the {word} of {len(held)} that hold both limits" if others else (
        "the only one that holds both limits")
    return (f"**{escape_markdown(best.recipe)}** remains, {rest} "
            f"({_cost_text(best.cost, cost)}); {len(placed) - len(held)} of {len(placed)} are "
            "excluded.")
