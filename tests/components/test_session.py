"""Session state: one owner, typed, and an address that agrees with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from components.session import DATA_SOURCE_KEY, ChosenModel, widget_key
from converter.request import DataOptions
from converter.uploads import StoredFile

FILE = StoredFile(Path("/data.npz"), "data.npz", "cd" * 32, 10)


def run(script, **query):
    app = AppTest.from_string("from components.session import *\nsession = Session()\n" + script)
    for name, value in query.items():
        app.query_params[name] = value
    app.session_state["probe"] = None
    app.run()
    assert not app.exception
    return app


def test_keys_are_prefixed():
    assert widget_key("convert", "seed") == "litedrift.convert.seed"


def test_a_new_session_has_nothing_in_hand():
    app = run("st.session_state.probe = (session.model, session.data, session.run_id,"
              " session.custom_recipes, session.own_runs)")
    assert app.session_state["probe"] == (None, None, None, [], [])


@pytest.mark.parametrize(
    ("sample_data", "uploaded", "source"),
    [(FILE, None, "sample"), (None, None, "random"), (None, FILE, "file")],
)
def test_a_model_brings_its_own_data_where_it_has_some(sample_data, uploaded, source):
    app = AppTest.from_string(
        "from components.session import *\n"
        "s = Session()\n"
        "if 'go' in st.session_state:\n"
        "    s.choose_model(st.session_state.go)\n"
        "    st.session_state.probe = s.data\n"
    )
    app.session_state["go"] = ChosenModel(
        path=Path("/m"), name="m", sha256="x", sample_data=sample_data
    )
    if uploaded:
        app.session_state["litedrift.uploaded_data"] = uploaded
    app.run()
    assert not app.exception
    assert app.session_state[DATA_SOURCE_KEY] == source
    data = app.session_state["probe"]
    assert data.source == source
    assert data.file == (sample_data or uploaded)


def test_another_data_file_forgets_the_options_of_the_last():
    app = AppTest.from_string(
        "from components.session import *\n"
        "Session().choose_data_file(st.session_state.go)\n"
        "st.session_state.probe = Session().data_options\n"
    )
    app.session_state["go"] = FILE
    app.session_state["litedrift.data_options"] = DataOptions(label_column="kind")
    app.run()
    assert not app.exception
    assert app.session_state["probe"] == DataOptions()


def test_a_link_wins_over_the_session():
    app = run("st.session_state['litedrift.run_id'] = 'old'\nsession.sync_with_address()\n"
              "st.session_state.probe = (session.run_id, session.own_runs)", run="linked")
    assert app.session_state["probe"] == ("linked", ["linked"])


def test_an_address_without_a_run_gets_the_session_s():
    app = run("session.open_run('mine')\nst.query_params.clear()\nsession.sync_with_address()")
    assert app.query_params["run"] == "mine"


def test_opened_runs_are_kept_newest_first_and_once():
    app = run("for name in 'aba': session.open_run(name)\n"
              "st.session_state.probe = session.own_runs")
    assert app.session_state["probe"] == ["a", "b"]


def test_each_upload_and_each_event_counts_once():
    app = run("st.session_state.probe = [session.is_new_upload('m', '1'),"
              " session.is_new_upload('m', '1'), session.is_new_upload('d', '1'),"
              " session.is_new_upload('m', '2'), session.once('x'), session.once('x')]")
    assert app.session_state["probe"] == [True, False, True, True, True, False]


def test_given_files_are_kept_once_each_and_removed_by_their_hash():
    app = run(
        "from pathlib import Path\n"
        "from converter.uploads import StoredFile\n"
        "one = StoredFile(Path('/a'), 'one.tflite', 'aa', 1)\n"
        "two = StoredFile(Path('/b'), 'two.tflite', 'bb', 1)\n"
        "added = [session.add_given_file(file) for file in (one, two, one)]\n"
        "session.remove_given_file('aa')\n"
        "st.session_state.probe = (added, [file.name for file in session.given_files])"
    )
    assert app.session_state["probe"] == ([True, True, False], ["two.tflite"])
