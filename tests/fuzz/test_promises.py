"""The checker of the promises can fail: each broken promise is made to happen and is found."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from converter.errors import ModelFileError
from converter.progress import Progress
from tests.fuzz.attack import Case, run_limit
from tests.fuzz.promises import (
    Outcome,
    Surroundings,
    ask,
    end_of,
    lateness,
    sentence_faults,
    text_faults,
)
from tests.fuzz.report import Report

SENTENCE = "a.keras: expected a model, found none; give another."


@pytest.fixture
def watched(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "letter").write_text("as it was")
    return folder


def broken_by(watched, act):
    broken: list[str] = []
    with Surroundings([watched], [watched.parent]).must_not_change(broken):
        act()
    return broken


def asked(question, limit_seconds=10):
    return ask(question, "a.keras", limit_seconds=limit_seconds)


def refuse(message):
    raise ModelFileError(message)


class TestTheAskingProcess:
    def test_an_answer_breaks_nothing(self):
        outcome = asked(lambda: {"format": "keras"})
        assert (outcome.status, outcome.result, outcome.broken) == ("done", {"format": "keras"}, [])

    @pytest.mark.parametrize("error", [ValueError("x"), MemoryError(), RecursionError("deep")])
    def test_any_exception_of_another_kind_does(self, error):
        def fail():
            raise error

        (fault,) = asked(fail).broken
        assert fault.startswith(f"(a) the asking process got {type(error).__name__}")

    def test_growth_does(self, watched):
        hoard = []
        (fault,) = broken_by(watched, lambda: hoard.append(b"x" * (300 << 20)))
        assert fault.startswith("(a) the asking process grew by ")

    def test_a_text_that_no_page_can_show_does(self):
        (fault,) = text_faults({"inputs": [{"name": "a\ud800"}], "notes": ["fine"]})
        assert fault.startswith("(a) no page can show")
        assert text_faults({"sha256": "ab" * 32, "notes": ["é\n\u202e"]}, ("abab",)) == []
        assert text_faults({"notes": ["at /home/x"]}, ("/home/x",)) != []


class TestTheLimit:
    def test_what_takes_longer_is_found(self):
        assert lateness(15.0, 10) == []
        assert lateness(15.1, 10) == ["(b) it took 15.1 s, its limit is 10 s"]

    def test_a_question_is_timed(self):
        outcome = asked(lambda: time.sleep(0.2), limit_seconds=-5)
        assert outcome.seconds >= 0.2
        assert outcome.broken[0].startswith("(b) it took ")

    def test_a_runs_limit_is_that_of_the_stages_it_went_through(self, monkeypatch):
        from converter.limits import current_limits

        monkeypatch.setenv("LITEDRIFT_LOAD_SECONDS", "7")
        monkeypatch.setenv("LITEDRIFT_READ_SECONDS", "2")
        progress = Progress(stage="freeze", log=[{"stage": "load", "seconds": 1.0}])
        assert run_limit(progress, current_limits()) == 3 * 2 + 2 * 7 + 7


class TestTheMessage:
    def test_one_sentence_that_names_the_file_is_right(self):
        assert sentence_faults(SENTENCE, "a.keras") == []
        assert asked(lambda: refuse(SENTENCE)).broken == []

    @pytest.mark.parametrize(
        ("message", "fault"),
        [
            ("", "the message is empty"),
            (SENTENCE.replace("a.", "b."), "does not name the file"),
            (SENTENCE.replace("found", "\n"), "more than one line"),
            (SENTENCE.replace("found", "\x1b[31m"), "control characters"),
            (SENTENCE[:-1], "does not end like a sentence"),
            (SENTENCE + ' File "x.py", line 3.', "a part of a traceback"),
            (SENTENCE * 30, "characters"),
            (SENTENCE + " See /home/of/the/server/x.", "it shows the path"),
        ],
    )
    def test_any_other_is_found(self, message, fault):
        faults = sentence_faults(message, "a.keras", hidden=("/home/of/the/server",))
        assert any(fault in each for each in faults)

    def test_a_long_or_odd_name_may_be_cut(self):
        assert sentence_faults("x" * 80 + ": no.", "x" * 300) == []
        assert sentence_faults("two lines: no.", "two\nlines") == []

    @pytest.mark.parametrize(
        ("message", "status"),
        [
            (SENTENCE, "refused"),
            ("the converter crashed (SIGSEGV) while building int8.", "crashed"),
            ("it took more than 900 MiB of memory in the model and was stopped.", "crashed"),
            ("reading it took longer than 8 s and was stopped.", "timed out"),
        ],
    )
    def test_tells_how_it_ended(self, message, status):
        assert end_of(message) == status


class TestWhatLiesOutside:
    def test_nothing_changed_is_nothing_broken(self, watched):
        assert broken_by(watched, lambda: (watched / "letter").read_text()) == []

    @pytest.mark.parametrize(
        ("act", "fault"),
        [
            (lambda f: (f / "planted").write_text(""), "planted is new"),
            (lambda f: (f.parent / "beside").mkdir(), "beside is new"),
            (lambda f: (f / "letter").write_text("changed"), "letter has changed"),
            (lambda f: (f / "letter").chmod(0o777), "letter has changed"),
            (lambda f: (f / "letter").unlink(), "letter is gone"),
            (lambda f: (f / "link").symlink_to("/etc"), "link is new"),
        ],
        ids=["file", "beside", "content", "mode", "removed", "link"],
    )
    def test_any_change_is_found(self, watched, act, fault):
        (found,) = broken_by(watched, lambda: act(watched))
        assert found.startswith("(d) ")
        assert found.endswith(fault)


class TestProcesses:
    def test_one_that_is_left_is_found_and_ended(self, watched):
        started = []

        def act():
            code = "import time; time.sleep(60)"
            started.append(subprocess.Popen([sys.executable, "-c", code], start_new_session=True))

        (fault,) = broken_by(watched, act)
        assert fault.startswith("(e) the process ")
        assert "time.sleep(60)" in fault
        assert started[0].wait(10) != 0

    def test_one_of_its_children_is_found_too(self, watched):
        code = "import subprocess; subprocess.Popen(['sleep', '60'])"

        def act():
            subprocess.run([sys.executable, "-c", code], check=True)

        (fault,) = broken_by(watched, act)
        assert "sleep 60" in fault

    def test_those_that_end_and_those_of_others_are_not(self, watched):
        other = subprocess.Popen(["sleep", "60"])
        try:
            assert broken_by(watched, lambda: subprocess.run(["true"], check=True)) == []
            assert psutil.pid_exists(other.pid)
        finally:
            other.kill()
            other.wait()
        assert "LITEDRIFT_FUZZ_MARK" not in os.environ


class TestTheReport:
    def test_counts_and_keeps_what_broke_a_promise(self, tmp_path, capsys):
        file = tmp_path / "x.keras"
        file.write_text("bytes")
        case = Case(format=".keras", label="flip at 3", path=file, name="x.keras")
        report = Report(tmp_path / "kept", seed=4)
        report.add(case, Outcome("refused", "no."))
        report.add(case, Outcome("done"), Outcome("crashed", broken=["(d) it is new"]))
        assert report.table().splitlines()[-1] == (
            "inputs tried 2, crashes contained 1, promises broken 1"
        )
        place = tmp_path / "kept" / "seed-4" / "00002"
        assert (place / "input.keras").read_text() == "bytes"
        about = (place / "about.txt").read_text()
        assert "(d) it is new" in about
        assert f"python -m tests.fuzz --file {place / 'input.keras'}" in about
        assert str(place) in capsys.readouterr().out

    def test_an_attack_on_nothing_is_a_table_too(self, tmp_path):
        assert Report(tmp_path, 0).table().endswith("promises broken 0")
        assert list(Path(tmp_path).iterdir()) == []
