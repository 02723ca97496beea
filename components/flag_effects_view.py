"""The flags of a finished run: the chart, a sentence for each effect, and what cannot be told."""

from __future__ import annotations

import streamlit as st

from components.charts import show_figure
from components.flag_words import (
    evidence,
    label_of,
    main_sentence,
    together_sentence,
    untold,
)
from components.formula_names import render_names
from components.formulas.flags import effect_formulas
from components.plain_text import escape_markdown, show_notes
from components.session import widget_key
from converter.flag_effects import MEASURES
from converter.flag_study import FlagStudy

_CAPTION = (
    "Filled: a flag alone, the mean over pairs of variants that differ in nothing else. Hollow: "
    "what two flags do together beyond that, half of the change of one by the other. Bar: 95 % "
    "interval. Ticks: single pairs. Dashed: no change."
)


def render_flag_effects(study: FlagStudy) -> None:
    """Show the chart, the sentences, and what is missing."""
    from components.figures.flag_effects import build_flag_figure, shown_effects

    shown = shown_effects(study)
    if shown:
        show_figure("Effect of each flag", _CAPTION, build_flag_figure(study), "flags")
        render_names(effect_formulas(study, shown))
        _render_sentences(study, shown)
    else:
        st.info("No two of these variants differ in one flag alone, so no effect can be told. "
                "Cross some flags below.", icon=":material/info:")
    _render_untold(study)
    show_notes(list(study.notes))


def _render_sentences(study: FlagStudy, shown: list[tuple[int, ...]]) -> None:
    with st.container(border=True, gap="small"):
        st.subheader("In words", anchor=False)
        for which in shown:
            label = study.factors[which[0]].label
            label = f"{label[:1].upper()}{label[1:]}"
            if len(which) == 1:
                sentence = f"**{escape_markdown(label)}** " + escape_markdown(
                    main_sentence(study, which[0]))
            else:
                other = escape_markdown(study.factors[which[1]].label)
                sentence = f"**{escape_markdown(label)}** with **{other}**: " + escape_markdown(
                    together_sentence(study, *which))
            first = next(e for e in (study.effect(m, *which) for m in MEASURES) if e.parts)
            ground = evidence(first)
            st.markdown(f"{sentence}.  \n:small[:gray["
                        f"{escape_markdown(f'{ground[:1].upper()}{ground[1:]}.')}]]")


def _render_untold(study: FlagStudy) -> None:
    """Say which effects have no estimate, and which settings have no variant, each with why."""
    rows = untold(study)
    cells = 2 ** len(study.factors)
    if not rows and study.cells == cells:
        return
    with st.expander(f"What cannot be told: {study.cells} of {cells} settings have a variant",
                     icon=":material/help:"):
        if rows:
            st.dataframe(
                [{"Effect": label, "Why not": f"{reason[:1].upper()}{reason[1:]}."}
                 for label, reason in rows],
                hide_index=True, alt="Effects that cannot be estimated, with the reason",
                key=widget_key("flags", "untold"),
            )
        if study.missing:
            st.dataframe(
                [{"Flags on": " + ".join(label_of(study, [i]) for i in cell.on) or "none",
                  "Why there is no variant": f"{cell.reason[:1].upper()}{cell.reason[1:]}"}
                 for cell in study.missing],
                hide_index=True, alt="Settings of the flags without a variant",
                key=widget_key("flags", "missing"),
            )
        elif study.cells < cells:
            st.caption(f"{cells - study.cells} settings have no variant: too many to list.")
