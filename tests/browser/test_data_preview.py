"""A zip of images on the Model page: pictures and charts as a person sees them, on any screen."""

import io
import zipfile

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from converter.child_process import PROJECT_ROOT

MODEL = PROJECT_ROOT / "sample_models" / "digits_cnn" / "digits_cnn.keras"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Wide coloured images for a model of 8x8 grey ones, in two folders with odd names."""
    path = tmp_path_factory.mktemp("photos") / "photos.zip"
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("<i>one", "zwei :tada:"):
            for n in range(20):
                stream = io.BytesIO()
                pixels = random.integers(0, 256, (40, 90, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(stream, "JPEG")
                archive.writestr(f"{name}/{n}.jpg", stream.getvalue())
    return path


def test_images_are_shown_as_the_model_gets_them(visit, photos):
    visitor = visit("dark", 1280)
    visitor.open("")
    visitor.page.get_by_text("Your file").click()
    visitor.rest()
    visitor.page.locator("input[type=file]").first.set_input_files(MODEL)
    visitor.wait_for("SHA-256")
    visitor.page.get_by_text("Your file").last.click()
    visitor.page.locator("[data-testid=stFileUploader]").nth(1).wait_for()
    visitor.page.locator("input[type=file]").last.set_input_files(photos)
    visitor.wait_for("What the model is fed")
    visitor.page.locator(".js-plotly-plot").nth(1).wait_for()
    pictures = visitor.page.locator("img[src^='data:image/png']")
    assert pictures.count() == 12
    widths = pictures.evaluate_all("images => images.map(image => image.naturalWidth)")
    assert min(widths) == 80
    text = visitor.text().replace("\N{WORD JOINER}", "")
    assert "<i>one" in text
    assert "zwei :tada:" in text
    assert "name 2 classes and digit has 10" in text
    visitor.page.get_by_role("combobox", name="Resizing").first.click()
    visitor.page.get_by_role("option", name="fit in, pad with black").click()
    visitor.wait_for("padded with black")
    for width in (1280, 390):
        visitor.page.set_viewport_size({"width": width, "height": 900})
        visitor.rest()
        overflow = visitor.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0
        visitor.picture(f"data_dark_{width}")
    serious = [
        violation["id"] + ": " + violation["nodes"][0]["html"][:150]
        for violation in Axe().run(visitor.page).response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
    assert serious == []
    assert visitor.problems == []
