"""What surrounds every page: page config, navigation, the run's address, the job panel, the safety.

Streamlit finds `pages/` by itself, so the first deep link after a server start runs a page file
without `app.py`. A page therefore begins with `ensure_frame()`, which draws the frame where
`run_app()` has not done so on this thread.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import streamlit as st

from components.chart_style import CHART_STYLE
from components.choice_address import sync_choice_with_address
from components.control_style import CONTROL_STYLE
from components.job_panel import render_job_panel
from components.routes import (
    BUDGET_PAGE,
    COMPARE_PAGE,
    CONVERT_PAGE,
    EXECUTION_PAGE,
    EXPLORE_PAGE,
    FILE_FORMAT_PAGE,
    FLAGS_PAGE,
    HISTORY_PAGE,
    LAYERS_PAGE,
    LEARN_PAGE,
    MODEL_PAGE,
    MODEL_SIZE_PAGE,
    OPERATORS_PAGE,
    SAMPLES_PAGE,
    SIDE_BY_SIDE_PAGE,
    STORY_PAGE,
)
from components.safety import render_safety
from components.session import Session
from converter.errors import LiteDriftError
from converter.welcome import ensure_welcome_run

ROOT = Path(__file__).resolve().parent.parent
_BRAND = Path(__file__).resolve().parent / "brand"
_SIDEBAR_WIDTH = 236
"""Pixels: leaves two charts side by side on a screen of 1280."""
_drawn = threading.local()


def run_app() -> None:
    """Draw the frame and run the page that the address names."""
    page = _draw_frame()
    _drawn.here = True
    try:
        page.run()
    finally:
        _drawn.here = False


def ensure_frame() -> None:
    """Draw the frame where a page runs without it; the first line of every page."""
    if getattr(_drawn, "here", False):
        return
    _draw_frame()
    # Navigation is known to the browser from now on: one more run goes through app.py.
    if st.context.url is not None and Session().once("frame"):
        st.rerun()


def _draw_frame() -> Any:  # noqa: ANN401 - streamlit's page object
    st.set_page_config(
        page_title="LiteDrift", page_icon=str(_BRAND / "icon.png"), layout="wide",
        initial_sidebar_state=_SIDEBAR_WIDTH,
    )
    st.html(CHART_STYLE)
    st.html(CONTROL_STYLE)
    # For a screen that many look at: `?embed=true` shows a page alone.
    alone = bool(st.context.is_embedded)
    # One list: with headings between its entries the browser's list is none for screen readers.
    page = st.navigation(_pages(), position="hidden" if alone else "sidebar",
                         expanded=True)
    session = Session()
    session.sync_with_address()
    sync_choice_with_address(session)
    _start_welcome_run(session)
    if not alone:
        st.logo(str(_BRAND / "logo.png"), size="large", icon_image=str(_BRAND / "icon.svg"))
        render_job_panel(page.title)
        render_safety()
    return page


def _pages() -> list[Any]:
    """Return the pages in the order in which the sidebar lists them."""
    return [
        _page(MODEL_PAGE, "Model", "deployed_code", "start",
              "Bring a TensorFlow model and the data to judge it by.", default=True),
        _page(CONVERT_PAGE, "Convert", "tune", "convert",
              "Choose optimization flags and start the run."),
        _page(COMPARE_PAGE, "Compare", "compare_arrows", "compare",
              "See gains and costs against the original."),
        # The default page lives at the root; its own name leads there as well.
        st.Page(_open_model_page, title="Model", url_path="model", visibility="hidden"),
        _page(SAMPLES_PAGE, "Samples", "grid_view", "samples",
              "See accuracy, flips and worst samples."),
        _page(LAYERS_PAGE, "Layers", "layers", "layers",
              "See where error and time come from."),
        _page(EXPLORE_PAGE, "Explore", "instant_mix", "explore",
              "Choose a precision for each layer and see at once what it does."),
        _page(BUDGET_PAGE, "Budget", "balance", "budget",
              "Say what must hold; find a precision for each layer."),
        _page(SIDE_BY_SIDE_PAGE, "Side by side", "view_column_2", "side_by_side",
              "Hold runs and variants against each other."),
        _page(FLAGS_PAGE, "Flags", "flag", "flags",
              "See what each flag does, alone and with another."),
        _page(FILE_FORMAT_PAGE, "File format", "schema", "file_format",
              "See what both files hold, and what became of each part."),
        _page(MODEL_SIZE_PAGE, "Model size", "data_usage", "model_size",
              "See where the bytes went."),
        _page(EXECUTION_PAGE, "Execution", "memory", "execution",
              "See which kernels run, what memory and what start it takes."),
        _page(OPERATORS_PAGE, "Operations", "checklist", "operators",
              "See which operations work on which target."),
        _page(LEARN_PAGE, "Learn", "school", "learn",
              "See on a real model what quantization does."),
        # Not "story": Streamlit would take "/history" for it, which ends so, in links of its own.
        _page(STORY_PAGE, "Story", "co_present", "story_mode",
              "Tell the result to people who decide."),
        _page(HISTORY_PAGE, "History", "history", "history",
              "Find earlier runs, name, keep and delete them."),
    ]


def _page(
    path: str, title: str, icon: str, address: str, text: str, *, default: bool = False
) -> Any:  # noqa: ANN401 - streamlit's page object
    return st.Page(ROOT / path, title=title, icon=f":material/{icon}:", url_path=address,
                   default=default, help=text)


def _open_model_page() -> None:
    st.switch_page(MODEL_PAGE, query_params=st.query_params.to_dict())


def _start_welcome_run(session: Session) -> None:
    if not session.once("welcome"):
        return
    try:
        session.welcome_run_id = ensure_welcome_run()
    except LiteDriftError:
        # A page that needs the data folder reports the same error, in its own place.
        session.welcome_run_id = None
