"""The tree of parts and the two graphs as a page shows them: names as text, every part findable."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from streamlit.testing.v1 import AppTest

from components.part_colors import FATE_COLORS, FATE_MARKS, ROLE_COLORS
from components.session import widget_key
from converter.anatomy import ROLES
from converter.graph_map import ADDED, FATES

HOSTILE = "<script>alert(1)</script><b onclick='x'>evil</b>\u202e"


class Text(HTMLParser):
    """Collects the tags and the text of HTML."""

    def __init__(self, content):
        super().__init__()
        self.tags, self.words, self.open = set(), [], 0
        self.feed(content)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.open += tag == "details" and "open" in dict(attributes)

    def handle_data(self, data):
        self.words.append(data)


def shown(app):
    """Return the HTML that a page shows, as parsed."""
    assert not app.exception
    return Text("".join(block.proto.body for block in app.get("html")))


def show_tree(children):
    from components.part_tree import render_part_tree
    from converter.anatomy import WEIGHTS, branch, leaf

    name = "<script>alert(1)</script><b onclick='x'>evil</b>\u202e"
    render_part_tree(branch(name, [leaf(f"part {i} {name}", WEIGHTS, 1000 + i, name)
                                   for i in range(children)]))


def show_deep_tree(groups):
    from components.part_tree import render_part_tree
    from converter.anatomy import WEIGHTS, branch, leaf

    render_part_tree(branch("file", [
        branch(f"group {i}", [leaf(f"part {i} {j}", WEIGHTS, 1) for j in range(20)])
        for i in range(groups)
    ]))


def show_graphs(layers):
    from components.graph_view import render_graph_map
    from converter.graph_map import GraphMap, MappedNode, MappedOperator

    name = "<script>alert(1)</script><b onclick='x'>evil</b>\u202e"
    nodes, operators = [], [MappedOperator(0, "QUANTIZE", (), "added", "float32 → int8")]
    for i in range(layers):
        where = f"net/layer_{i}_{name}"
        nodes += [MappedNode(f"{where}/Conv2D", "Conv2D", "fused", (i + 1,), where),
                  MappedNode(f"{where}/Relu", name, "fused", (i + 1,), where)]
        operators.append(MappedOperator(i + 1, "CONV_2D", (f"{where}/Conv2D", f"{where}/Relu"),
                                        "fused"))
    render_graph_map(GraphMap(nodes, operators))


def test_a_tree_shows_names_as_text_and_its_first_level_open():
    found = shown(AppTest.from_function(show_tree, args=(3,), default_timeout=60).run())
    assert not found.tags & {"script", "b"}
    assert found.open == 1
    words = "".join(found.words)
    assert "part 2 <script>alert(1)</script>" in words
    assert "\u202e" not in words
    assert "3.00 kB" in words


def test_of_many_parts_the_largest_are_shown_and_the_others_as_their_sum():
    found = shown(AppTest.from_function(show_tree, args=(500,), default_timeout=60).run())
    words = "".join(found.words)
    assert "250 smaller parts: weights" in words
    assert "part 499 " in words
    assert "part 0 " not in words


def test_a_tree_of_very_many_parts_says_how_many_it_does_not_open():
    found = shown(AppTest.from_function(show_deep_tree, args=(200,), default_timeout=60).run())
    words = "".join(found.words)
    assert "part 0 19" in words
    assert "part 199 0" not in words
    assert "group 19920 parts" in words


def test_both_graphs_are_shown_by_layer_and_names_are_text():
    found = shown(AppTest.from_function(show_graphs, args=(150,), default_timeout=60).run())
    assert not found.tags & {"script"}
    words = "".join(found.words)
    assert "300 operations of the original beside 151 operators" in words
    assert all(f"layer_{i}_" in words for i in range(150))
    assert found.open == 0
    assert "\u202e" not in words


def test_a_layer_is_found_by_name_and_opened():
    app = AppTest.from_function(show_graphs, args=(150,), default_timeout=60).run()
    app.text_input(key=widget_key("file_format", "find")).set_value("LAYER_77_").run()
    found = shown(app)
    assert set(re.findall(r"layer_(\d+)_", "".join(found.words))) == {"77"}
    assert found.open == 1
    app.text_input(key=widget_key("file_format", "find")).set_value("nowhere").run()
    assert app.info[0].value == "No layer fits."


def test_only_what_met_a_fate_is_shown():
    app = AppTest.from_function(show_graphs, args=(5,), default_timeout=60).run()
    app.pills(key=widget_key("file_format", "fates")).set_value([ADDED]).run()
    words = "".join(shown(app).words)
    assert "QUANTIZE" in words
    assert "layer_0_" not in words


def test_an_empty_graph_says_so():
    app = AppTest.from_function(show_graphs, args=(0,), default_timeout=60).run()
    assert "0 operations of the original beside 1 operators" in "".join(shown(app).words)


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ground", ["#FFFFFF", "#10161D"])
def test_colours_can_be_told_from_either_ground(ground):
    assert set(ROLE_COLORS) == set(ROLES)
    assert set(FATE_COLORS) == set(FATE_MARKS) == {*FATES, ADDED}
    assert len(set(FATE_MARKS.values())) == len(FATE_MARKS)
    for color in (*ROLE_COLORS.values(), *FATE_COLORS.values()):
        dark, light = sorted((luminance(color), luminance(ground)))
        assert (light + 0.05) / (dark + 0.05) >= 3, color
