"""Turns are fair between owners, and nobody waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from converter.queue_order import Waiting, fair_order


def order(*waiting, running=(), served=None):
    runs = [Waiting(f"{owner}{number}", owner, at) for owner, number, at in waiting]
    return fair_order(runs, running, served or {})


def test_nobody_waits():
    assert order() == []


def test_one_owner_s_runs_go_in_the_order_they_came():
    assert order(("a", 1, 3.0), ("a", 2, 1.0), ("a", 3, 2.0)) == ["a2", "a3", "a1"]


def test_who_submits_many_does_not_keep_others_waiting():
    many = [("a", number, float(number)) for number in range(5)]
    assert order(*many, ("b", 0, 9.0))[:2] == ["a0", "b0"]


def test_who_runs_already_comes_after_who_does_not():
    assert order(("a", 1, 1.0), ("b", 1, 2.0), running=["a"]) == ["b1", "a1"]


def test_who_was_served_longest_ago_comes_first():
    served = {"a": 20.0, "b": 10.0}
    assert order(("a", 1, 1.0), ("b", 1, 2.0), served=served) == ["b1", "a1"]


def test_turns_alternate():
    waiting = [(owner, number, number * 2.0 + (owner == "b")) for owner in "ab" for number in "012"
               for number in [int(number)]]  # fmt: skip
    assert order(*waiting) == ["a0", "b0", "a1", "b1", "a2", "b2"]


OWNERS = st.sampled_from("abcd")


@given(
    st.lists(st.tuples(OWNERS, st.floats(0, 100)), max_size=12),
    st.lists(OWNERS, max_size=4),
    st.dictionaries(OWNERS, st.floats(0, 100)),
)
def test_all_come_to_their_turn_and_each_owner_within_one_round(runs, running, served):
    waiting = [Waiting(str(number), owner, at) for number, (owner, at) in enumerate(runs)]
    found = fair_order(waiting, running, served)
    assert sorted(found) == sorted(run.run_id for run in waiting)
    owner_of = {run.run_id: run.owner for run in waiting}
    if not running:  # nobody is ahead: the first turns go to as many owners as wait
        owners = {run.owner for run in waiting}
        assert {owner_of[run_id] for run_id in found[: len(owners)]} == owners
