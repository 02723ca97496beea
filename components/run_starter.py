"""Starting a run: the button with the reason why it is closed, and what follows its end."""

from __future__ import annotations

import streamlit as st

from components.format import shorten
from components.plain_text import code_span, escape_markdown, show_error
from components.routes import COMPARE_PAGE
from components.run_settings import RunSettings, build_request
from components.session import RUN_PARAMETER, ChosenData, ChosenModel, Session, widget_key
from converter.errors import LiteDriftError
from converter.given_variant import GivenVariant
from converter.progress import Progress
from converter.recipe import AS_GIVEN, Recipe
from converter.run_store import follow_run, start_run


def render_start(
    session: Session, model: ChosenModel, data: ChosenData | None, recipes: list[Recipe],
    given: list[GivenVariant], settings: RunSettings,
) -> None:
    """Offer Start, and start the run."""
    reason = reason_not_to_start(data, len(recipes) + len(given))
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            start_label(recipes, given), type="primary",
            icon=":material/play_arrow:", disabled=reason is not None,
            key=widget_key("convert", "start"),
        )
        if reason:
            st.caption(escape_markdown(reason))
    if not pressed or data is None:
        return
    try:
        request = build_request(model, data, recipes, given, settings)
        run_id = start_run(request, session.visitor)
    except LiteDriftError as error:
        show_error(error)
        return
    session.open_run(run_id)
    session.expect(run_id)
    st.rerun()


def start_label(recipes: list[Recipe], given: list[GivenVariant]) -> str:
    """Return what Start will do."""
    if recipes == [AS_GIVEN]:
        return f"Compare it with {_count(len(given), 'file')}" if given else "Measure this file"
    verb = "Convert and compare" if recipes else "Compare"
    return f"{verb} {_count(len(recipes) + len(given), 'variant')}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def reason_not_to_start(data: ChosenData | None, variants: int) -> str | None:
    """Return why a run cannot be started now; None where it can."""
    if data is None:
        return "Data is missing: upload some on the Model page, or choose random samples there."
    if not variants:
        return "Switch on at least one recipe, or add a .tflite of your own."
    return None


def follow_expected_run(session: Session) -> Progress | None:
    """Return how far the run started here is; when it is done, go to its result.

    Returns:
        None where no run was started here, or its end was told before.
    """
    run_id = session.expected_run
    if run_id is None:
        return None
    try:
        progress = follow_run(run_id)
    except LiteDriftError as error:
        progress = Progress(status="failed", error=str(error))
    if not progress.is_active:
        session.expect(None)
    if progress.status == "done":
        st.switch_page(COMPARE_PAGE, query_params={RUN_PARAMETER: run_id})
    return progress


def render_ending(progress: Progress) -> None:
    """Say how a run ended that has no result."""
    if progress.status == "cancelled":
        st.info("The run was cancelled; what was finished is kept, and used again when the same "
                "is asked.", icon=":material/cancel:")
    else:
        show_error(progress.error or f"The run was {progress.status} before it had a result.")


def render_another(session: Session) -> None:
    """Offer the form for one more run while this one goes on: runs wait in a queue."""
    st.button("Choose flags for another run", icon=":material/add:", type="tertiary",
              key=widget_key("convert", "another"), on_click=session.expect, args=(None,),
              help="This run goes on; the sidebar and the History page show it.")


def render_target(model: ChosenModel, data: ChosenData | None) -> None:
    """Say in one line what is about to be converted, on which data."""
    if data is None:
        source = "no data yet"
    else:
        source = "random samples" if data.file is None else code_span(shorten(data.file.name, 40))
    st.markdown(f"{code_span(shorten(model.name, 48))} judged on {source}")
