"""What became of each variant: were its flags honoured, what is in the file, and its downloads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from components.audit_words import (
    effect_word,
    operators_sentence,
    other_notes,
    reasons,
    same_sentence,
    types_sentence,
)
from components.format import format_bytes, format_db, format_error, format_percent, shorten
from components.palette import custom_names, recipe_color
from components.plain_text import code_span, escape_markdown, show_notes
from components.report import REPORT_FILE, build_report
from components.run_exports import render_export_buttons
from components.session import widget_key
from converter.comparison import CALIBRATION_FILE, COMPARISON_FILE, Comparison, Variant
from converter.rebuild_parts import has_rebuild_script
from converter.rebuild_script import build_rebuild_script, script_name
from converter.recipe import LITERT_QUANTIZER
from converter.request import RunRequest

if TYPE_CHECKING:
    import numpy as np

_COLORS = {"yes": "green", "partly": "orange", "no": "gray", "ignored": "red"}


def render_variants(files: Mapping[str, Path], comparison: Comparison) -> None:
    """Show an expander for each variant, failures with their reason in its title."""
    st.header("Variants and downloads", anchor=False)
    custom = custom_names([variant.recipe for variant in comparison.variants])
    with st.container(gap="xsmall"):
        for variant in comparison.variants:
            swatch = f':color[●]{{foreground="{recipe_color(variant.recipe, custom)}"}}'
            label = f"{swatch} **{escape_markdown(variant.recipe)}** · {_summary(variant)}"
            with st.expander(label):
                _render_variant(files, comparison, variant)


def render_variant_downloads(
    files: Mapping[str, Path], comparison: Comparison, variant: Variant, *, place: str
) -> None:
    """Offer a variant's file and, where the run made it, the script that rebuilds it."""
    with st.container(horizontal=True):
        if variant.file in files:
            label = f"{shorten(variant.file, 32)} ({format_bytes(variant.size_bytes)})"
            _file_button(files, variant.file, label, "application/octet-stream",
                         f"{place}.{variant.recipe}")
        if has_rebuild_script(variant):
            st.download_button(
                "Script that rebuilds it", data=partial(build_rebuild_script, comparison, variant),
                file_name=script_name(variant), mime="text/x-python", icon=":material/code:",
                on_click="ignore", key=widget_key("compare", f"script.{place}.{variant.recipe}"),
            )


def render_run_downloads(
    files: Mapping[str, Path],
    comparison: Comparison,
    samples_ms: Mapping[str, np.ndarray],
    request: RunRequest,
) -> None:
    """Offer the report, the run's own files (result, calibration data) and its exports."""
    with st.container(horizontal=True):
        st.download_button(
            "Report (HTML)", data=partial(build_report, comparison, samples_ms),
            file_name=REPORT_FILE, mime="text/html",
            icon=":material/description:", on_click="ignore",
            key=widget_key("compare", "report"),
        )
        _file_button(files, COMPARISON_FILE, "comparison.json", "application/json", "comparison")
        if CALIBRATION_FILE in files:
            _file_button(files, CALIBRATION_FILE, "Calibration data", "application/zip",
                         "calibration")
        render_export_buttons(files, comparison, samples_ms, request)


def render_output_drift(comparison: Comparison) -> None:
    """Show the drift of each output where a model has several."""
    if len(comparison.model.outputs) < 2:
        return
    rows = [
        {
            "Variant": variant.recipe, "Output": name, "SQNR": format_db(drift.sqnr_db),
            "Max error": format_error(drift.max_abs_error),
            "RMSE": format_error(drift.rmse), "Agrees": format_percent(drift.top1_agreement),
            "NaN or Inf": drift.non_finite_count,
        }
        for variant in comparison.variants
        for name, drift in variant.output_drift.items()
    ]
    if not rows:
        return
    st.header("Drift of each output", anchor=False)
    st.caption("The charts show the worst of the outputs, figure by figure.")
    st.dataframe(rows, hide_index=True, alt="Drift of each output of each variant")


def _summary(variant: Variant) -> str:
    if variant.status != "ok":
        return ":red[failed]"
    parts = [format_bytes(variant.size_bytes)]
    if variant.given_name is not None:
        parts.append("a file of your own")
    if not variant.runnable:
        parts.append(":orange[size only]")
    if variant.audit.same_as:
        twin = escape_markdown(shorten(variant.audit.same_as[0], 40))
        parts.append(f"same content as {twin}")
    effects = [flag.get("effect", "") for flag in variant.audit.flags]
    if "ignored" in effects:
        parts.append(":red[a flag was ignored]")
    elif "no" in effects:
        parts.append(":orange[a flag had no effect]")
    elif "partly" in effects:
        parts.append(":orange[flags took effect in part]")
    elif effects:
        parts.append(":green[flags took effect]")
    return " · ".join(parts)


def _render_variant(
    files: Mapping[str, Path], comparison: Comparison, variant: Variant
) -> None:
    if variant.status != "ok":
        st.error(escape_markdown(variant.error or "It failed without a reason."),
                 icon=":material/error:")
        if variant.error_details:
            st.caption("The converter's own words")
            st.code(variant.error_details[:20_000], language=None, height=220)
    _render_origin(variant)
    _render_audit(variant)
    render_variant_downloads(files, comparison, variant, place="details")
    if variant.sha256:
        st.caption(f"SHA-256 `{variant.sha256}`")


def _render_origin(variant: Variant) -> None:
    """Say where a file comes from that TFLiteConverter did not make."""
    if variant.given_name is not None:
        name = code_span(shorten(variant.given_name, 80))
        st.markdown(f"Given as {name}: nothing was asked of a converter, so there is no flag to "
                    "check.")
    elif variant.is_original:
        st.markdown("The given file itself, unchanged.")
    elif variant.engine == LITERT_QUANTIZER and variant.status == "ok":
        st.markdown("Made from the given file by litert-quantizer.")


def _render_audit(variant: Variant) -> None:
    audit = variant.audit
    if audit.flags:
        st.table(
            [
                {
                    "Asked": escape_markdown(str(flag.get("flag", ""))),
                    "Effect": _effect_badge(flag.get("effect", "")),
                    "Found": escape_markdown(str(flag.get("found", ""))),
                }
                for flag in audit.flags
            ],
            border="horizontal", hide_index=True, alt=f"Flags of {variant.recipe} and their effect",
        )
    found = reasons(audit)
    if found:
        st.table(
            [
                {
                    "Not integer": escape_markdown(reason.operators),
                    "Where": escape_markdown(reason.kind),
                    "Why": escape_markdown(reason.why),
                }
                for reason in found
            ],
            border="horizontal", hide_index=True,
            alt=f"Why operators of {variant.recipe} are not integer",
        )
    sentences = (operators_sentence(audit), types_sentence(audit), same_sentence(audit))
    line = " ".join(sentence for sentence in sentences if sentence)
    if line:
        st.caption(escape_markdown(line))
    show_notes(other_notes(audit))


def _effect_badge(effect: str) -> str:
    color = _COLORS.get(effect, "gray")
    return f":{color}-badge[{escape_markdown(effect_word(effect))}]"


def _file_button(
    files: Mapping[str, Path], name: str, label: str, mime: str, key: str
) -> None:
    # Read on the click: files of many megabytes must not travel on every rerun.
    st.download_button(
        escape_markdown(label), data=files[name].read_bytes, file_name=name,
        mime=mime, icon=":material/download:", on_click="ignore",
        key=widget_key("compare", f"file.{key}"),
    )
