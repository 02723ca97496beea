"""The flags: presets as toggles, and custom recipes refused while they are typed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from components.palette import recipe_color
from components.plain_text import choice_label, escape_markdown
from components.session import Session, widget_key
from components.starting_point import StartingPoint
from converter.recipe import (
    AS_GIVEN,
    BUILTINS,
    BUILTINS_INT8,
    FURTHER_PRESETS,
    INT16X8,
    IO_TYPES,
    OPTIMIZATIONS,
    PRESETS,
    SELECT_TF,
    SELECT_TF_PRESET,
    SUPPORTED_OPS,
    SUPPORTED_TYPES,
    TFLITE_DEFAULTS,
    TFLITE_PRESETS,
    WEIGHT_BITS,
    Recipe,
    engine_problem,
    recipe_problems,
)
from converter.recipe_words import EXPLANATIONS
from converter.weight_algorithms import BLOCK_SIZES, MIN_MAX, WEIGHT_ALGORITHMS

_OPS_LABELS = {
    BUILTINS: "builtins", SELECT_TF: "Select TF", BUILTINS_INT8: "int8", INT16X8: "int16x8",
}
_HELP = {
    "optimizations": "DEFAULT quantizes weights, and activations where calibration is on; "
    "EXPERIMENTAL_SPARSITY stores weights pruned in blocks sparsely.",
    "supported_ops": "builtins are TFLite's own operators, Select TF keeps TensorFlow's, int8 and "
    "int16x8 allow integer kernels only.",
    "supported_types": "The type that weights may be stored in; float16 halves the file, int8 "
    "restates integer quantization.",
    "inference_input_type": "The type in which the file takes its inputs; integers save a "
    "conversion on integer hardware.",
    "inference_output_type": "The type in which the file gives its outputs.",
    "calibrate": "Shows calibration samples to the converter, so that activations can become "
    "integers too.",
    "per_channel": "One scale for each output channel of a weight tensor; off, one scale for the "
    "whole tensor, which drifts more.",
    "per_channel_dense": "The same for dense layers alone; some delegates want it off.",
    "weight_bits": "Bits of an integer weight; dense and convolution layers alone can have 4 or 2.",
    "algorithm": "How scales of weights are found; GPTQ, OSCAR and Hadamard are for dense layers, "
    "and the first two look at calibration samples.",
    "block_size": "Weights of one row of a dense layer that share a scale; 0 for the whole row.",
    "weight_only": "Weights are stored as integers and widened to floats before computing.",
    "allow_custom_ops": "Keeps operators that TFLite does not know as custom ones; the file then "
    "needs kernels of your own.",
}


def pick_presets(start: StartingPoint) -> list[Recipe]:
    """Show the presets that fit the model as toggles and return those switched on, in order."""
    presets = TFLITE_PRESETS if start.is_tflite else PRESETS
    with st.grid(3, min_column_width=240, gap="small") as grid:
        chosen = [
            recipe for recipe in presets.values()
            if _preset_card(recipe, default=not start.is_tflite or recipe.name in TFLITE_DEFAULTS)
        ]
        if not start.is_tflite:
            with grid.cell(column_span="all"):
                if _preset_card(SELECT_TF_PRESET, default=False):
                    chosen.append(SELECT_TF_PRESET)
    return chosen + (_pick_further() if start.is_tflite else [])


def _pick_further() -> list[Recipe]:
    """Show what else litert-quantizer offers, and return what is switched on."""
    with (
        st.expander("Other ways to find scales, blocks, 2-bit weights",
                    icon=":material/experiment:"),
        st.grid(3, min_column_width=240, gap="small"),
    ):
        return [r for r in FURTHER_PRESETS.values() if _preset_card(r, default=False)]


def _preset_card(recipe: Recipe, *, default: bool) -> bool:
    with st.container(border=True, height="stretch", gap="xsmall"):
        swatch = f':color[●]{{foreground="{recipe_color(recipe.name)}"}}'
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            # The label alone: a screen reader reads it out, with any markup in it.
            is_on = st.toggle(
                recipe.name, value=default, wrap=True, persist_state="session",
                key=widget_key("convert", f"preset.{recipe.name}"),
            )
            st.markdown(swatch, width="content")
        st.caption(escape_markdown(EXPLANATIONS[recipe.name]))
    return is_on


def pick_custom_recipes(session: Session, start: StartingPoint) -> list[Recipe]:
    """Show the custom recipes with a form for one more, and return those that fit the model."""
    fitting = []
    for recipe in session.custom_recipes:
        problem = engine_problem(recipe, start.engine)
        _render_custom(session, recipe, problem)
        fitting += [] if problem else [recipe]
    with st.expander("Add a custom recipe", icon=":material/add_circle:"):
        flags = _ask_flags(session, start)
        problems = [
            *name_problems(flags["name"], session.custom_recipes), *recipe_problems(flags),
        ]
        if not problems and (problem := engine_problem(Recipe(**flags), start.engine)):
            problems = [problem]
        for problem in problems:
            st.warning(escape_markdown(problem[:1].upper() + problem[1:]), icon=":material/block:")
        st.button(
            "Add to the run", icon=":material/add:", disabled=bool(problems),
            key=widget_key("convert", "add_custom"), on_click=_add, args=(session, flags),
        )
    return fitting


def name_problems(name: str, known: list[Recipe]) -> list[str]:
    """Return why a custom recipe cannot have a name: a preset or another recipe has it."""
    presets = {SELECT_TF_PRESET.name, AS_GIVEN.name, *PRESETS, *TFLITE_PRESETS, *FURTHER_PRESETS}
    taken = {*presets, *(recipe.name for recipe in known)}
    return [f"the name {name!r} is taken; choose another."] if name in taken else []


def describe_recipe(recipe: Recipe) -> str:
    """Return a recipe's flags that are not the default, in one line."""
    default = Recipe(name="default")
    parts = []
    for field, value in recipe.to_json().items():
        if field == "name" or value == getattr(default, field):
            continue
        values = value if isinstance(value, tuple) else (value,)
        shown = ", ".join(_OPS_LABELS.get(v, str(v)) for v in values)
        parts.append(f"{field} = {shown}")
    return "; ".join(parts) or "the defaults"


def _add(session: Session, flags: dict[str, Any]) -> None:
    session.add_recipe(Recipe(**flags))
    # The form moves on to a free name, so that a second press adds no duplicate.
    st.session_state[_key("name")] = _free_name(session.custom_recipes)


def _free_name(known: list[Recipe]) -> str:
    taken = {recipe.name for recipe in known}
    number = len(known) + 1
    while f"custom_{number}" in taken:
        number += 1
    return f"custom_{number}"


def _render_custom(session: Session, recipe: Recipe, problem: str | None) -> None:
    names = [r.name for r in session.custom_recipes]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        swatch = f':color[●]{{foreground="{recipe_color(recipe.name, names)}"}}'
        with st.container(gap=None):
            st.markdown(f"{swatch} **{escape_markdown(recipe.name)}**")
            st.caption(escape_markdown(describe_recipe(recipe)))
            if problem:
                reason = problem.removeprefix(f"{recipe.name}: ")
                st.markdown(f":orange[:material/block: Left out:] {escape_markdown(reason)}")
        st.button("Remove", icon=":material/close:", type="tertiary",
                  key=widget_key("convert", f"remove.{recipe.name}"),
                  on_click=session.remove_recipe, args=(recipe.name,))


def _key(field: str) -> str:
    return widget_key("convert", f"custom.{field}")


def _ask_flags(session: Session, start: StartingPoint) -> dict[str, Any]:
    st.session_state.setdefault(_key("name"), _free_name(session.custom_recipes))
    name = st.text_input("Name", key=_key("name"), max_chars=48, persist_state="session",
                         help="Lower-case letters, digits and underscores; also the file's name.")
    left, right = st.columns(2)
    with left, st.container():
        optimizations = _pills("optimizations", OPTIMIZATIONS, ["DEFAULT"])
        ops = _pills("supported_ops", SUPPORTED_OPS, [BUILTINS], _OPS_LABELS)
        types = _pills("supported_types", SUPPORTED_TYPES, [])
        calibrate = _toggle("calibrate", "calibrate", value=False)
    with right, st.container():
        input_type = _choice("inference_input_type")
        output_type = _choice("inference_output_type")
        per_channel = _toggle("per_channel", "per-channel weights", value=True)
        dense = _toggle("per_channel_dense", "per-channel in dense layers", value=True)
        custom_ops = _toggle("allow_custom_ops", "custom ops allowed", value=False)
    bits, weight_only, algorithm, block = 8, False, MIN_MAX, 0
    if start.is_tflite:
        with left:
            weight_only = _toggle("weight_only", "weights only", value=False)
        with right:
            bits = st.selectbox("weight_bits", WEIGHT_BITS, key=_key("weight_bits"),
                                help=_HELP["weight_bits"], persist_state="session")
            block = st.selectbox("block_size", BLOCK_SIZES, key=_key("block_size"),
                                 help=_HELP["block_size"], persist_state="session")
        with left:
            algorithm = st.selectbox(
                "algorithm", list(WEIGHT_ALGORITHMS), key=_key("algorithm"),
                help=_HELP["algorithm"], persist_state="session",
                format_func=lambda name: WEIGHT_ALGORITHMS[name].label,
            )
    return {
        "name": name, "optimizations": optimizations, "supported_ops": ops,
        "supported_types": types, "inference_input_type": input_type,
        "inference_output_type": output_type, "calibrate": calibrate, "per_channel": per_channel,
        "per_channel_dense": dense, "allow_custom_ops": custom_ops, "weight_bits": bits,
        "weight_only": weight_only, "algorithm": algorithm, "block_size": block,
    }


def _pills(
    field: str, options: tuple[str, ...], default: list[str], labels: dict[str, str] | None = None
) -> tuple[str, ...]:
    st.session_state.setdefault(_key(field), default)
    names = labels or {}
    chosen = st.pills(
        field, options, selection_mode="multi", key=_key(field), help=_HELP[field], wrap=True,
        format_func=lambda option: choice_label(escape_markdown(names.get(option, option))),
        persist_state="session",
    )
    return tuple(option for option in options if option in chosen)


def _choice(field: str) -> str:
    return st.selectbox(field, IO_TYPES, key=_key(field), help=_HELP[field],
                        persist_state="session")


def _toggle(field: str, label: str, *, value: bool) -> bool:
    return st.toggle(label, value=value, key=_key(field), help=_HELP[field],
                     persist_state="session")
