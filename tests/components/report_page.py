"""Reads a report as a browser's parser does, so that tests see elements and text, not strings."""

from __future__ import annotations

import json
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "hr", "input"}


class ReportPage(HTMLParser):
    """Every element of a report with its attributes and text; scripts and styles apart."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[tuple[dict[str, str], str]] = []
        self.headings: list[tuple[int, str]] = []
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.headings = [(level, words.strip()) for level, words in self.headings]

    def handle_starttag(self, tag, attributes):
        values = {key: value or "" for key, value in attributes}
        self.elements.append((tag, values))
        if tag in VOID:
            return
        self._open.append(tag)
        if tag == "script":
            self.scripts.append((values, ""))
        if tag in ("h1", "h2", "h3"):
            self.headings.append((int(tag[1]), ""))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "script" in self._open:
            attributes, before = self.scripts[-1]
            self.scripts[-1] = attributes, before + data
        elif "style" not in self._open:
            self.words.append(data)
            if self._open and self._open[-1] in ("h1", "h2", "h3"):
                level, before = self.headings[-1]
                self.headings[-1] = level, before + data
            if {"td", "th"} & set(self._open):
                self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        """All visible words, on one line."""
        return " ".join(" ".join(self.words).split())

    @property
    def charts(self) -> list[dict]:
        """The charts' data and layout."""
        (found,) = [text for attributes, text in self.scripts if attributes.get("id")]
        return json.loads(found)

    @property
    def chart_alts(self) -> list[str]:
        """What the charts say to those who do not see them."""
        return [a["aria-label"] for _, a in self.elements if a.get("role") == "img"]

    def table_row(self, heading: str, name: str) -> dict[str, str]:
        """Return a model's row, by column, of the first table with a column of this heading."""
        columns: list[str] = []
        for row in self.rows:
            if row and row[0] in ("Model", "Asked", "Figure"):
                columns = row
            elif heading in columns and row[0] == name:
                return dict(zip(columns, row, strict=False))
        raise AssertionError(f"no row {name} in a table with {heading}")
