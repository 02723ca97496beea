"""The dashboard as a person meets it: a real server, a real browser, real conversions."""

import json
import re
import zipfile

import numpy as np
import pytest

from converter.child_process import PROJECT_ROOT

SAMPLES = PROJECT_ROOT / "sample_models"
BACKGROUND = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 22, 29)"}
ALL = ("float32", "dynamic_range", "float16", "int8", "int8_full", "int16x8")


def chart_texts(visitor):
    """Return the visible text of each chart, in order."""
    charts = visitor.page.locator(".js-plotly-plot")
    charts.first.wait_for(timeout=60_000)
    return [
        " ".join(charts.nth(index).locator("svg text").all_text_contents())
        for index in range(charts.count())
    ]


def no_traceback(visitor):
    text = visitor.page.locator("body").inner_text()
    assert "Traceback" not in text
    assert visitor.page.get_by_test_id("stException").count() == 0


def test_the_first_visit_finds_a_finished_comparison(visit):
    visitor = visit()
    visitor.open("compare")  # a deep link, as the very first request to the server
    assert "Model" in visitor.page.get_by_test_id("stSidebarNav").inner_text()
    visitor.wait_for("against the original it is", seconds=120)
    no_traceback(visitor)
    assert "digits_cnn.keras" in visitor.text()
    texts = chart_texts(visitor)
    assert len(texts) >= 4
    for text in texts:
        assert "original" in text
        for recipe in ALL:
            assert recipe in text
    visitor.page.reload()
    visitor.rest()
    visitor.wait_for("against the original it is")
    assert "run=" in visitor.page.url
    assert visitor.problems == []


def choose_sample(visitor, name):
    visitor.open("")
    visitor.page.locator(f"[class*='sample-{name}'] button").click()
    visitor.rest()


def only(visitor, *recipes):
    """Switch the presets so that just these are on."""
    for recipe in (*ALL, "float32_select_tf"):
        toggle = visitor.page.get_by_role("switch", name=recipe, exact=True)
        if toggle.is_checked() != (recipe in recipes):
            toggle.locator("xpath=ancestor::label").click()
            visitor.rest()


def start_and_wait(visitor, seconds=120):
    visitor.page.get_by_role("button", name=re.compile("Convert and compare")).click()
    visitor.page.wait_for_url(re.compile("compare"), timeout=seconds * 1000)
    visitor.page.locator(".js-plotly-plot").first.wait_for(timeout=30_000)
    visitor.rest()


@pytest.mark.usefixtures("welcomed")
def test_a_sample_goes_through_model_convert_and_compare(visit):
    visitor = visit()
    choose_sample(visitor, "wine_two_inputs")
    text = visitor.text()
    assert "wine_two_inputs.keras" in text
    assert json.loads((SAMPLES / "wine_two_inputs" / "card.json").read_text())["sha256"][:8] in text
    visitor.click("button", "Choose flags")
    only(visitor, "float32", "int8")
    visitor.picture("convert")
    start_and_wait(visitor)
    text = visitor.text()
    assert "wine_two_inputs.keras" in text
    for chart in chart_texts(visitor):
        assert "original" in chart
        assert "int8" in chart
        assert "float16" not in chart
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name=re.compile(r"\.tflite")).first.click()
    content = download.value.path().read_bytes()
    assert content[4:8] == b"TFL3"
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name=re.compile("comparison.json")).first.click()
    found = json.loads(download.value.path().read_text())
    assert [variant["recipe"] for variant in found["variants"]] == ["float32", "int8"]
    no_traceback(visitor)
    assert visitor.problems == []


@pytest.fixture(scope="module")
def own_model(tmp_path_factory):
    """A zipped SavedModel and its data, unlike every sample."""
    import tensorflow as tf

    class Scorer(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = tf.Variable(tf.random.stateless_normal((5, 3), (1, 2)))

        @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32, name="features")])
        def score(self, features):
            return {"score": tf.nn.softmax(features @ self.weights)}

    folder = tmp_path_factory.mktemp("own")
    module = Scorer()
    tf.saved_model.save(module, str(folder / "scorer"), signatures=module.score)
    with zipfile.ZipFile(folder / "my <b>scorer.zip", "w") as archive:
        for file in sorted((folder / "scorer").rglob("*")):
            archive.write(file, f"nested/{file.relative_to(folder / 'scorer')}")
    rng = np.random.default_rng(0)
    np.savez(folder / "own.npz", x=rng.normal(size=(90, 5)).astype("f"), y=rng.integers(0, 3, 90))
    np.savez(folder / "wrong.npz", x=np.zeros((9, 4), "f"))
    (folder / "none.keras").write_text("this is no model")
    return folder


@pytest.mark.usefixtures("welcomed")
def test_an_uploaded_model_and_data_survive_page_switches_and_are_compared(visit, own_model):
    visitor = visit()
    visitor.open("")
    visitor.page.get_by_text("Your file").click()
    visitor.rest()
    upload = visitor.page.locator("input[type=file]")
    upload.first.set_input_files(own_model / "my <b>scorer.zip")
    visitor.wait_for("SHA-256")
    assert "my <b>scorer.zip" in visitor.text()  # as text, not as markup
    visitor.go("Convert")
    visitor.go("Model")
    assert "my <b>scorer.zip" in visitor.text()
    visitor.page.reload()
    visitor.wait_for("SHA-256")
    assert "my <b>scorer.zip" in visitor.text()
    visitor.page.get_by_text("Your file").last.click()
    visitor.page.locator("[data-testid=stFileUploader]").nth(1).wait_for()
    visitor.page.locator("input[type=file]").last.set_input_files(own_model / "wrong.npz")
    visitor.wait_for("(samples, 5)")
    assert "found (9, 4)" in visitor.text()
    visitor.page.locator("input[type=file]").last.set_input_files(own_model / "own.npz")
    visitor.wait_for("90")
    visitor.rest()
    visitor.click("button", "Choose flags")
    only(visitor, "float32", "int8_full")
    start_and_wait(visitor)
    text = visitor.text()
    assert "my <b>scorer.zip" in text
    for chart in chart_texts(visitor):
        assert "int8_full" in chart
    no_traceback(visitor)


def test_a_file_that_is_no_model_gets_one_sentence(visit, own_model):
    visitor = visit()
    visitor.open("")
    visitor.page.get_by_text("Your file").click()
    visitor.rest()
    visitor.page.locator("input[type=file]").first.set_input_files(own_model / "none.keras")
    visitor.wait_for("none.keras: expected")
    assert "found content of no known model format" in visitor.text()
    no_traceback(visitor)


def test_impossible_flags_are_refused_with_the_reason(visit):
    visitor = visit()
    choose_sample(visitor, "digits_cnn")
    visitor.click("button", "Choose flags")
    visitor.page.get_by_text("Add a custom recipe").click()
    visitor.rest()
    form = visitor.page.get_by_test_id("stExpander").first
    form.get_by_text("float16", exact=True).first.click()
    visitor.rest()
    form.get_by_text("DEFAULT", exact=True).first.click()  # it is on in a new recipe
    visitor.rest()
    assert "no effect without the DEFAULT optimization" in visitor.text()
    assert visitor.page.get_by_role("button", name="Add to the run").is_disabled()


@pytest.mark.usefixtures("welcomed")
def test_a_run_can_be_cancelled_from_the_page(visit):
    visitor = visit()
    choose_sample(visitor, "digits_cnn")
    visitor.click("button", "Choose flags")
    visitor.page.get_by_role("button", name=re.compile("Convert and compare")).click()
    visitor.page.get_by_role("button", name="Cancel").first.wait_for(timeout=60_000)
    visitor.page.get_by_role("button", name="Cancel").first.click()
    visitor.wait_for("cancelled")
    no_traceback(visitor)


@pytest.mark.usefixtures("welcomed")
@pytest.mark.parametrize("path", ["compare", "", "convert"])
def test_every_page_looks_whole_in_both_themes(visit, path):
    visitor = visit()
    for scheme in ("light", "dark"):
        visitor.page.emulate_media(color_scheme=scheme)
        visitor.open(path)
        assert visitor.page.evaluate(BACKGROUND) == BACKGROUNDS[scheme]
        for width, height in ((1280, 900), (390, 844)):
            visitor.page.set_viewport_size({"width": width, "height": height})
            visitor.rest()
            assert visitor.overflow() <= 0, f"{path} is wider than the window"
            visitor.picture(f"{path or 'model'}_{scheme}_{width}")
            assert visitor.serious_violations() == [], (scheme, width)
    assert visitor.problems == []


@pytest.mark.usefixtures("welcomed")
def test_a_run_that_goes_on_is_found_by_its_link_cancelled_and_resumed(visit):
    visitor = visit()
    choose_sample(visitor, "cancer_mlp")
    visitor.click("button", "Choose flags")
    only(visitor, "float32", "int8")
    visitor.page.get_by_role("button", name=re.compile("Convert and compare")).click()
    visitor.page.get_by_role("button", name="Cancel").first.wait_for()
    link = visitor.page.url.replace("/convert", "/compare")
    onlooker = visit()  # another person's browser, with nothing but the link
    onlooker.page.goto(link)
    onlooker.page.get_by_test_id("stProgress").first.wait_for()
    assert onlooker.page.get_by_role("button", name="Cancel").count() == 0
    visitor.page.reload()  # and a refresh does not lose it
    visitor.page.get_by_role("button", name="Cancel").first.click()
    onlooker.wait_for("Resume", seconds=20)
    onlooker.page.get_by_role("button", name="Resume").first.click()
    onlooker.page.locator(".js-plotly-plot").first.wait_for(timeout=120_000)
    assert "cancer_mlp.h5" in onlooker.text()
    no_traceback(onlooker)
