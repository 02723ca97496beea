"""The sandbox and the limits in words."""

import re

import pytest

from components.format import MISSING
from components.safety_words import (
    LAYER_WORDS,
    LIMIT_WORDS,
    SETTING_PREFIX,
    layer_rows,
    limit_rows,
    sandbox_sentence,
    warning_text,
)
from converter.limits import Limits, setting_name
from converter.sandbox_report import LAYERS, ON, SandboxReport

FULL = SandboxReport(dict.fromkeys(LAYERS, ON))
WEAK = SandboxReport({**FULL.layers, "landlock": "no Landlock in this kernel (ENOSYS)"})


def test_every_layer_and_every_limit_has_words():
    assert set(LAYER_WORDS) == set(LAYERS)
    assert set(LIMIT_WORDS) == set(vars(Limits()))


def test_limits_have_units_and_the_name_of_their_setting():
    rows = {row["Setting"]: row["Limit"] for row in limit_rows(Limits())}
    assert rows["UPLOAD_BYTES"] == "500 MB"
    assert rows["UNPACKED_BYTES"] == "2.00 GB"
    assert rows["CSV_COLUMNS"] == "10,000"
    assert rows["CONVERT_SECONDS"] == "300 s"
    assert rows["FREE_DISK_BYTES"] == "at least 250 MB"
    assert {SETTING_PREFIX + name for name in rows} == set(map(setting_name, vars(Limits())))


def test_a_limit_that_is_changed_shows_its_own_value():
    (row,) = [
        row
        for row in limit_rows(Limits(convert_seconds=0.5))
        if row["Setting"] == "CONVERT_SECONDS"
    ]
    assert row["Limit"] == "0.5 s"


def test_strong_walls_need_no_warning():
    assert warning_text(FULL, trusts_uploads=False) is None
    assert warning_text(FULL, trusts_uploads=True) is None
    apart = SandboxReport({**FULL.layers, "namespaces": "no", "landlock_network": "no"})
    assert apart.level == "partial"
    assert warning_text(apart, trusts_uploads=False) is None


def test_weak_walls_say_what_that_means_and_what_follows():
    text = warning_text(WEAK, trusts_uploads=False)
    assert text.startswith("Weak sandbox: without landlock, a hostile model could")
    assert text.endswith("Uploads that would run code are refused.")
    assert "run all the same" in warning_text(WEAK, trusts_uploads=True)


def test_layers_are_on_or_say_why_not():
    rows = list(layer_rows(WEAK).values())
    assert rows.count(ON) == len(LAYERS) - 1
    assert "no Landlock in this kernel (ENOSYS)" in rows


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        (None, MISSING),
        ({}, MISSING),
        (FULL.to_json(), "^full: every wall stood"),
        (WEAK.to_json(), "^partial: without landlock$"),
        # As recorded by earlier versions.
        ({"level": "full", "layers": dict.fromkeys(LAYERS[1:], ON)}, "^full: every wall stood"),
        ({"layers": {"seccomp": "off"}}, "^none: without seccomp$"),
    ],
)
def test_a_run_says_which_walls_stood(recorded, words):
    assert re.search(words, sandbox_sentence(recorded))
