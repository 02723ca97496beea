"""Small pictures of what the model is fed: right colours, bounded, whatever the array holds."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from converter.data_file import read_data_file
from converter.image_data import MOST_PICTURES, PICTURE_PIXELS
from converter.image_preview import preview_images
from converter.request import DataOptions
from converter.sample_fitting import fit_samples
from converter.samples import RawData, Samples
from converter.signature import TensorSpec
from converter.thumbnails import is_image_batch

COLOUR = [TensorSpec("image", (None, 16, 16, 3), "float32")]


def decoded(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def zip_preview(path, members, inputs=COLOUR, **options):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    raw = read_data_file(
        path, "a.zip", inputs, DataOptions(**options), rescales=False, originals=True
    )
    found = preview_images(fit_samples(raw, "a.zip", inputs), raw)
    return json.loads(json.dumps(found, allow_nan=False))


class TestZip:
    RED = np.full((20, 40, 3), (255, 0, 0))
    BLUE = np.full((20, 40, 3), (0, 0, 255))

    def test_the_original_stands_beside_what_is_fed_under_its_class(self, tmp_path):
        found = zip_preview(
            tmp_path / "a", {"cat/1.png": png(self.RED), "dog/1.png": png(self.BLUE)}
        )
        cat, dog = found["pictures"]
        assert (cat["caption"], dog["caption"]) == ("cat", "dog")
        assert decoded(cat["original"]).shape == (40, 80, 3)
        assert decoded(cat["fed"]).shape == (80, 80, 3), "stretched to the model's square"
        for role in ("original", "fed"):
            assert decoded(cat[role])[10, 10].tolist() == [255, 0, 0]
            assert decoded(dog[role])[10, 10].tolist() == [0, 0, 255]

    @pytest.mark.parametrize(
        ("options", "row", "colour"),
        [
            ({"image_scale": "-1..1"}, 40, [255, 0, 0]),
            ({"image_scale": "imagenet"}, 40, [255, 0, 0]),
            ({"image_scale": "0..255", "channel_order": "BGR"}, 40, [0, 0, 255]),
            ({"image_scale": "imagenet-caffe"}, 40, [0, 0, 255]),
            ({"image_resize": "pad"}, 5, [0, 0, 0]),
            ({"image_resize": "pad"}, 40, [255, 0, 0]),
            ({"image_resize": "crop"}, 5, [255, 0, 0]),
        ],
        ids=str,
    )
    def test_each_option_is_seen(self, tmp_path, options, row, colour):
        found = zip_preview(tmp_path / "a", {"1.png": png(self.RED)}, **options)
        assert decoded(found["pictures"][0]["fed"])[row, 40].tolist() == colour
        assert ("exchanged" in found["how"]) == (colour == [0, 0, 255])

    def test_all_classes_come_before_a_second_image_of_one(self, tmp_path):
        members = {f"{kind}/{n}.png": png(self.RED) for kind in "abcd" for n in range(9)}
        found = zip_preview(tmp_path / "a", members)
        captions = [picture["caption"] for picture in found["pictures"]]
        assert len(captions) == MOST_PICTURES
        assert set(captions) == set("abcd")

    def test_a_grey_model_is_shown_grey_beside_the_coloured_original(self, tmp_path):
        grey = [TensorSpec("image", (None, 16, 16), "float32")]
        (picture,) = zip_preview(tmp_path / "a", {"1.png": png(self.RED)}, grey)["pictures"]
        assert decoded(picture["original"]).shape[2] == 3
        assert decoded(picture["fed"]).ndim == 2

    def test_pictures_are_bounded_whatever_the_images(self, tmp_path):
        noise = np.random.default_rng(0).integers(0, 255, (900, 700, 3))
        large = [TensorSpec("image", (None, 600, 500, 3), "float32")]
        (picture,) = zip_preview(tmp_path / "a", {"1.png": png(noise)}, large)["pictures"]
        for role in ("original", "fed"):
            assert max(decoded(picture[role]).shape) == PICTURE_PIXELS
            assert len(picture[role]) < 40_000

    def test_the_longest_class_name_is_cut(self, tmp_path):
        members = {f"{kind * 200}/1.png": png(self.RED) for kind in "ab"}
        found = zip_preview(tmp_path / "a", members)
        assert all(len(picture["caption"]) <= 60 for picture in found["pictures"])


class TestArrays:
    def preview(self, array, labels=None, **more):
        samples = Samples({"x": array}, {} if labels is None else {"y": labels}, **more)
        found = preview_images(samples, RawData({"x": array}))
        return found and json.loads(json.dumps(found, allow_nan=False))["pictures"]

    def test_images_are_shown_between_their_least_and_greatest_value(self):
        array = np.zeros((2, 4, 4, 1), np.float32)
        array[:, :2] = -3
        array[:, 2:] = 7
        first = decoded(self.preview(array)[0]["fed"])
        assert first.shape == (80, 80)
        assert (first[:40] == 0).all()
        assert (first[40:] == 255).all()

    def test_one_of_each_class_comes_first(self):
        labels = np.array([3, 3, 3, 3, 3, 3, 3, 3, 3, 5, 9])
        found = self.preview(np.zeros((11, 8, 8, 1), np.float32), labels)
        assert [p["sample"] for p in found][-2:] == [9, 10]
        assert [p["caption"] for p in found][-2:] == ["5", "9"]

    @pytest.mark.parametrize(
        ("labels", "more", "caption"),
        [
            (np.array([1.25, 2]), {}, "1.25"),
            (np.array([True, False]), {}, "1"),
            (np.array([0, 1]), {"class_names": {"y": ("cat", "dog")}}, "cat"),
            (np.eye(2), {}, ""),
            (None, {}, ""),
        ],
        ids=["values", "truth", "names", "one-hot", "none"],
    )
    def test_captions(self, labels, more, caption):
        assert self.preview(np.zeros((2, 8, 8, 3)), labels, **more)[0]["caption"] == caption

    @pytest.mark.parametrize(
        "values",
        [
            np.full((1, 8, 8, 1), np.nan),
            np.full((1, 8, 8, 1), 5.0),
            np.linspace(-1.7e308, 1.7e308, 64).reshape(1, 8, 8, 1),
            np.array([np.inf, -np.inf, 0, 1] * 16).reshape(1, 8, 8, 1),
            np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1),
            np.zeros((1, 5, 3000, 4), np.float32),
        ],
        ids=["NaN", "constant", "ends", "infinite", "bytes", "wide"],
    )
    def test_any_image_is_shown(self, values):
        (picture,) = self.preview(values)
        assert max(decoded(picture["fed"]).shape[:2]) == PICTURE_PIXELS

    @pytest.mark.parametrize(
        "shape", [(5, 30), (5, 8, 8), (5, 3, 3, 3), (5, 8, 8, 7), (5, 1, 9, 3)]
    )
    def test_what_is_no_image_is_not_shown(self, shape):
        assert not is_image_batch(np.zeros(shape))
        assert self.preview(np.zeros(shape)) is None
