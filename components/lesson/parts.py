"""What every step of the lesson has: a question before, an answer after, a digit to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from components.charts import show_figure
from components.figures.lesson import build_grid_figure, build_scores_figure
from components.format import format_db, format_percent
from components.formula_names import render_names
from components.formulas.lesson import outcome_formulas
from components.plain_text import escape_markdown
from components.session import widget_key
from converter.lesson.model import EVALUATION, load_digits
from converter.lesson.outcome import Outcome

PAGE = "learn"
DIGIT_SIZE = 120
_MOST_ROWS = 4


def ask(
    step: int, question: str, choices: Sequence[str], right: str, why: str, name: str = ""
) -> bool:
    """Ask for a prediction; show the answer, and let the step go on, only afterwards.

    Args:
        step: Its number.
        question: As Markdown.
        choices: As plain text.
        right: The choice that is right.
        why: The reason, as Markdown.
        name: What keeps the answers to questions of one step apart.

    Returns:
        Whether an answer was chosen.
    """
    with st.container(border=True, gap="xsmall"):
        st.subheader("Predict first", anchor=False)
        chosen = st.radio(question, choices, index=None, format_func=escape_markdown,
                          horizontal=len(choices) > _MOST_ROWS,
                          key=widget_key(PAGE, f"answer.{step}{name}"))
        if chosen is None:
            st.caption("Choose one: the answer and the figure appear then. Nothing is graded.")
            return False
        word = ":green[**Yes.**]" if chosen == right else ":orange[**Not quite.**]"
        st.markdown(f"{word} {why}")
    return True


def pick_digit(step: int) -> int:
    """Ask which held-back digit's prediction is shown, and show its picture."""
    images, digits = load_digits()
    with st.container(horizontal=True, vertical_alignment="center"):
        number = st.slider("Sample to watch", 0, 39, 3, key=widget_key(PAGE, f"digit.{step}"),
                           width=280)
        picture = np.kron(1 - images[number, :, :, 0], np.ones((15, 15)))
        st.image((picture * 255).astype(np.uint8), width=DIGIT_SIZE,
                 caption=f"a {digits[number]}", alt=f"Held-back digit {number}, a {digits[number]}")
    return int(number)


def show_outcome(outcome: Outcome, digit: int, tensor: str, channel: int = 0) -> None:
    """Show the grid of a channel, the error and the prediction that move together."""
    _, digits = load_digits()
    before, after = outcome.accuracy
    scale = float(np.ravel(outcome.grid.scales)[channel])
    zero = int(np.ravel(outcome.grid.zero_points)[channel])
    several = outcome.grid.scales.size > 1
    with st.container(horizontal=True):
        whose = f" of channel {channel + 1}" if several else ""
        st.metric(f"Scale{whose}", f"{scale:.4g}", width="content")
        st.metric("Zero point", str(zero), width="content")
        st.metric("Numbers in the grid", f"{outcome.grid.high - outcome.grid.low + 1:,}",
                  width="content")
        st.metric("Tensor's SQNR", format_db(outcome.sqnr_db), width="content",
                  help="10 · log₁₀(Σx² / Σ(q − x)²): 6 dB halve the error.")  # noqa: RUF001
        st.metric("Clipped", format_percent(outcome.clipped), width="content")
        st.metric("Digits right", format_percent(after), f"before {format_percent(before)}",
                  delta_color="off", delta_arrow="off", width="content",
                  help=f"Of {EVALUATION} held-back digits, by the whole model.")
    render_names(outcome_formulas(outcome))
    with st.grid(2, min_column_width=380, gap="small") as grid:
        with grid.cell():
            show_figure(tensor, "Grey: before; orange: after. Violet: the grid, dashed "
                        "its ends.", build_grid_figure(outcome, channel), PAGE)
        with grid.cell():
            show_figure("The prediction", "Grey: before; orange: after.",
                        build_scores_figure(outcome, int(digits[digit])), PAGE)
