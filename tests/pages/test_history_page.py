"""The History page: find, open, name, keep, delete and have back runs, and the space they take."""

from __future__ import annotations

import pytest
import streamlit as st

from components.session import RUN_PARAMETER, widget_key
from converter.comparison import SAMPLES_FILE
from converter.errors import StoreError
from converter.installation import artifact_store, history
from converter.progress import Progress
from converter.run_store import load_record
from tests.pages.synthetic import make_comparison, write_run

HOSTILE = "<b>evil</b> *net* :tada: [x](http://e.com)\u202e.keras"


def open_history(app, **query):
    app.run()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page("pages/history.py").run()


def key(name):
    return widget_key("history", name)


def listed(app):
    tables = [frame.value for frame in app.dataframe if "status" in frame.value]
    return list(tables[0]["name"]) if tables else []


def texts(app):
    kinds = ("markdown", "caption", "info", "warning", "error", "header")
    return "\n".join(e.value.replace("\\", "") for kind in kinds for e in app.get(kind))


@pytest.fixture
def three_runs(home):
    write_run(home, "aa1", *make_comparison(), created=1000.0, tags=("before",), note="first try")
    write_run(home, "bb2", *make_comparison("voice.keras"), created=2000.0, pinned=True)
    write_run(home, "cc3", created=3000.0, model_name="broken.h5", progress=Progress(
        status="failed", error="broken.h5: expected a model, found none."))


def test_without_runs_it_says_what_to_do(app):
    open_history(app)
    assert not app.exception
    assert app.header[0].value == "No runs yet"
    assert [link.label for link in app.page_link] == ["Pick a model"]


@pytest.mark.usefixtures("three_runs")
class TestFinding:
    def test_all_runs_are_listed_newest_first(self, app):
        open_history(app)
        assert not app.exception
        assert listed(app) == ["broken.h5", "voice.keras", "digits_cnn.keras"]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({"find": "voice"}, ["voice.keras"]),
            ({"find": "FIRST try"}, ["digits_cnn.keras"]),
            ({"status": "failed"}, ["broken.h5"]),
            ({"status": ["failed", "done"], "sort": "oldest"},
             ["digits_cnn.keras", "voice.keras", "broken.h5"]),
            ({"tag": "before"}, ["digits_cnn.keras"]),
            ({"tag": "no such tag", "status": "no such state", "sort": "sideways"},
             ["broken.h5", "voice.keras", "digits_cnn.keras"]),
        ],
    )
    def test_a_link_restores_the_search(self, app, query, names):
        open_history(app, **query)
        assert not app.exception
        assert listed(app) == names

    def test_the_search_is_written_into_the_address_and_taken_from_it_again(self, app):
        open_history(app)
        app.text_input(key=key("find")).set_value("net").run()
        app.multiselect(key=key("status")).set_value(["failed"]).run()
        app.selectbox(key=key("sort")).set_value("name").run()
        assert app.query_params["find"] == "net"
        assert app.query_params["status"] == "failed"
        assert app.query_params["sort"] == "name"
        app.text_input(key=key("find")).set_value("").run()
        app.selectbox(key=key("sort")).set_value("newest").run()
        assert "find" not in app.query_params
        assert "sort" not in app.query_params

    def test_nothing_found_leads_back_to_all(self, app):
        open_history(app, find="nothing has this")
        assert listed(app) == []
        assert "No run matches" in app.info[0].value
        app.button(key=key("clear")).click().run()
        assert len(listed(app)) == 3
        assert "find" not in app.query_params


@pytest.mark.usefixtures("three_runs")
class TestOneRun:
    def test_a_link_shows_the_run(self, app):
        open_history(app, run="aa1")
        assert not app.exception
        assert app.header[0].value == "`digits_cnn.keras`"
        assert app.text_area(key=key("note.aa1")).value == "first try"
        assert app.multiselect(key=key("tags.aa1")).value == ["before"]

    def test_a_link_to_no_run_is_one_sentence_and_the_list_stays(self, app):
        open_history(app, run="nosuchrun")
        assert not app.exception
        assert "There is no run" in app.error[0].value
        assert len(listed(app)) == 3

    def test_name_tags_and_note_are_kept(self, app):
        open_history(app, run="aa1")
        app.text_input(key=key("name.aa1")).set_value("digits, epoch 3")
        app.text_area(key=key("note.aa1")).set_value("better\nnow")
        app.multiselect(key=key("tags.aa1")).set_value(["after", "before"])
        next(b for b in app.button if b.label == "Save").click().run()
        assert not app.exception
        record = load_record("aa1")
        assert (record.name, record.note) == ("digits, epoch 3", "better\nnow")
        assert set(record.tags) == {"before", "after"}
        assert "digits, epoch 3" in listed(app)

    def test_a_run_is_pinned_and_no_longer(self, app):
        open_history(app, run="aa1")
        app.button(key=key("pin.aa1")).click().run()
        assert load_record("aa1").pinned
        assert "2 pinned" in app.progress[0].proto.text
        app.button(key=key("pin.aa1")).click().run()
        assert not load_record("aa1").pinned

    def test_delete_offers_undo_until_it_is_used(self, app):
        open_history(app, run="aa1")
        app.button(key=key("delete.aa1")).click().run()
        assert not app.exception
        assert "digits_cnn.keras" not in listed(app)
        assert RUN_PARAMETER not in app.query_params
        app.switch_page("pages/model.py").run()
        app.switch_page("pages/history.py").run()
        app.button(key=key("undo.aa1")).click().run()
        assert load_record("aa1").deleted is None
        assert "digits_cnn.keras" in listed(app)
        assert app.query_params[RUN_PARAMETER] == "aa1"

    def test_a_dismissed_undo_leaves_the_list_of_the_deleted(self, app):
        open_history(app, run="aa1")
        app.button(key=key("delete.aa1")).click().run()
        app.button(key=key("dismiss.aa1")).click().run()
        assert not [b for b in app.button if b.key == key("undo.aa1")]
        assert [e.label for e in app.expander] == ["Recently deleted (1)"]
        app.button(key=key("restore.aa1")).click().run()
        assert load_record("aa1").deleted is None
        assert not app.expander

    def test_a_failed_run_tells_why_and_resumes(self, app, monkeypatch):
        asked = []
        monkeypatch.setattr("components.run_resume.resume_run",
                            lambda *args, **more: asked.append((args[0], more)))
        open_history(app, run="cc3")
        assert "expected a model" in app.error[0].value.replace("\\", "")
        assert "No variant was finished" in texts(app)
        app.button(key=key("resume.cc3")).click().run()
        assert asked == [("cc3", {"measure_anew": False})]

    def test_a_resume_that_is_refused_is_one_sentence(self, app):
        open_history(app, run="cc3")
        app.button(key=key("resume.cc3")).click().run()
        assert not app.exception
        assert any("the model file of this run is gone" in e.value for e in app.error)

    def test_finished_variants_are_counted(self, app, monkeypatch):
        monkeypatch.setattr("components.run_resume.finished_variants", lambda run_id: 3)
        open_history(app, run="cc3")
        assert "3 variants are finished and are used again" in texts(app)

    def test_latency_is_measured_again_where_there_is_a_result(self, app, monkeypatch):
        asked = []
        monkeypatch.setattr("components.run_resume.resume_run",
                            lambda *args, **more: asked.append((args[0], more)))
        open_history(app, run="aa1")
        app.button(key=key("measure.aa1")).click().run()
        assert asked == [("aa1", {"measure_anew": True})]
        assert not [b for b in app.button if b.key == key("measure.cc3")]

    def test_every_measurement_is_shown_with_its_conditions(self, app, home):
        comparison, _ = make_comparison()
        figures = {
            "original": {"latency": vars(comparison.reference.latency), "notes": []},
            "int8": {"latency": vars(comparison.variants[3].latency), "notes": []},
            "float32": {"latency": None, "notes": ["not run"]},
        }
        for runs in (50, 20):
            (home / SAMPLES_FILE).write_bytes(b"samples")
            history().add_measurement(
                "aa1", f"key{runs}",
                {"threads": 2, "cpu": "Some CPU", "machine": "bench", "protocol": {
                    "runs": runs, "seconds": 1.0 if runs == 50 else 0.0}},
                figures, artifact_store().stage(home / SAMPLES_FILE),
            )
        open_history(app, run="aa1")
        assert not app.exception
        table = next(f.value for f in app.dataframe if "Measured" in f.value)
        assert list(table["Timed runs"]) == ["exactly 20", "at least 50 and 1 s"]
        assert set(table["Fastest, p50"]) == {"int8, 82.0 µs"}
        assert set(table["Original, p50"]) == {"0.61 ms"}
        assert set(table["Machine"]) == {"bench"}


def test_names_from_outside_are_text(app, home):
    write_run(home, "dd4", model_name=HOSTILE, tags=("*bold* :tada:",), name=HOSTILE,
              progress=Progress(status="cancelled"))
    open_history(app, run="dd4")
    assert not app.exception
    kinds = ("markdown", "caption", "header", "error")
    shown = [element.value for kind in kinds for element in app.get(kind)]
    assert not [text for text in shown if "<b>evil" in text and "`" not in text]
    assert "\u202e" not in "".join(shown + listed(app))


class TestActive:
    def test_active_runs_show_progress_and_place(self, app, home, jobs_alive):
        write_run(home, "aa1", progress=Progress(
            status="running", stage="convert int8", done=5, total=20, seconds_left=9.0))
        write_run(home, "bb2", progress=Progress(status="queued"), model_name="next.keras")
        open_history(app)
        assert not app.exception
        running, waiting, _storage = (bar.proto.text for bar in app.progress)
        assert "Convert int8 · about 9 s left" in running.replace("\\", "")
        assert "Position 1 of 1, done in about" in waiting
        assert not [b for b in app.button if ".cancel." in b.key]  # others started them

    def test_who_started_a_run_may_cancel_it(self, app, home, jobs_alive, monkeypatch):
        cancelled = []
        monkeypatch.setattr("components.job_panel.cancel_run", cancelled.append)
        monkeypatch.setattr("components.session.visitor_token", lambda cookies: "me")
        write_run(home, "aa1", progress=Progress(status="running"), owner="me")
        write_run(home, "bb2", progress=Progress(status="running"), owner="you")
        open_history(app)
        (button,) = [b for b in app.button if ".cancel." in b.key]
        button.click().run()
        assert cancelled == ["aa1"]


class TestWhoseRuns:
    def test_a_team_sees_all_runs(self, app, home, monkeypatch):
        monkeypatch.delenv("LITEDRIFT_PRIVATE_HISTORY", raising=False)
        write_run(home, "aa1", *make_comparison(), owner="somebody")
        assert listed(open_history(app)) == ["digits_cnn.keras"]

    def test_a_private_history_lists_what_this_browser_started_or_opened(
        self, app, home, monkeypatch
    ):
        monkeypatch.setenv("LITEDRIFT_PRIVATE_HISTORY", "1")
        monkeypatch.setattr("components.session.visitor_token", lambda cookies: "me")
        write_run(home, "aa1", *make_comparison("mine.keras"), owner="me")
        write_run(home, "bb2", *make_comparison("theirs.keras"), owner="you")
        write_run(home, "cc3", *make_comparison("secret.keras"), owner="you")
        write_run(home, "dd4", model_name="gone.keras", owner="you", deleted=1.0)
        open_history(app, run="bb2")
        assert not app.exception
        assert set(listed(app)) == {"mine.keras", "theirs.keras"}
        assert not app.expander
        assert not [b for b in app.button if b.key == key("delete.bb2")]  # look, not change
        assert [b for b in app.button if b.key == key("open.bb2")]


class TestStorage:
    def test_it_says_what_would_go_and_what_went(self, app, home, monkeypatch):
        monkeypatch.setenv("LITEDRIFT_QUOTA_BYTES", "40000")
        write_run(home, "aa1", *make_comparison("old.keras"), created=1.0)
        comparison, samples = make_comparison("new.keras")
        write_run(home, "bb2", comparison, {k: v * 2 for k, v in samples.items()}, created=2.0)
        open_history(app)
        assert "of 40.0 kB kept · 2 runs, 0 pinned" in app.progress[0].proto.text
        assert "beginning with `old.keras`" in texts(app)
        app.button(key=key("clean_up")).click().run()
        assert not app.exception
        assert "removed for the quota: `old.keras`" in app.info[0].value
        assert listed(app) == ["new.keras"]
        assert "UTC the quota cost `old.keras`" in texts(app)
        monkeypatch.setenv("LITEDRIFT_PRIVATE_HISTORY", "1")  # names of others are not told
        open_history(app)
        assert "the quota cost" not in texts(app)

    def test_within_the_quota_nothing_goes(self, app, home):
        write_run(home, "aa1", *make_comparison())
        open_history(app)
        assert "No run would go" in texts(app)
        app.button(key=key("clean_up")).click().run()
        assert "no run had to go" in app.info[0].value
        assert len(listed(app)) == 1


def test_an_unreadable_history_is_one_sentence(app, monkeypatch):
    def broken(**_):
        raise StoreError("history.sqlite: the history of runs could not be read or written.")

    monkeypatch.setattr("components.whose_runs.list_runs", broken)
    st.cache_data.clear()
    open_history(app)
    assert not app.exception
    assert "could not be read" in app.error[0].value
