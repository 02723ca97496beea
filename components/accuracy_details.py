"""Accuracy with its intervals, what can be told apart, and how outputs and classes changed."""

from __future__ import annotations

import math

import streamlit as st

from components.charts import show_figure
from components.format import MISSING, format_count, format_error, format_percent
from components.formula_names import render_names
from components.formulas.accuracy import accuracy_formulas
from components.formulas.samples import distribution_formulas
from components.plain_text import escape_markdown
from components.session import widget_key
from converter.accuracy import INTERVAL_METHODS, Accuracy
from converter.comparison import Comparison, Variant
from converter.sample_file import OutputSamples

_LABELS = {
    "top1": "Top-1", "top5": "Top-5", "macro_f1": "Macro F1", "auc": "AUC", "mae": "MAE",
    "rmse": "RMSE", "r2": "R²", "expected_calibration_error": "Calibration error",
}
_PERCENT = {"top1", "top5", "expected_calibration_error"}


def render_accuracy_details(comparison: Comparison, output: str) -> None:
    """Show every accuracy figure with its 95 % interval, and a sentence for each variant."""
    st.header("Accuracy", anchor=False)
    found = _by_model(comparison, output)
    if not found:
        st.info("There are no labels for this output, so there is no accuracy. Give a data file "
                "with labels (`y` in an `.npz`, a column `label` in a table, a folder for each "
                "class in a zip of images) and start again.", icon=":material/label:")
        return
    names = [name for name in _LABELS if any(_value(a, name) is not None for a in found.values())]
    st.dataframe(
        [{"Model": model, **{_LABELS[name]: _cell(accuracy, name) for name in names}}
         for model, accuracy in found.items()],
        hide_index=True, alt="Accuracy of each model with 95 % intervals",
        key=widget_key("samples", "accuracy"),
    )
    methods = "; ".join(f"{_LABELS[n]}: {INTERVAL_METHODS[n]}" for n in names
                        if n in INTERVAL_METHODS)
    st.caption(escape_markdown(f"In brackets the 95 % interval ({methods})."))
    reference = found.get("original")
    render_names(formula for model, accuracy in found.items()
                 for formula in accuracy_formulas(accuracy, reference, model))
    sentences = [a.paired.sentence for a in found.values() if a.paired is not None]
    if sentences:
        st.subheader("Can they be told apart?", anchor=False)
        st.markdown("\n".join(f"- {escape_markdown(sentence)}" for sentence in sentences))
        st.caption(_test_caption(next(iter(found.values()))))


def render_distributions(variant: Variant, output: OutputSamples, color: str) -> None:
    """Draw how a variant's outputs, errors and classes are distributed against the original's."""
    from components.figures import class_changes, errors

    st.header("Distributions", anchor=False)
    facts, name = output.distribution, variant.recipe
    if facts["edges"] is None:
        st.info("No output value of both is finite, so there is nothing to draw.",
                icon=":material/info:")
        return
    st.caption(_pairs_caption(output))
    render_names(distribution_formulas(output))
    with st.grid(2, min_column_width=380, gap="small"):
        show_figure("Output values", f"Grey: the original. Line: {escape_markdown(name)}.",
                    errors.build_output_histogram(facts, name, color), "samples")
        show_figure("Errors", "Variant less original, of every output value.",
                    errors.build_error_histogram(facts, name, color), "samples")
        show_figure("Agreement", f"Bland-Altman: bias {format_error(facts['bias'])}; 95 % of the "
                    f"differences of normal errors lie between {format_error(facts['limits'][0])} "
                    f"and {format_error(facts['limits'][1])}. Darker: more values.",
                    errors.build_bland_altman_figure(facts, name, color), "samples")
        if output.class_pairs is not None:
            count = len({*output.class_pairs["reference"], *output.class_pairs["variant"]})
            show_figure("Classes", "Samples by the original's class and the variant's; in colour "
                        f"where they differ.{class_changes.left_out_classes(count)}",
                        class_changes.build_confusion_figure(output.class_pairs, name, color),
                        "samples")
        if output.per_class is not None:
            count = len(output.per_class["class"])
            show_figure("Each class", "Square: the original. Dot: the variant."
                        f"{class_changes.left_out_classes(count)}",
                        class_changes.build_per_class_figure(output.per_class, name, color),
                        "samples")


def _by_model(comparison: Comparison, output: str) -> dict[str, Accuracy]:
    reference = comparison.reference.output_accuracy.get(output)
    found = {} if reference is None else {"original": reference}
    for variant in comparison.variants:
        if output in variant.output_accuracy:
            found[variant.recipe] = variant.output_accuracy[output]
    return found


def _value(accuracy: Accuracy, name: str) -> float | None:
    value: float | None = getattr(accuracy, name)
    return None if value is None or math.isnan(value) else value


def _cell(accuracy: Accuracy, name: str) -> str:
    value = _value(accuracy, name)
    if value is None:
        return MISSING
    text = _format(name, value)
    interval = accuracy.intervals.get(name)
    if interval is None:
        return text
    return f"{text} ({_format(name, interval[0])} to {_format(name, interval[1])})"


def _format(name: str, value: float) -> str:
    if name in _PERCENT:
        return format_percent(value)
    return f"{value:.3f}" if name in {"macro_f1", "auc", "r2"} else format_error(value)


def _test_caption(accuracy: Accuracy) -> str:
    if accuracy.task == "classification":
        return ("Exact McNemar test of the same samples, two-sided at 5 %; the number needed is "
                "for a power of 80 % (Connor 1987).")
    return ("Paired z test of each sample's mean absolute error, two-sided at 5 %; the number "
            "needed is for a power of 80 %.")


def _pairs_caption(output: OutputSamples) -> str:
    facts = output.distribution
    parts = [f"{format_count(facts['pairs'])} output values"]
    if facts["every"] > 1:
        parts.append(f"of each {facts['every']}th sample")
    if facts["left_out"]:
        parts.append(f"{format_count(facts['left_out'])} that are NaN or infinite are left out")
    return ", ".join(parts) + "."
