"""Colours: one for each recipe, readable on both grounds, and the same list in the theme."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from components.palette import custom_names, recipe_color, recipe_symbol
from converter.recipe import (
    AS_GIVEN,
    FURTHER_PRESETS,
    PRESETS,
    SELECT_TF_PRESET,
    TFLITE_PRESETS,
)

NAMES = ["original", *PRESETS, SELECT_TF_PRESET.name]
OF_TFLITE = [AS_GIVEN.name, *(n for n in TFLITE_PRESETS if n not in PRESETS), *FURTHER_PRESETS]
CUSTOM = ["one", "two", "three", "four"]
MANY = [*CUSTOM, "five", "six", "seven", "eight"]
CONFIG = Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml"


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(scope="module")
def theme():
    return tomllib.loads(CONFIG.read_text())["theme"]


@pytest.mark.parametrize("name", [*NAMES, *OF_TFLITE, *MANY])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_colour_reads_on_both_grounds(theme, name, mode):
    assert contrast(recipe_color(name, MANY), theme[mode]["backgroundColor"]) >= 3


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_of_the_theme_reads(theme, mode):
    colors = theme[mode]
    assert contrast(colors["textColor"], colors["backgroundColor"]) >= 7
    assert contrast(colors["linkColor"], colors["backgroundColor"]) >= 4.5
    assert contrast("#FFFFFF", colors["primaryColor"]) >= 4.3


def test_recipes_shown_together_differ_in_colour_and_symbol():
    names = [*NAMES, *OF_TFLITE, *MANY]
    assert len({recipe_color(name, MANY) for name in names}) == len(names)
    looks = {(recipe_color(n, MANY), recipe_symbol(n, MANY)) for n in names}
    assert len(looks) == len(names)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_theme_has_the_same_colours_in_the_same_order(theme, mode):
    mine = [recipe_color(name, CUSTOM) for name in [*NAMES, *CUSTOM]]
    assert theme[mode]["chartCategoricalColors"] == mine
    assert len(mine) >= 10, "Plotly drops a shorter list"


def test_custom_names_are_those_that_are_no_preset():
    assert custom_names(["int8", "mine", "original"]) == ["mine"]
