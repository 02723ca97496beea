"""Charts of a file's parts: bytes exact, names as text."""

from __future__ import annotations

import json

from components.figures.anatomy import ROLE_COLORS, build_parts_figure, build_roles_figure
from converter.anatomy import GRAPH, OPTIMIZER, ROLES, WEIGHTS, branch, leaf

TREE = branch("<b>net</b>.keras", [
    branch("<i>weights</i>", [leaf("a", WEIGHTS, 600), leaf("b", OPTIMIZER, 300)]),
    leaf("config", GRAPH, 100),
])  # fmt: skip


def test_areas_are_the_bytes_and_sum_upwards():
    (icicle,) = build_parts_figure(TREE).data
    sizes = dict(zip(icicle.ids, icicle.values, strict=True))
    assert sizes == {"0": 1000, "0.0": 900, "0.0.0": 600, "0.0.1": 300, "0.1": 100}
    assert set(icicle.marker.colors) <= set(ROLE_COLORS.values())
    assert set(ROLE_COLORS) == set(ROLES)


def test_roles_of_both_files_stand_side_by_side():
    figure = build_roles_figure({WEIGHTS: 4000, OPTIMIZER: 8000}, {WEIGHTS: 1000}, "<b>int8</b>")
    before, after = figure.data
    assert [round(x, 3) for x in before.x] == [4.0, 8.0]
    assert [round(x, 3) for x in after.x] == [1.0, 0.0]
    assert [a.text for a in figure.layout.annotations] == ["4.00 kB → 1.00 kB", "8.00 kB → 0 B"]


def test_names_out_of_a_file_are_text():
    for figure in (build_parts_figure(TREE), build_roles_figure({WEIGHTS: 1}, {}, "<b>x</b>")):
        content = json.loads(figure.to_json())
        json.dumps(content, allow_nan=False)
        assert len(content["layout"].pop("meta")["alt"]) > 20
        assert "<b>" not in json.dumps(content)
        assert "<i>" not in json.dumps(content)
