"""Both files taken apart side by side, what became of each part, and of each operation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from components.charts import show_figure
from components.format import format_bytes, format_count, shorten
from components.formula_names import render_names
from components.formulas.inside import part_formulas
from components.graph_view import render_graph_map
from components.part_colors import ROLE_COLORS
from components.part_tree import render_part_tree
from components.plain_text import escape_markdown, show_error, show_warning
from components.session import widget_key
from converter.anatomy import (
    ASSETS,
    CONTAINER,
    GRAPH,
    METADATA,
    OPTIMIZER,
    QUANTIZATION,
    ROLES,
    SIGNATURES,
    WEIGHTS,
    AnatomyNode,
)
from converter.comparison import Comparison, Variant
from converter.errors import LiteDriftError
from converter.graph_map import GraphMap, map_files, map_graph
from converter.graph_nodes import GRAPH_FILE, load_nodes
from converter.inspection import read_anatomy
from converter.model_file import file_sha256, path_size
from converter.run_operators import list_file_operators
from converter.run_store import load_request

_PAGE = "file_format"
_CONFIG = {"showSendToCloud": False, "displaylogo": False, "displayModeBar": False}
_BECAME = {
    WEIGHTS: "values in the buffers, in the dtype of the recipe",
    QUANTIZATION: "scales, zero points and ranges beside each tensor that is stored as integers",
    GRAPH: "operators and tensors of a subgraph; a fixed list in place of a program",
    SIGNATURES: "names of inputs and outputs",
    METADATA: "the converter's version and flags; the original's own are left behind",
    ASSETS: "left behind: a .tflite holds no files",
    OPTIMIZER: "left behind: nothing is trained any more",
    CONTAINER: "one flatbuffer that is used in place, without unpacking",
}


def find_original(run_id: str, comparison: Comparison) -> Path | None:
    """Return the model file of a run where it still is what it was; else say what is wrong."""
    try:
        path = load_request(run_id).model_path
    except LiteDriftError as error:
        show_error(error)
        return None
    if not path.exists():
        st.info("The original file is gone since the run, so the variant stands alone here. Bring "
                "the file again and start a new run to see both.", icon=":material/info:")
        return None
    newest = max((file.stat().st_mtime_ns for file in (path, *path.rglob("*"))), default=0)
    if _sha256(str(path), path_size(path), newest) != comparison.model.sha256:
        show_warning("The original file has changed since the run, so it is not taken apart here; "
                     "start a new run with it.")
        return None
    return path


@st.cache_data(max_entries=16, show_spinner="Reading the file …")
def _sha256(path: str, size: int, changed: int) -> str:  # noqa: ARG001 - they are of the key
    return file_sha256(Path(path))


def read_both(
    original: Path | None, files: Mapping[str, Path], comparison: Comparison, variant: Variant
) -> tuple[AnatomyNode | None, AnatomyNode | None]:
    """Return the trees of the original and of a variant; what cannot be read is said."""
    name = comparison.model.name
    before = _tree(original, comparison.model.sha256, name, is_original=True)
    file = files.get(variant.file or "")
    # Artifacts lie under their hash.
    after = _tree(file, str(file), variant.file or "", is_original=False)
    return before, after


def _tree(
    path: Path | None, content: str, name: str, *, is_original: bool
) -> AnatomyNode | None:
    if path is None:
        return None
    try:
        return _take_apart(content, name, is_original, path)
    except LiteDriftError as error:
        show_error(error)
        return None


@st.cache_data(max_entries=16, show_spinner="Taking the file apart …")
def _take_apart(content: str, name: str, original: bool, _path: Path) -> AnatomyNode:  # noqa: FBT001
    return read_anatomy(_path, name, original=original)


def render_trees(before: AnatomyNode | None, after: AnatomyNode | None) -> None:
    """Show each file as nested areas, and as a tree that opens by click or key."""
    from components.figures.anatomy import build_parts_figure

    shown = [(title, node) for title, node in
             (("The original file", before), ("The .tflite file", after)) if node is not None]
    if not shown:
        return
    st.header("What is in each file", anchor=False)
    st.caption("Colours tell what bytes are for: " + ", ".join(
        f':color[■]{{foreground="{ROLE_COLORS[role]}"}} {role}' for role in ROLES
        if any(role in node.bytes_by_role() for _, node in shown)
    ) + ". Every tree sums to its file exactly.")
    with st.grid(len(shown), min_column_width=380, gap="small") as grid:
        for title, node in shown:
            with grid.cell(), st.container(border=True, gap="xsmall"):
                st.subheader(title, anchor=False)
                st.caption(f"{escape_markdown(shorten(node.name, 60))}, "
                           f"{format_count(node.size_bytes)} bytes. Click an area or a line to "
                           "open it.")
                figure = build_parts_figure(node)
                st.plotly_chart(figure, config=_CONFIG, alt=figure.layout.meta["alt"],
                                key=widget_key(_PAGE, f"chart.{title}"))
                render_part_tree(node)
    render_names(part_formulas(shown))


def render_map(
    before: AnatomyNode | None, after: AnatomyNode | None, recipe: str, *, same_format: bool
) -> None:
    """Show what became of each kind of part.

    Args:
        before: The original's tree.
        after: The variant's.
        recipe: The variant's name.
        same_format: Whether the original is a `.tflite` too: then nothing takes another form.
    """
    from components.figures.anatomy import build_roles_figure

    if before is None or after is None:
        return
    first, second = before.bytes_by_role(), after.bytes_by_role()
    st.header("From one to the other", anchor=False)
    show_figure("What the bytes are for", "Pale: the original; full: the variant. The parts of "
                "each file sum to its size.", build_roles_figure(first, second, recipe), _PAGE)
    if same_format:
        return
    st.table(
        [
            {"Part": role, "Original": format_bytes(first.get(role, 0)),
             "Variant": format_bytes(second.get(role, 0)), "In the .tflite": text}
            for role, text in _BECAME.items() if first.get(role) or second.get(role)
        ],
        border="horizontal", hide_index=True, alt="What became of each kind of part",
    )


def render_graphs(
    original: Path | None, files: Mapping[str, Path], comparison: Comparison, variant: Variant
) -> None:
    """Show the operations of both graphs side by side."""
    st.header("The graph, operation by operation", anchor=False)
    path = files.get(variant.file or "")
    # A run from a .tflite has no graph of TensorFlow: its operators are the operations.
    source = original if comparison.starts_from_tflite else files.get(GRAPH_FILE)
    if source is None or path is None:
        st.info("The original's operations are not kept with this run: its file is gone, the run "
                "is older than this page, or its bundle is. Run the model again to see what "
                "became of each.", icon=":material/info:")
        return
    kept_under = comparison.model.sha256 if comparison.starts_from_tflite else str(source)
    try:
        found = _map(kept_under, str(path), comparison.starts_from_tflite, source)
    except LiteDriftError as error:
        show_error(error)
        return
    if comparison.starts_from_tflite:
        st.caption("The run started from a .tflite, so its operators stand in place of "
                   "TensorFlow's operations, which are not known.")
    render_graph_map(found)


@st.cache_data(max_entries=16, show_spinner="Reading the graphs …")
def _map(content: str, path: str, from_tflite: bool, _source: Path) -> GraphMap:  # noqa: ARG001, FBT001
    """Ask a worker; both files are known by what lies in them."""
    variant = Path(path)
    if from_tflite:
        read = list_file_operators([_source, variant])
        return map_files(read[_source], read[variant])
    return map_graph(load_nodes(_source), list_file_operators([variant])[variant])


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
