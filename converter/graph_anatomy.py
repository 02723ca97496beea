"""The parts of `saved_model.pb` and of a frozen graph, as ranges of their bytes."""

from __future__ import annotations

from collections.abc import Iterator

from converter.anatomy import ASSETS, CONTAINER, GRAPH, METADATA, SIGNATURES, WEIGHTS
from converter.byte_pieces import Piece
from converter.proto_ranges import Field, first_text, read_fields

REST = Piece(("message frames",), CONTAINER, 0, 0, "field numbers and lengths")
_NAME_LENGTH = 120
# Fields of MetaGraphDef that are one part each: number -> (name, role, what there are several of).
_META_GRAPH = {
    1: ("versions, tags and the list of operations", METADATA, "entries"),
    3: ("saver", METADATA, ""),
    4: ("collections", METADATA, "collections"),
    5: ("signatures", SIGNATURES, "signatures"),
    6: ("asset names", ASSETS, "assets"),
    7: ("object graph", METADATA, ""),
}
_META_GRAPH_GRAPH = 2
_NODE, _LIBRARY = 1, 2  # of GraphDef
_ATTRIBUTE, _VALUE = 5, 2  # of NodeDef, and of an entry of its map
_FUNCTION_NODE = 3


def saved_model_pieces(content: bytes) -> list[Piece]:
    """Return the parts of a `saved_model.pb`; nothing where its bytes are no such message.

    Several meta-graphs are one part each.
    """
    try:
        graphs = [field for field in read_fields(content) if field.number == 2]  # noqa: PLR2004
        several = len(graphs) > 1
        return [
            piece
            for index, graph in enumerate(graphs)
            for piece in _meta_graph(content, graph, (f"meta-graph {index + 1}",) * several)
        ]
    except ValueError:
        return []


def _meta_graph(content: bytes, graph: Field, path: tuple[str, ...]) -> Iterator[Piece]:
    for field in read_fields(content, graph.inside, graph.end):
        if field.number == _META_GRAPH_GRAPH:
            yield from _graph(content, field, path)
        elif field.number in _META_GRAPH:
            name, role, unit = _META_GRAPH[field.number]
            yield Piece((*path, name), role, field.start, field.end, unit=unit)


def _graph(content: bytes, graph: Field, path: tuple[str, ...]) -> Iterator[Piece]:
    for field in read_fields(content, graph.inside, graph.end):
        if field.number == _NODE:
            yield Piece((*path, "main graph"), GRAPH, field.start, field.end, "1 node", "nodes")
        elif field.number == _LIBRARY:
            yield from _functions(content, field, (*path, "functions"))


def _functions(content: bytes, library: Field, path: tuple[str, ...]) -> Iterator[Piece]:
    """Yield a part for each function; its gradients stay with the frames."""
    for index, field in enumerate(read_fields(content, library.inside, library.end)):
        if field.number != 1:
            continue
        inner = list(read_fields(content, field.inside, field.end))
        name = next((first_text(content, f, 1) for f in inner if f.number == 1), "")
        nodes = sum(f.number == _FUNCTION_NODE for f in inner)
        yield Piece(
            (*path, name[:_NAME_LENGTH] or f"function {index}"), GRAPH, field.start, field.end,
            f"{nodes:,} nodes",
        )  # fmt: skip


def frozen_graph_pieces(content: bytes) -> list[Piece]:
    """Return the parts of a frozen graph: its constants, and its operations by kind.

    Nothing where the bytes are no such message.
    """
    try:
        return list(_frozen_nodes(content))
    except ValueError:
        return []


def _frozen_nodes(content: bytes) -> Iterator[Piece]:
    for field in read_fields(content):
        if field.number == _LIBRARY:
            yield from _functions(content, field, ("functions",))
        if field.number != _NODE:
            continue
        kind = first_text(content, field, 2) or "unknown"
        name = first_text(content, field, 1)[:_NAME_LENGTH] or "unnamed"
        if kind != "Const":
            yield Piece(("operations", kind[:_NAME_LENGTH]), GRAPH, field.start, field.end,
                        "1 operation", "operations")  # fmt: skip
            continue
        value = _constant_value(content, field)
        # A constant's name and dtype stand around its values.
        yield Piece(("constants", name), WEIGHTS, value.start, value.end)
        for start, end in ((field.start, value.start), (value.end, field.end)):
            yield Piece(("names and types of constants",), GRAPH, start, end)


def _constant_value(content: bytes, node: Field) -> Field:
    """Return where a constant's attribute `value` lies; the whole node where it has none."""
    for field in read_fields(content, node.inside, node.end):
        if field.number == _ATTRIBUTE and first_text(content, field, 1) == "value":
            return next(
                (f for f in read_fields(content, field.inside, field.end) if f.number == _VALUE),
                field,
            )
    return node
