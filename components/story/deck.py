"""A story as a slide deck (PPTX), with a native chart that can be edited."""

from __future__ import annotations

import io
import re
from typing import Any

from components.format import byte_unit
from components.story.telling import Story

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold, whatever a file is called."""
_BLANK = 6
_INK, _SOFT, _ACCENT = "0B131A", "4A5763", "0B7285"


def build_deck(story: Story) -> bytes:
    """Return a deck of five slides, 16 to 9."""
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(13.333), Inches(7.5)
    _Slide(deck, story.title).text(story.sentence, top=2.2, size=36, height=3.4)
    _figures(_Slide(deck, "Three figures"), story)
    _chart(_Slide(deck, "Size and latency"), story)
    _list(_Slide(deck, "What it means"), story.meaning)
    _list(_Slide(deck, "What was not measured"), story.not_measured or ["Nothing is missing."])
    for slide in deck.slides:
        _Slide.of(slide).text(story.conditions, top=6.9, size=12, height=0.4, color=_SOFT)
    target = io.BytesIO()
    deck.save(target)
    return target.getvalue()


class _Slide:
    """One slide with its heading."""

    def __init__(self, deck: Any, heading: str) -> None:  # noqa: ANN401 - no types
        self.slide = deck.slides.add_slide(deck.slide_layouts[_BLANK])
        self.text(heading, top=0.5, size=28, height=0.9, color=_ACCENT, bold=True)

    @classmethod
    def of(cls, slide: Any) -> _Slide:  # noqa: ANN401
        made = cls.__new__(cls)
        made.slide = slide
        return made

    def text(
        self, words: str, *, top: float, size: int, height: float, left: float = 0.7,
        width: float = 11.9, color: str = _INK, bold: bool = False,
    ) -> None:
        from pptx.dml.color import RGBColor
        from pptx.util import Inches, Pt

        box = self.slide.shapes.add_textbox(Inches(left), Inches(top), Inches(width),
                                            Inches(height))
        frame = box.text_frame
        frame.word_wrap = True
        run = frame.paragraphs[0].add_run()
        run.text = _CONTROL.sub("?", words)
        run.font.size, run.font.bold = Pt(size), bold
        run.font.color.rgb = RGBColor.from_string(color)


def _figures(page: _Slide, story: Story) -> None:
    width = 11.9 / max(1, len(story.figures))
    for index, figure in enumerate(story.figures):
        left = 0.7 + index * width
        page.text(figure.label, top=2.0, size=20, height=0.6, left=left, width=width - 0.3,
                  color=_SOFT)
        page.text(figure.value, top=2.5, size=54, height=1.2, left=left, width=width - 0.3,
                  bold=True)
        page.text(figure.detail, top=3.9, size=18, height=0.9, left=left, width=width - 0.3)
        page.text(figure.certainty or "no uncertainty is known", top=4.9, size=16, height=0.9,
                  left=left, width=width - 0.3, color=_SOFT)


def _chart(page: _Slide, story: Story) -> None:
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches, Pt

    unit, divisor = byte_unit(max(row.size_bytes for row in story.rows))
    series = [(f"File size, {unit}", [row.size_bytes / divisor for row in story.rows])]
    times = [row.p50_ms for row in story.rows]
    if None not in times:
        series.append(("Median latency, ms", [float(t) for t in times if t is not None]))
    for index, (name, values) in enumerate(series):
        data = CategoryChartData()
        data.categories = [_CONTROL.sub("?", row.name) for row in story.rows]
        data.add_series(name, values)
        frame = page.slide.shapes.add_chart(
            XL_CHART_TYPE.BAR_CLUSTERED, Inches(0.7 + 6.0 * index), Inches(1.6), Inches(5.8),
            Inches(4.9), data,
        )
        chart = frame.chart
        chart.has_legend, chart.has_title = False, True
        chart.chart_title.text_frame.text = name
        plot = chart.plots[0]
        plot.has_data_labels = True
        plot.data_labels.font.size = Pt(16)
        plot.data_labels.number_format, plot.data_labels.number_format_is_linked = "0.###", False
        chart.category_axis.reverse_order = True
        chart.category_axis.tick_labels.font.size = Pt(16)
        chart.value_axis.visible = False
        chart.value_axis.minimum_scale = 0
        _color_points(plot, story)


def _color_points(plot: Any, story: Story) -> None:  # noqa: ANN401
    from pptx.dml.color import RGBColor

    for index, row in enumerate(story.rows):
        fill = plot.series[0].points[index].format.fill
        fill.solid()
        fill.fore_color.rgb = RGBColor.from_string(row.color.lstrip("#").upper())


def _list(page: _Slide, lines: list[str]) -> None:
    size = 24 if len(lines) <= 3 else 17  # noqa: PLR2004 - what fits
    step = 5.0 / max(1, len(lines))
    for index, line in enumerate(lines):
        page.text(line, top=1.6 + index * step, size=size, height=step)
