"""A visitor is the browser, through Streamlit's own cookie, and nobody else."""

from __future__ import annotations

import pytest
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME

from components.visitor import COOKIE, visitor_token


def cookie(token):
    return {COOKIE: generate_xsrf_token_string(token, 1_795_833_946)}


def test_the_installed_streamlit_still_sets_this_cookie():
    assert COOKIE == XSRF_COOKIE_NAME


def test_a_browser_is_the_same_visitor_however_its_cookie_is_masked():
    token = b"0123456789abcdef"
    first, second = cookie(token), cookie(token)
    assert first != second
    assert visitor_token(first) == visitor_token(second)
    assert visitor_token(first) != visitor_token(cookie(b"another browser!"))


def test_the_token_does_not_give_the_cookie_away():
    token = b"0123456789abcdef"
    assert token.hex() not in visitor_token(cookie(token))


@pytest.mark.parametrize("value", ["", "2|zz|00|1", "2||00|1", "1|00|00|1", "2|00|1", "x" * 9000])
def test_without_a_cookie_of_that_form_each_session_is_a_visitor_of_its_own(value):
    assert visitor_token({COOKIE: value}) != visitor_token({COOKIE: value})
    assert len(visitor_token({})) == 24
