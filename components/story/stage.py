"""A story on the page, in letters that are read from the back of a room."""

from __future__ import annotations

import html
from functools import partial

import streamlit as st

from components.format import format_bytes, format_ms
from components.session import widget_key
from components.story.deck import build_deck
from components.story.picture import draw_picture
from components.story.telling import Story

USERS_PARAMETER, INFERENCES_PARAMETER = "users", "inferences"
MOST_USERS = 10_000_000_000
_DEFAULT_USERS, _DEFAULT_INFERENCES = 1_000_000, 100
_STYLE = """<style>
.story p{margin:0}
.story-sentence{font-size:clamp(1.5rem,3.1vw,3rem);line-height:1.25;font-weight:650;
  text-wrap:pretty;overflow-wrap:anywhere}
.story-figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));
  gap:clamp(1rem,3vw,3rem);margin:clamp(1.2rem,3vw,2.6rem) 0}
.story-label{font-size:clamp(1rem,1.5vw,1.5rem);opacity:.75}
.story-value{font-size:clamp(2.4rem,5.2vw,5rem);font-weight:700;line-height:1.1}
.story-detail{font-size:clamp(.95rem,1.25vw,1.25rem)}
.story-certainty{font-size:clamp(.9rem,1.1vw,1.1rem);opacity:.75}
.story-bars{display:grid;grid-template-columns:max-content 1fr;gap:.5rem 1rem;align-items:center;
  font-size:clamp(1rem,1.4vw,1.4rem)}
.story-bars h3{grid-column:1/-1;font-size:1em;opacity:.75;margin:.6rem 0 0;padding:0}
.story-bar{display:flex;align-items:center;gap:.7rem;white-space:nowrap}
.story-bar i{display:block;height:1.5em;border-radius:4px;min-width:3px;flex:none}
.story li{font-size:clamp(1rem,1.35vw,1.35rem);line-height:1.5;margin:.35rem 0}
</style>"""


def ask_audience() -> tuple[int, int]:
    """Ask for how many people and how many inferences the story is told; kept in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        users = st.number_input(
            "People who get the model", 1, MOST_USERS,
            value=_from_address(USERS_PARAMETER, _DEFAULT_USERS), step=100_000, width=240,
            key=widget_key("story", "users"),
        )
        inferences = st.number_input(
            "Inferences of each", 1, MOST_USERS,
            value=_from_address(INFERENCES_PARAMETER, _DEFAULT_INFERENCES), step=10, width=200,
            key=widget_key("story", "inferences"),
        )
    st.query_params[USERS_PARAMETER] = str(users)
    st.query_params[INFERENCES_PARAMETER] = str(inferences)
    return int(users), int(inferences)


def _from_address(name: str, otherwise: int) -> int:
    text = st.query_params.get(name, "")
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else otherwise  # noqa: PLR2004
    return max(1, min(MOST_USERS, value))


def render_stage(story: Story) -> None:
    """Show the story's sentence, figures and picture."""
    figures = "".join(
        f"<div><p class='story-label'>{_text(figure.label)}</p>"
        f"<p class='story-value'>{_text(figure.value)}</p>"
        f"<p class='story-detail'>{_text(figure.detail)}</p>"
        f"<p class='story-certainty'>{_text(figure.certainty or 'no uncertainty is known')}</p>"
        "</div>"
        for figure in story.figures
    )
    st.html(f"{_STYLE}<div class='story'><p class='story-sentence'>{_text(story.sentence)}</p>"
            f"<div class='story-figures'>{figures}</div>{_picture(story)}</div>")


def _picture(story: Story) -> str:
    parts = [_bars("File size", [(r.name, r.color, float(r.size_bytes), format_bytes(r.size_bytes))
                                 for r in story.rows])]
    if all(row.p50_ms is not None for row in story.rows):
        parts.append(_bars("Median latency", [(r.name, r.color, r.p50_ms or 0.0,
                                               format_ms(r.p50_ms)) for r in story.rows]))
    told = "; ".join(f"{row.name} {format_bytes(row.size_bytes)}, {format_ms(row.p50_ms)}"
                     for row in story.rows)
    return (f"<div class='story-bars' role='img' aria-label='{_text(told)}'>"
            + "".join(parts) + "</div>")


def _bars(title: str, rows: list[tuple[str, str, float, str]]) -> str:
    most = max(value for *_, value, _ in rows) or 1.0
    lines = "".join(
        f"<span>{_text(name)}</span><span class='story-bar'>"
        f"<i style='width:{value / most * 68:.2f}%;background:{color}'></i>{_text(figure)}</span>"
        for name, color, value, figure in rows
    )
    return f"<h3>{_text(title)}</h3>{lines}"


def render_meaning(story: Story) -> None:
    """Show what it means, with its arithmetic, and what was not measured."""
    for title, lines in (("What it means", story.meaning),
                         ("What was not measured", story.not_measured)):
        if lines:
            items = "".join(f"<li>{_text(line)}</li>" for line in lines)
            st.header(title, anchor=False)
            st.html(f"<div class='story'><ul>{items}</ul></div>")
    st.html(f"<div class='story'><p class='story-certainty'>{_text(story.conditions)}</p></div>")


def render_downloads(story: Story) -> None:
    """Offer the story as slides and as a picture."""
    with st.container(horizontal=True):
        st.download_button(
            "Slides (PPTX)", data=partial(build_deck, story), file_name="story.pptx",
            mime="application/vnd.openxmlformats-officedocument.presentationml.presentation",
            icon=":material/slideshow:", on_click="ignore", key=widget_key("story", "deck"),
        )
        st.download_button(
            "Picture (PNG)", data=partial(draw_picture, story), file_name="story.png",
            mime="image/png", icon=":material/image:", on_click="ignore",
            key=widget_key("story", "picture"),
        )


def _text(words: str) -> str:
    return html.escape(words, quote=True)
