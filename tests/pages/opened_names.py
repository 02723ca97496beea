"""What the names of figures on a page open."""

from __future__ import annotations

from collections.abc import Iterator

from converter.metrics import METRICS


def walk(node) -> Iterator:
    for child in getattr(node, "children", {}).values():
        yield child
        yield from walk(child)


def opened(app) -> dict[str, str]:
    """Return what each name opens, by its label."""
    found = {}
    for node in walk(app.main):
        if getattr(node, "type", None) == "popover":
            text = "\n".join(str(c.value) for c in walk(node) if hasattr(c, "value"))
            label = node.proto.popover.label.replace("\\", "")
            found[label.removeprefix(":gray-badge[").removesuffix("]")] = text
    return found


def tiles_without_formula(app) -> set[str]:
    """Return the names of figures in tiles that open nothing."""
    by_label = {metric.label: metric for metric in METRICS.values()}
    known = {n for label in opened(app) if label in by_label
             for n in (label, *by_label[label].names)}  # fmt: skip
    return {metric.label for metric in app.metric} - known
