"""What the walls promise: which layers each promise rests on, and what is enough for strangers."""

import pytest

from converter.sandbox_report import LAYERS, ON, PROMISES, SandboxReport

PROMISED = [promise.name for promise in PROMISES]


def report_without(*off):
    return SandboxReport({name: f"no {name} here" if name in off else ON for name in LAYERS})


@pytest.mark.parametrize(
    ("off", "level", "strangers"),
    [
        ((), "full", True),
        (("landlock_scopes",), "full", True),
        (("namespaces",), "full", True),
        (("landlock_network", "landlock_scopes"), "full", True),
        # Sockets are refused by seccomp alone: less than full, and still enough.
        (("namespaces", "landlock_network"), "partial", True),
        (("landlock",), "partial", False),
        (("seccomp",), "partial", False),
        (("rlimits",), "partial", False),
        (("memory_watchdog",), "partial", False),
        (("capabilities",), "partial", False),
        (("no_new_privs", "landlock", "seccomp"), "partial", False),
        (("namespaces", "landlock", "seccomp"), "none", False),
        (LAYERS, "none", False),
    ],
)
def test_level_and_whether_it_is_enough(off, level, strangers):
    report = report_without(*off)
    assert report.level == level
    assert report.is_enough_for_strangers == strangers
    said = report.to_json()
    assert (said["level"], said["strangers"]) == (level, strangers)
    assert (said["missing"] == []) == strangers


@pytest.mark.parametrize(
    ("off", "broken"),
    [
        (("landlock",), ["files"]),
        (("seccomp",), ["files"]),
        (("seccomp", "namespaces"), ["files", "network"]),
        (("seccomp", "landlock_scopes"), ["files", "processes"]),
        (("seccomp", "landlock", "landlock_scopes"), ["files", "programs", "processes"]),
        (("capabilities",), ["privileges"]),
        (("no_new_privs",), ["privileges"]),
        (("rlimits",), ["resources"]),
        (("memory_watchdog",), ["resources"]),
        (LAYERS, PROMISED),
    ],
)
def test_each_promise_rests_on_its_layers(off, broken):
    report = report_without(*off)
    assert [promise.name for promise in report.broken_promises] == broken
    assert report.to_json()["promises"] == {name: name not in broken for name in PROMISED}


def test_what_is_missing_says_what_that_means_and_why():
    (missing,) = report_without("landlock").to_json()["missing"]
    assert missing == {
        "promise": "files",
        "means": "A hostile model could read or change files of this server's user.",
        "because": {"landlock": "no landlock here"},
    }


def test_a_report_of_an_older_version_breaks_what_it_does_not_tell():
    report = SandboxReport.from_json({"layers": dict.fromkeys(LAYERS[1:], ON)})
    assert [promise.name for promise in report.broken_promises] == ["resources"]
    assert report.reasons(report.broken_promises[0]) == {"memory_watchdog": "not tried"}
