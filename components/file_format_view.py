"""Both files taken apart side by side, what became of each part, and of each operation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from components.charts import show_figure
from components.format import format_bytes
from components.plain_text import escape_markdown, show_error, visible_text
from components.session import widget_key
from converter.anatomy import (
    ASSETS,
    CONTAINER,
    GRAPH,
    METADATA,
    OPTIMIZER,
    QUANTIZATION,
    SIGNATURES,
    WEIGHTS,
    AnatomyNode,
)
from converter.comparison import Comparison, Variant
from converter.errors import LiteDriftError
from converter.graph_map import ADDED, FATES, GraphMap, map_graph
from converter.graph_nodes import GRAPH_FILE, load_nodes
from converter.inspection import read_anatomy
from converter.run_operators import list_file_operators

_PAGE = "file_format"
_MOST_ROWS = 2000
_INDENT = "\N{NO-BREAK SPACE}" * 4
_BECAME = {
    WEIGHTS: "values in the buffers, in the dtype of the recipe",
    QUANTIZATION: "scales and zero points, which the original has none of",
    GRAPH: "operators and tensors of a subgraph; a fixed list in place of a program",
    SIGNATURES: "names of inputs and outputs",
    METADATA: "the converter's version and flags; the original's own are left behind",
    ASSETS: "left behind: a .tflite holds no files",
    OPTIMIZER: "left behind: nothing is trained any more",
    CONTAINER: "one flatbuffer that is used in place, without unpacking",
}


def read_both(
    original: Path | None, files: Mapping[str, Path], comparison: Comparison, variant: Variant
) -> tuple[AnatomyNode | None, AnatomyNode | None]:
    """Return the trees of the original and of a variant; what cannot be read is said."""
    found: list[AnatomyNode | None] = []
    for path, name, is_original in (
        (original, comparison.model.name, True),
        (files.get(variant.file or ""), variant.file or "", False),
    ):
        node = None
        if path is not None and path.exists():
            try:
                node = _take_apart(str(path), comparison.model.sha256, name, is_original)
            except LiteDriftError as error:
                show_error(error)
        found.append(node)
    return found[0], found[1]


@st.cache_data(max_entries=16, show_spinner="Taking the file apart …")
def _take_apart(path: str, _sha256: str, name: str, original: bool) -> AnatomyNode:  # noqa: FBT001
    return read_anatomy(Path(path), name, original=original)


def render_trees(before: AnatomyNode | None, after: AnatomyNode | None) -> None:
    """Show each file as nested areas, and as a table that a keyboard reaches."""
    from components.figures.anatomy import build_parts_figure

    with st.grid(2, min_column_width=380, gap="small") as grid:
        for title, node in (("The original file", before), ("The .tflite file", after)):
            with grid.cell():
                if node is None:
                    st.info(f"{title} is not kept with this run.")
                    continue
                caption = f"{escape_markdown(node.name)}, {format_bytes(node.size_bytes)}. Click "
                caption += "a part to open it."
                show_figure(title, caption, build_parts_figure(node), _PAGE)
                with st.expander("All parts as a table"):
                    _render_table(node)


def _render_table(root: AnatomyNode) -> None:
    rows = [
        {
            "Part": _INDENT * depth + visible_text(node.name),
            "Bytes": node.size_bytes,
            "Share": node.size_bytes / root.size_bytes if root.size_bytes else 0.0,
            "For": node.role, "Detail": visible_text(node.detail),
        }
        for depth, node in root.walk()
    ]
    st.dataframe(
        rows[:_MOST_ROWS], hide_index=True, alt=f"Parts of {root.name}, each with its bytes",
        column_config={"Share": st.column_config.NumberColumn(format="percent")},
    )


def render_map(before: AnatomyNode | None, after: AnatomyNode | None, recipe: str) -> None:
    """Show what became of each kind of part."""
    from components.figures.anatomy import build_roles_figure

    if before is None or after is None:
        return
    first, second = before.bytes_by_role(), after.bytes_by_role()
    st.header("From one to the other", anchor=False)
    show_figure("What the bytes are for", "Pale: the original; full: the variant. The parts of "
                "each file sum to its size.", build_roles_figure(first, second, recipe), _PAGE)
    st.table(
        [
            {"Part": role, "Original": format_bytes(first.get(role, 0)),
             "Variant": format_bytes(second.get(role, 0)), "In the .tflite": text}
            for role, text in _BECAME.items() if first.get(role) or second.get(role)
        ],
        border="horizontal", hide_index=True, alt="What became of each kind of part",
    )


def render_graphs(files: Mapping[str, Path], comparison: Comparison, variant: Variant) -> None:
    """Show the operations of both graphs side by side."""
    path = files.get(variant.file or "")
    st.header("The graph, operation by operation", anchor=False)
    if comparison.starts_from_tflite or GRAPH_FILE not in files or path is None:
        st.info("The original's operations are not kept with this run: it started from a .tflite, "
                "or is older than this page.")
        return
    try:
        found = _map(str(files[GRAPH_FILE]), str(path))
    except LiteDriftError as error:
        show_error(error)
        return
    counts = found.counts()
    st.markdown(
        f"{len(found.nodes)} operations became {len(found.operators)} operators: "
        + ", ".join(f"{count} {fate}" for fate, count in counts.items() if count) + "."
    )
    with st.expander("What the words mean"):
        for fate, meaning in {**FATES, ADDED: "a border between float and integer"}.items():
            st.markdown(f"**{fate}**: {meaning}")
    chosen = st.pills("Show only", [fate for fate, count in counts.items() if count],
                      selection_mode="multi", key=widget_key(_PAGE, "fates"))
    with st.grid(2, min_column_width=380, gap="small") as grid:
        with grid.cell():
            st.subheader("TensorFlow", anchor=False)
            st.dataframe(_node_rows(found, chosen), hide_index=True, height=520,
                         alt="Operations of the original and what became of each")
        with grid.cell():
            st.subheader("TensorFlow Lite", anchor=False)
            st.dataframe(_operator_rows(found, chosen), hide_index=True, height=520,
                         alt="Operators of the variant and what each stands for")


@st.cache_data(max_entries=16, show_spinner="Reading the graphs …")
def _map(graph: str, path: str) -> GraphMap:
    file = Path(path)
    return map_graph(load_nodes(Path(graph)), list_file_operators([file])[file])


def _node_rows(found: GraphMap, fates: list[str]) -> list[dict[str, str]]:
    names = {operator.number: operator.name for operator in found.operators}
    return [
        {
            "Operation": visible_text(node.op), "Became": node.fate,
            "Layer": visible_text(node.layer),
            "Operator": ", ".join(f"{n + 1}. {names.get(n, '')}" for n in node.operators),
        }
        for node in found.nodes if not fates or node.fate in fates
    ]


def _operator_rows(found: GraphMap, fates: list[str]) -> list[dict[str, str]]:
    return [
        {
            "#": str(operator.number + 1), "Operator": visible_text(operator.name),
            "Is": operator.fate,
            "Stands for": visible_text(", ".join(operator.stands_for)),
        }
        for operator in found.operators if not fates or operator.fate in fates
    ]


def render_netron(files: Mapping[str, Path], variant: Variant) -> None:
    """Offer the file for a viewer of graphs."""
    path = files.get(variant.file or "")
    if path is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"{escape_markdown(variant.recipe)}.tflite", data=path.read_bytes,
            file_name=variant.file, icon=":material/download:", on_click="ignore",
            key=widget_key(_PAGE, "file"),
        )
        st.caption("Open it in Netron (netron.app, or the program) to walk through the graph.")
