"""A story as one picture of 1920 by 1080 pixels, drawn by a process of its own.

Matplotlib would stay in the web process's memory, and brings the fonts that the signs need.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from components.format import format_bytes, format_ms
from components.story.telling import PictureRow, Story
from converter.errors import ExportError

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 60
_INK, _SOFT, _GROUND, _ACCENT = "#0B131A", "#4A5763", "#FFFFFF", "#0B7285"
_WIDTH = 1920
_INCHES, _DPI = (19.2, 10.8), 100


def draw_picture(story: Story) -> bytes:
    """Return the picture as PNG.

    Raises:
        ExportError: When the process that draws it fails.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own module, the story on its stdin
            [sys.executable, "-m", "components.story.picture"], cwd=_ROOT,
            input=json.dumps(story.to_json()).encode(), capture_output=True, timeout=_SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as broken:
        raise ExportError(
            f"story.png: expected a picture, found that it could not be drawn "
            f"({type(broken).__name__}); try again, or take the slides."
        ) from broken
    return done.stdout


def _draw(story: Story) -> bytes:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams["text.parse_math"] = False  # a name with two dollars is no formula
    figure = plt.figure(figsize=_INCHES, dpi=_DPI, facecolor=_GROUND)
    _text(figure, 0.05, 0.93, story.title, 26, _ACCENT, 70)
    _text(figure, 0.05, 0.855, story.sentence, 34, _INK, 78)
    share = 0.9 / max(1, len(story.figures))
    for index, item in enumerate(story.figures):
        left = 0.05 + index * share
        _text(figure, left, 0.575, item.label, 22, _SOFT, 30)
        _text(figure, left, 0.53, item.value, 54, _INK, 20)
        _text(figure, left, 0.425, item.detail, 18, _INK, 46)
        _text(figure, left, 0.375, item.certainty, 16, _SOFT, 52)
    sizes = [row.size_bytes for row in story.rows]
    _bars(figure, (0.16, 0.1, 0.3, 0.16), story.rows, sizes, "File size", format_bytes)
    times = [row.p50_ms for row in story.rows]
    if None not in times:
        _bars(figure, (0.62, 0.1, 0.27, 0.16), story.rows, times, "Median latency", format_ms)
    _text(figure, 0.05, 0.05, story.conditions, 14, _SOFT, 200)
    target = io.BytesIO()
    figure.savefig(target, format="png", facecolor=_GROUND)
    plt.close(figure)
    return target.getvalue()


def _text(figure: Any, x: float, y: float, words: str, size: int, color: str, wrap: int) -> None:  # noqa: ANN401
    lines = textwrap.wrap(words, wrap)[:4] or [""]
    figure.text(x, y, "\n".join(lines), size=size, color=color, va="top", linespacing=1.25)


def _bars(
    figure: Any, place: tuple[float, ...], rows: list[PictureRow], values: list[Any],  # noqa: ANN401
    title: str, show: Any,  # noqa: ANN401
) -> None:
    axes = figure.add_axes(place)
    names = [textwrap.shorten(row.name, 18, placeholder="…") for row in rows]
    axes.barh(range(len(rows)), values, color=[row.color for row in rows], height=0.62)
    axes.set_yticks(range(len(rows)), names, size=18, color=_INK)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.set_xlim(0, max(values) or 1)
    axes.set_title(title, loc="left", size=20, color=_SOFT)
    for index, value in enumerate(values):
        axes.annotate(show(value), (value, index), xytext=(8, 0), textcoords="offset points",
                      va="center", size=18, color=_INK, annotation_clip=False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0)


if __name__ == "__main__":
    sys.stdout.buffer.write(_draw(Story.from_json(json.load(sys.stdin))))
