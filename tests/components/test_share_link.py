"""Links restore a view: they hold what it needs, whatever characters are in it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from components.share_link import view_link


def test_a_link_holds_the_parameters_and_no_other():
    link = view_link("http://host:8501/compare?run=old&x=1#top", {"run": "ab12", "variant": None})
    assert link == "http://host:8501/compare?run=ab12"


def test_several_values_and_odd_characters_come_back_as_they_were():
    asked = {"tag": ["a&b", "ü = 1"], "find": "net #2 100%"}
    link = view_link("http://host/history", asked)
    assert parse_qs(urlsplit(link).query) == {"tag": ["a&b", "ü = 1"], "find": ["net #2 100%"]}


def test_without_an_address_or_parameters_there_is_still_a_link():
    assert view_link(None, {"run": "a"}) == "?run=a"
    assert view_link("http://host/history", {"find": ""}) == "http://host/history"
