"""History: every run that was kept, found again, named, compared, deleted and had back."""

import streamlit as st

from components.active_runs import render_active_runs
from components.bundle_import import render_bundle_import
from components.deleted_runs import render_deleted_runs, render_undo
from components.frame import ensure_frame
from components.history_filters import ask_search, clear_search
from components.history_table import render_runs
from components.plain_text import show_error
from components.run_panel import render_run_panel
from components.run_states import render_no_history
from components.session import Session, widget_key
from components.storage_panel import render_storage
from components.whose_runs import visible_analyses, visible_runs
from converter.errors import LiteDriftError
from converter.run_search import find_runs, known_tags

ensure_frame()

session = Session()
st.title("History", anchor=False)
try:
    records = visible_runs(session)
    deleted = visible_runs(session, deleted=True)
    analyses = visible_analyses(session)
except LiteDriftError as error:
    show_error(error)
    st.stop()

render_undo(session)
if not records:
    render_no_history()
else:
    render_active_runs([*records, *analyses])
    search = ask_search(records)
    found = find_runs(records, search)
    if found:
        render_runs(session, found)
    else:
        st.info("No run matches this search.", icon=":material/search_off:")
        st.button("Show all runs", key=widget_key("history", "clear"), on_click=clear_search)
    render_run_panel(session, search, known_tags(records))
render_bundle_import(session)
render_deleted_runs(deleted)
render_storage()
