"""How a variant is named in a list to choose from: a dot in its colour and its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from components.palette import custom_names, recipe_color
from components.plain_text import choice_label, escape_markdown


def variant_labels(shown: Sequence[str], recommended: str | None = None) -> Callable[[str], str]:
    """Return the function that gives a variant's label as Markdown.

    Args:
        shown: Names of all variants of the run, in order: the custom ones share its colours.
        recommended: The one that carries the sign of the recommendation.
    """
    custom = custom_names(shown)

    def label(name: str) -> str:
        star = " :material/verified:" if name == recommended else ""
        swatch = f':color[●]{{foreground="{recipe_color(name, custom)}"}}'
        return f"{swatch} {choice_label(escape_markdown(name) + star)}"

    return label
