"""The sandbox's level on every page; where it is weak a warning, and no stranger's model is run."""

import io

import pytest

from components.session import ChosenModel
from converter import trust
from converter.run_store import list_runs
from converter.sandbox import WITHOUT_LAYERS
from converter.uploads import store_upload

PAGES = ("pages/model.py", "pages/convert.py", "pages/compare.py")
WARNING = "Weak sandbox: without landlock, a hostile model could read or change files"


def plain(text):
    return text.replace("\\", "").replace("\N{WORD JOINER}", "")


def warnings(at):
    return [plain(element.value) for element in at.warning]


def sidebar_text(at):
    return " ".join(
        plain(element.value)
        for kind in ("markdown", "caption", "table")
        for element in at.sidebar.get(kind)
        if isinstance(element.value, str)
    )


@pytest.fixture
def weak(monkeypatch):
    monkeypatch.setenv(WITHOUT_LAYERS, "landlock")
    monkeypatch.delenv(trust.TRUST_UPLOADS, raising=False)
    trust.machine_walls()


@pytest.fixture
def strong(monkeypatch):
    monkeypatch.delenv(WITHOUT_LAYERS, raising=False)
    if not trust.machine_walls().is_enough_for_strangers:
        pytest.skip("this machine's walls are weak themselves")


@pytest.mark.parametrize("page", PAGES)
def test_strong_walls_are_told_without_a_warning(strong, app, page):
    at = app.run()
    at.switch_page(page).run()
    assert not at.exception
    assert not any("sandbox" in text.lower() for text in warnings(at))
    text = sidebar_text(at)
    assert "A model reaches no network." in text
    assert "seccomp: no sockets" in text


@pytest.mark.parametrize("page", PAGES)
def test_weak_walls_are_a_warning_on_every_page(weak, app, page):
    at = app.run()
    at.switch_page(page).run()
    assert not at.exception
    assert [text for text in warnings(at) if text.startswith(WARNING)]
    text = sidebar_text(at)
    assert "switched off by LITEDRIFT_WITHOUT_LAYERS" in text
    assert "A hostile model could read or change files" in text


def test_a_strangers_model_is_read_but_not_started(weak, app):
    stored = store_upload(io.BytesIO(b"PK\x03\x04 not looked into"), "gift.keras")
    at = app.run()
    at.session_state["litedrift.model"] = ChosenModel(
        path=stored.path, name=stored.name, sha256=stored.sha256
    )
    at.session_state["litedrift.model.data_source"] = "random"
    at.switch_page("pages/convert.py").run()
    start = next(button for button in at.button if "Convert and compare" in button.label)
    start.click().run()
    assert not at.exception
    (error,) = [plain(element.value) for element in at.error]
    assert error.startswith("gift.keras: loading this model would run its code")
    assert "LITEDRIFT_TRUST_UPLOADS=1" in error
    assert list_runs() == []


def test_trusted_uploads_are_said_to_be_run(weak, app, monkeypatch):
    monkeypatch.setenv(trust.TRUST_UPLOADS, "1")
    at = app.run()
    assert [text for text in warnings(at) if "trusts uploads" in text]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (WITHOUT_LAYERS, "moat"),
        (trust.TRUST_UPLOADS, "perhaps"),
        ("LITEDRIFT_UPLOAD_BYTES", "-5"),
        ("LITEDRIFT_CONVERT_SECONDS", "nan"),
    ],
)
def test_a_setting_that_is_none_is_told_on_the_page(app, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    at = app.run()
    assert not at.exception
    assert any(plain(element.value).startswith(f"{name}: expected") for element in at.error)


def test_until_the_walls_are_known_nobody_waits(app, monkeypatch):
    monkeypatch.setattr("components.safety.walls_if_known", lambda: None)
    monkeypatch.setattr("components.safety.learn_walls", lambda: None)
    at = app.run()
    assert not at.exception
    assert "being tried" in sidebar_text(at)


def test_the_limits_are_stated_as_they_are_set(app, monkeypatch):
    from streamlit import config

    before = config.get_option("server.maxUploadSize")
    monkeypatch.setenv("LITEDRIFT_UPLOAD_BYTES", "7000000")
    trust.machine_walls()
    try:
        at = app.run()
        table = next(element.value for element in at.sidebar.table)
        rows = dict(zip(table["Setting"], table["Limit"], strict=True))
        assert rows["`UPLOAD_BYTES`"] == "7.00 MB"
        assert config.get_option("server.maxUploadSize") == 7
    finally:
        config.set_option("server.maxUploadSize", before)
