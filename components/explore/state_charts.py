"""The charts of the bench: bytes by layer to click on, the run's files beside, the states tried."""

from __future__ import annotations

import math
from functools import partial

import streamlit as st

from components.charts import CHART_CONFIG, show_figure
from components.explore.bench import Bench
from components.explore.choice_controls import bar_click, picked, row_click
from components.explore.state_figures import file_size
from components.explore.warm_sessions import Judged
from components.format import format_bytes
from components.formula_names import render_names
from components.formulas.inside import stored_formulas
from components.palette import custom_names, recipe_color, recipe_symbol
from components.plain_text import escape_markdown
from components.session import widget_key
from converter.candidate_choices import name_state
from converter.comparison import Comparison
from converter.precision import FLOAT32, PRECISIONS


def render_layer_chart(bench: Bench) -> None:
    """Draw what every layer stores; a click picks the layer."""
    from components.figures.candidates import build_bytes_figure

    figure = build_bytes_figure(bench.layers, bench.precisions, picked(bench))
    key = widget_key("explore", f"bytes.{bench.run_id}")
    with st.container(border=True, gap="xsmall"):
        st.subheader("Bytes by layer", anchor=False)
        st.caption("Filled: what the chosen precision stores, weights with their scales; outlined: "
                   "float32. Click a bar to pick its layer, once more to let it go.")
        st.plotly_chart(figure, config=CHART_CONFIG, selection_mode="points", key=key,
                        on_select=partial(bar_click, bench, key), alt=figure.layout.meta["alt"])
        render_names(stored_formulas(bench.layers, bench.precisions))


def render_layer_table(bench: Bench) -> None:
    """Show all layers as a table whose rows can be selected."""
    precisions = bench.precisions
    key = widget_key("explore", f"table.{bench.run_id}")
    with st.expander("All layers as a table", icon=":material/table_rows:"):
        st.dataframe(
            [{"#": layer.number + 1, "Operator": layer.operator, "Layer": layer.name,
              "Precision": PRECISIONS[precisions[layer.number]].label,
              "Stored": format_bytes(layer.stored_bytes(precisions[layer.number])),
              "Stored in float32": format_bytes(layer.stored_bytes(FLOAT32.name)),
              "Can be": ", ".join(PRECISIONS[name].label for name in layer.offered)}
             for layer in bench.layers],
            hide_index=True, key=key, on_select=partial(row_click, bench, key),
            selection_mode="multi-row",
            alt="Every layer with its precision and bytes; selected rows are picked",
        )


def render_places(bench: Bench, comparison: Comparison, found: Judged) -> None:
    """Draw the present state against the run's files, and the states tried so far."""
    from components.figures.candidates import (
        NOW_COLOR,
        Place,
        build_against_figure,
        build_trail_figure,
    )

    names = [variant.recipe for variant in comparison.variants]
    custom = custom_names(names)
    known = [
        Place(name=v.recipe, size_bytes=v.size_bytes,
              sqnr_db=math.nan if v.drift is None else v.drift.sqnr_db,
              problem=None if v.drift is not None else "it has no drift",
              color=recipe_color(v.recipe, custom), symbol=recipe_symbol(v.recipe, custom))
        for v in comparison.variants if v.size_bytes
    ]
    now = Place(name="this state", size_bytes=file_size(found.figures),
                sqnr_db=found.figures.sqnr_db, problem=found.figures.problem, color=NOW_COLOR)
    samples = comparison.data.evaluation_samples
    condition = (f"The run's files on all its {samples} evaluation samples, the states on "
                 f"{found.samples} of them.")
    kept = bench.state.kept
    tried = [
        Place(name=name_state(bench.layers, choices), size_bytes=file_size(each.figures),
              sqnr_db=each.figures.sqnr_db, problem=each.figures.problem,
              note=f"on {each.samples} samples")
        for choices, each in kept
    ]
    place = [choices for choices, _ in kept].index(dict(bench.state.steps.now))
    with st.grid(2, min_column_width=380, gap="small"):
        show_figure("Against the run's files", condition, build_against_figure([*known, now]),
                    "explore")
        marks = " ".join(f':color[●]{{foreground="{p.color}"}} {escape_markdown(p.name)}'
                         for p in known)
        here = f':color[◯]{{foreground="{NOW_COLOR}"}} this state'
        show_figure("Where you have been", f"{here}; dotted: the way to it. {marks}",
                    build_trail_figure(tried, place, known), "explore")
