"""A story says the run's own figures, with their uncertainty, on the page, slides and picture."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import io

import pytest
from PIL import Image
from pptx import Presentation

from components.story.deck import build_deck
from components.story.picture import draw_picture
from components.story.telling import Story, describe_savings, tell_story
from converter.savings import Savings
from converter.verdict import judge
from tests.pages.synthetic import make_comparison, make_hard_case, make_random_data, make_regression


def story_of(make, recipe=None):
    comparison, samples = make()
    usable = [v for v in comparison.variants if v.status == "ok" and v.size_bytes]
    name = recipe or judge(comparison).recipe or usable[0].recipe
    return comparison, tell_story(comparison, comparison.variant(name), samples, users=1000,
                                  inferences=10)  # fmt: skip


@pytest.mark.parametrize("make", [make_comparison, make_hard_case, make_regression,
                                  make_random_data])  # fmt: skip
def test_three_figures_at_most_and_everything_as_slides(make):
    comparison, story = story_of(make)
    assert 2 <= len(story.figures) <= 3
    assert Story.from_json(story.to_json()) == story
    deck = Presentation(io.BytesIO(build_deck(story)))
    words = [[s.text_frame.text for s in slide.shapes if s.has_text_frame] for slide in deck.slides]
    assert len(words) == 5
    assert story.sentence in words[0]
    for figure in story.figures:
        assert figure.value in words[1]
    for line in [*story.meaning, *story.not_measured]:
        assert any(line in slide for slide in words)
    assert all(story.conditions in slide for slide in words)
    assert comparison.model.name[:20] in words[0][0]


def test_the_chart_in_the_slides_holds_the_run_s_figures():
    comparison, story = story_of(make_comparison)
    deck = Presentation(io.BytesIO(build_deck(story)))
    charts = [s.chart for s in deck.slides[2].shapes if s.has_chart]
    sizes, times = (list(c.plots[0].series[0].values) for c in charts)
    recipe = story.rows[1].name
    assert sizes[0] / sizes[1] == pytest.approx(
        comparison.model.size_without_optimizer_bytes / comparison.variant(recipe).size_bytes
    )
    assert times == [comparison.reference.latency.p50_ms, comparison.variant(recipe).latency.p50_ms]


def test_the_verdict_is_the_sentence_and_another_variant_has_its_own():
    comparison, story = story_of(make_comparison)
    assert story.sentence == judge(comparison).sentence
    _, other = story_of(make_comparison, "float32")
    assert other.sentence.startswith("float32 makes the model")


def test_the_picture_is_one_of_its_size_and_holds_signs_and_dollars():
    _, story = story_of(lambda: make_comparison("a$b$ → ≥ 输入.keras"))
    image = Image.open(io.BytesIO(draw_picture(story)))
    assert image.size == (1920, 1080)
    assert len(image.convert("RGB").getcolors(1 << 24)) > 10


def test_names_that_xml_cannot_hold_are_written_all_the_same():
    _, story = story_of(lambda: make_comparison("a\x0bb\x00c\ud800<x>&.keras"))
    assert Presentation(io.BytesIO(build_deck(story)))


def savings(**more):
    values = {"users": 1000, "inferences": 10, "original_bytes": 3000, "variant_bytes": 1000,
              "hours": 2.0, "hours_interval": (1.0, 3.0), **more}  # fmt: skip
    return Savings(**values)


def test_arithmetic_is_written_out():
    downloads, time = describe_savings(savings(), "the original")
    assert downloads.startswith("Downloads: 1,000 × (3.00 kB − 1.00 kB) = 2.00 MB less")
    assert "1,000 × 10 inferences × 720 ms = 2.0 h less" in time
    assert "1.0 h to 3.0 h saved" in time


def test_what_grows_is_told_as_more():
    downloads, time = describe_savings(
        savings(variant_bytes=4000, hours=-0.5, hours_interval=(-1.0, 0.25)), "the original"
    )
    assert "= 1.00 MB more" in downloads
    assert "30.0 min more" in time
    assert "−1.0 h to 15.0 min saved" in time
    assert "not timed" in describe_savings(savings(hours=None, hours_interval=None), "x")[1]
