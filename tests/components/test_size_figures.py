"""The size page's figures: their numbers, recomputed from the bytes."""

from __future__ import annotations

import pytest

from components.figures.size_treemap import KIND_COLORS, build_size_treemap, kind_color
from components.figures.size_waterfall import amount, build_size_waterfall, short_layer
from converter.size_anatomy import KINDS, LayerBytes, collect
from converter.size_steps import LEVEL, size_steps
from tests.converter.size_examples import int8_anatomy, make_anatomy, make_model

COLOR = "#D55E00"
HOSTILE = '<img src=x onerror=alert(1)>\u202e;"quoted"'


def many_layers(count=150):
    return collect([
        LayerBytes(f"net_1/block_{i}/conv;net_1/block_{i}/bias", kind, size, as_float)
        for i in range(count)
        for kind, size, as_float in (("weights", 100 + i, 400 + 4 * i), ("scales", 40, 0))
    ])  # fmt: skip


class TestWaterfall:
    def test_every_bar_begins_where_the_one_before_it_ended(self):
        steps = size_steps(make_model(size=30_000, optimizer=20_000), int8_anatomy())
        bars = build_size_waterfall(steps, COLOR, "int8").data[0]
        level = None
        for step, base, length in zip(steps, bars.base, bars.x, strict=True):
            start, end = base * 1000, (base + length) * 1000
            if step.role == LEVEL:
                assert (start, end) == pytest.approx((0, step.level_bytes))
                level = step.level_bytes
                continue
            ends = {round(start, 6), round(end, 6)}
            assert ends == {level, level + step.change_bytes}
            level += step.change_bytes
        assert level == 3_000

    def test_what_went_away_is_an_outline_and_the_variants_bytes_have_its_colour(self):
        steps = size_steps(make_model(), int8_anatomy())
        figure = build_size_waterfall(steps, COLOR, "int8")
        fills = dict(zip([step.what for step in steps], figure.data[0].marker.color, strict=True))
        lines = dict(zip([s.what for s in steps], figure.data[0].marker.line.color, strict=True))
        assert {fills[kind] for kind in ("stored", "scales", "graph", "variant")} == {COLOR}
        assert {fills[what] for what in ("container", "a", "b")} == {"rgba(0, 0, 0, 0)"}
        assert lines["a"] == COLOR
        assert fills["original"] != COLOR
        assert lines["container"] == fills["original"]

    def test_it_can_begin_with_a_later_amount(self):
        steps = size_steps(make_model(), int8_anatomy())
        place = [step.what for step in steps].index("stored")
        bars = build_size_waterfall(steps[place:], COLOR, "int8").data[0]
        assert bars.x[0] == pytest.approx(1.9)
        assert bars.x[-1] == pytest.approx(3.0)

    def test_150_layers_stay_a_short_chart(self):
        steps = size_steps(make_model(), many_layers())
        figure = build_size_waterfall(steps, COLOR, "int8")
        assert figure.layout.height < 900
        assert "142 other layers" in figure.layout.yaxis.ticktext

    def test_a_layers_name_is_text(self):
        anatomy = make_anatomy((HOSTILE, "weights", 10, 40), ("b", "weights", 5, 20))
        figure = build_size_waterfall(size_steps(make_model(), anatomy), COLOR, "<b>x</b>")
        shown = [*figure.layout.yaxis.ticktext, *figure.data[0].text]
        assert not any("<img" in text or "\u202e" in text for text in shown)
        assert "\u202e" not in figure.layout.meta["alt"]

    def test_amounts_are_signed_and_levels_are_not(self):
        steps = {step.what: step for step in size_steps(make_model(), int8_anatomy())}
        assert amount(steps["a"]) == "\N{MINUS SIGN}3.00 kB"
        assert amount(steps["scales"]) == "+300 B"
        assert amount(steps["variant"]) == "3.00 kB"
        assert "variant's file 3.00 kB" in build_size_waterfall(
            list(steps.values()), COLOR, "int8").layout.meta["alt"]  # fmt: skip

    def test_a_file_of_nothing(self):
        steps = size_steps(make_model(size=0, parameter_bytes=0), collect([]))
        assert build_size_waterfall(steps, COLOR, "x").data[0].x[-1] == 0


@pytest.mark.parametrize(
    ("name", "short"),
    [("a/conv;a/bias", "a/conv"), ("conv", "conv"), (";x", ";x"), ("", "")],
)
def test_a_fused_layer_is_called_by_its_last_operator(name, short):
    assert short_layer(name) == short


class TestTreemap:
    @pytest.mark.parametrize("anatomy", [int8_anatomy(), many_layers(), many_layers(3)],
                             ids=["int8", "150 layers", "few"])  # fmt: skip
    def test_areas_sum_to_the_file_at_every_depth(self, anatomy):
        areas = build_size_treemap(anatomy, COLOR, "int8").data[0]
        values = dict(zip(areas.ids, areas.values, strict=True))
        children: dict[str, int] = {}
        for parent, value in zip(areas.parents, areas.values, strict=True):
            children[parent] = children.get(parent, 0) + value
        assert children.pop("") == anatomy.size_bytes == values["file"]
        assert all(values[parent] == total for parent, total in children.items())
        for kind in KINDS:
            areas_of = sum(v for key, v in values.items() if key.endswith(f"/{kind}"))
            assert areas_of == anatomy.kind_bytes(kind)

    def test_many_layers_become_few_areas(self):
        areas = build_size_treemap(many_layers(), COLOR, "int8").data[0]
        assert sum(parent == "file" for parent in areas.parents) == 41
        assert "All other layers" in areas.labels

    def test_weights_have_the_variants_colour_and_each_kind_its_own(self):
        areas = build_size_treemap(int8_anatomy(), COLOR, "int8").data[0]
        colors = dict(zip(areas.ids, areas.marker.colors, strict=True))
        for key, color in colors.items():
            if "/" in key:
                assert color == kind_color(key.split("/")[1], COLOR)
        assert len({*KIND_COLORS.values(), COLOR}) == len(KINDS)

    def test_names_are_text(self):
        anatomy = make_anatomy((HOSTILE, "weights", 10, 40))
        figure = build_size_treemap(anatomy, COLOR, "<b>x</b>")
        areas = figure.data[0]
        shown = [*areas.labels, *areas.customdata]
        assert not any("<img" in text or "<b>x" in text or "\u202e" in text for text in shown)
        assert "\u202e" not in figure.layout.meta["alt"]

    def test_its_alternative_text_has_the_kinds_and_the_largest_layer(self):
        assert build_size_treemap(int8_anatomy(), COLOR, "int8").layout.meta["alt"] == (
            "Bytes of int8: weights 1.90 kB, graph and names 350 B, scales 300 B, biases 200 B, "
            "left in float 100 B, metadata 100 B, padding 50 B. The largest of 2 layers is a "
            "(1.50 kB)."
        )
