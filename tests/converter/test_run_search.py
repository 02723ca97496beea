"""Finding runs: by words anywhere, by state, by tag, in the order asked."""

from __future__ import annotations

import pytest

from converter.history import RunRecord
from converter.run_search import LARGEST, NAME, OLDEST, RunSearch, find_runs, known_tags


def record(run_id, **fields):
    values = {
        "name": f"run {run_id}", "model_name": "net.keras", "model_sha256": "", "data_name": None,
        "request": {}, "status": "done", **fields,
    }  # fmt: skip
    return RunRecord(run_id=run_id, **values)


RUNS = [
    record("a1", created=3.0, size_bytes=5, name="Zebra", tags=("Before", "q8")),
    record("b2", created=2.0, size_bytes=9, name="apple", data_name="digits.NPZ", note="see (x.y)"),
    record("c3", created=1.0, size_bytes=7, status="failed", model_name="VOICE.h5", tags=("q8",)),
]


def ids(search):
    return [run.run_id for run in find_runs(RUNS, search)]


@pytest.mark.parametrize(
    ("words", "found"),
    [("", ["a1", "b2", "c3"]), ("zebra", ["a1"]), ("voice", ["c3"]), ("digits npz", ["b2"]),
     ("random", ["a1", "c3"]), ("Q8", ["a1", "c3"]), ("q8 voice", ["c3"]), ("(x.y)", ["b2"]),
     ("b2", ["b2"]), (".*", []), ("  ", ["a1", "b2", "c3"]), ("\x00", [])],
)  # fmt: skip
def test_every_word_stands_somewhere_in_any_case(words, found):
    assert ids(RunSearch(words=words)) == found


def test_words_do_not_run_across_fields():
    assert ids(RunSearch(words="zebranet")) == []


def test_states_are_alternatives_and_tags_add_up():
    assert ids(RunSearch(statuses=("failed", "cancelled"))) == ["c3"]
    assert ids(RunSearch(statuses=("failed", "done"))) == ["a1", "b2", "c3"]
    assert ids(RunSearch(tags=("q8",))) == ["a1", "c3"]
    assert ids(RunSearch(tags=("q8", "Before"))) == ["a1"]
    assert ids(RunSearch(words="net", statuses=("failed",))) == []


@pytest.mark.parametrize(
    ("order", "found"),
    [("newest", ["a1", "b2", "c3"]), (OLDEST, ["c3", "b2", "a1"]), (NAME, ["b2", "c3", "a1"]),
     (LARGEST, ["b2", "c3", "a1"])],
)  # fmt: skip
def test_orders(order, found):
    assert ids(RunSearch(order=order)) == found


def test_tags_are_listed_once():
    assert known_tags(RUNS) == ["Before", "q8"]
    assert known_tags([]) == []


def test_only_what_leaves_something_out_is_narrow():
    assert not RunSearch(words=" ", order=NAME).is_narrow
    assert RunSearch(tags=("q8",)).is_narrow
