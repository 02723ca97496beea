"""Images brought into a model's form: size, scale, order of channels, and back for display."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from converter.errors import DataError
from converter.image_scaling import (
    BYTES,
    ImageRecipe,
    choose_recipe,
    resize_image,
    scale_pixels,
    unscale_values,
)
from converter.request import CHANNEL_ORDERS, IMAGE_RESIZES, IMAGE_SCALES, DataOptions

COLOURS = (8, 8, 3)


def recipe(shape=COLOURS, *, whole=False, rescales=False, **options):
    chosen = DataOptions(**{f"image_{k}" if k != "order" else "channel_order": v
                            for k, v in options.items()})  # fmt: skip
    return choose_recipe(chosen, shape, whole=whole, rescales=rescales, name="a.zip")


class TestScales:
    RED = np.full((1, 1, 3), (255, 0, 0), np.uint8)

    @pytest.mark.parametrize(
        ("scale", "expected"),
        [
            ("0..1", (1, 0, 0)),
            ("-1..1", (1, -1, -1)),
            ("0..255", (255, 0, 0)),
            # keras.applications.imagenet_utils: (x / 255 - mean) / std, by its own constants.
            ("imagenet", ((1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225)),
            # ... and BGR less the mean colour in the mode "caffe".
            ("imagenet-caffe", (-103.939, -116.779, 255 - 123.68)),
        ],
    )
    def test_red_is_what_keras_makes_of_it(self, scale, expected):
        found = scale_pixels(self.RED, recipe(scale=scale))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.ravel(), expected, rtol=1e-5)

    @pytest.mark.parametrize("mode", ["torch", "caffe", "tf"])
    def test_the_modes_of_keras_agree(self, mode):
        from keras.applications.imagenet_utils import preprocess_input

        scale = {"torch": "imagenet", "caffe": "imagenet-caffe", "tf": "-1..1"}[mode]
        pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
        expected = preprocess_input(pixels.astype(np.float64), mode=mode)
        np.testing.assert_allclose(scale_pixels(pixels, recipe(scale=scale)), expected, atol=1e-4)

    @pytest.mark.parametrize(("rescales", "expected"), [(True, 255), (False, 1)])
    def test_automatic_looks_at_the_model(self, rescales, expected):
        assert scale_pixels(self.RED, recipe(rescales=rescales)).max() == expected

    def test_a_model_of_whole_numbers_gets_the_bytes(self):
        found = recipe(whole=True, scale="-1..1")
        assert found.scale == BYTES
        assert scale_pixels(self.RED, found).tolist() == self.RED.tolist()
        assert "kept as bytes" in found.describe(1)


class TestOrder:
    @pytest.mark.parametrize(
        ("scale", "order", "expected"),
        [
            ("0..1", "auto", "RGB"),
            ("0..1", "BGR", "BGR"),
            ("imagenet-caffe", "auto", "BGR"),
            ("imagenet-caffe", "RGB", "RGB"),
        ],
    )
    def test_automatic_is_that_of_the_scale(self, scale, order, expected):
        found = recipe(scale=scale, order=order)
        assert found.order == expected
        assert f"in the order {expected}" in found.describe(2)

    def test_grey_has_no_order(self):
        found = recipe((8, 8, 1), order="BGR")
        assert found.order == "RGB"
        assert "order" not in found.describe(1)
        assert scale_pixels(np.full((2, 2, 1), 255, np.uint8), found).max() == 1

    def test_alpha_stays_last(self):
        pixels = np.array([[[1, 2, 3, 4]]], np.uint8)
        found = scale_pixels(pixels, recipe((8, 8, 4), scale="0..255", order="BGR"))
        assert found.ravel().tolist() == [3, 2, 1, 4]


@pytest.mark.parametrize("scale", [*IMAGE_SCALES, BYTES])
@pytest.mark.parametrize("order", CHANNEL_ORDERS)
def test_what_is_shown_is_what_was_fed(scale, order):
    whole = scale == BYTES
    found = recipe(scale="auto" if whole else scale, order=order, whole=whole)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    shown = unscale_values(scale_pixels(pixels, found), found)
    expected = pixels[..., ::-1] if found.order == "BGR" else pixels
    np.testing.assert_array_equal(shown, expected)


class TestResizing:
    def halves(self, width, height):
        """An image whose left half is black and whose right half is white."""
        pixels = np.zeros((height, width), np.uint8)
        pixels[:, width // 2 :] = 255
        return Image.fromarray(pixels)

    def test_stretching_leaves_nothing_out(self):
        found = np.asarray(resize_image(self.halves(40, 8), recipe(resize="stretch")))
        assert found.shape == (8, 8)
        assert (found[:, 0] == 0).all()
        assert (found[:, -1] == 255).all()

    def test_cropping_keeps_the_middle_in_its_proportions(self):
        pixels = np.zeros((8, 40), np.uint8)
        pixels[:, 16:24] = 200
        found = np.asarray(resize_image(Image.fromarray(pixels), recipe(resize="crop")))
        assert found.shape == (8, 8)
        assert (found == 200).all()

    def test_padding_keeps_everything_and_adds_black(self):
        white = Image.fromarray(np.full((8, 16), 255, np.uint8))
        found = np.asarray(resize_image(white, recipe(resize="pad")))
        assert found.shape == (8, 8)
        assert (found[2:6] == 255).all()
        assert (found[:2] == 0).all()
        assert (found[6:] == 0).all()

    @pytest.mark.parametrize("how", IMAGE_RESIZES)
    @pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 7), (8, 8), (101, 57)])
    def test_any_image_comes_to_the_models_size(self, how, size):
        found = resize_image(Image.new("RGB", size, "white"), recipe((5, 9, 3), resize=how))
        assert found.size == (9, 5)
        assert np.asarray(found).max() == 255

    @pytest.mark.parametrize("how", IMAGE_RESIZES)
    def test_an_image_of_the_right_size_is_left_alone(self, how):
        noise = np.random.default_rng(0).integers(0, 255, (8, 8, 3)).astype(np.uint8)
        found = resize_image(Image.fromarray(noise), recipe(resize=how))
        np.testing.assert_array_equal(np.asarray(found), noise)


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"scale": "percent"}, "image scale is one of auto, 0..1"),
            ({"resize": "squeeze"}, "image resizing is one of stretch, crop, pad"),
            ({"order": "GRB"}, "image channel order is one of auto, RGB, BGR"),
        ],
        ids=["scale", "resize", "order"],
    )
    def test_what_is_unknown(self, options, message):
        with pytest.raises(DataError, match=rf"^a\.zip: the {message}"):
            recipe(**options)

    @pytest.mark.parametrize("channels", [1, 4])
    @pytest.mark.parametrize("scale", ["imagenet", "imagenet-caffe"])
    def test_the_mean_colour_for_a_model_without_three_colours(self, channels, scale):
        with pytest.raises(DataError, match=f"3 colour channels, found one of {channels}"):
            recipe((8, 8, channels), scale=scale)


def test_a_recipe_says_what_it_does():
    found = ImageRecipe(height=2, width=3, channels=3, resize="pad", scale="-1..1", order="BGR")
    assert found.describe(7) == (
        "7 images were resized and padded with black to 2x3 (bilinear) with 3 channel(s), channels "
        "in the order BGR, and scaled to -1..1."
    )
