"""The pages' addresses: none ends like another's, which Streamlit would take for it in links."""

from __future__ import annotations

from components import frame


def test_no_address_ends_like_another(monkeypatch):
    monkeypatch.setattr(frame.st, "Page", lambda *_, **more: more["url_path"])
    addresses = frame._pages()
    assert len(addresses) == len(set(addresses)) > 10
    for one in addresses:
        for other in addresses:
            assert one == other or not other.endswith(one), (one, other)
