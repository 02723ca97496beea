"""Zips of images: class folders, colours, sizes, scales, and images that are none."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from converter.data_file import read_data_file
from converter.errors import DataError
from converter.request import DataOptions
from converter.samples import load_samples
from converter.signature import TensorSpec
from tests.converter.read_or_refused import read_or_refused

GRAY = [TensorSpec("image", (None, 4, 4, 1), "float32")]


def encoded(pixels, form="PNG"):
    stream = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(stream, form)
    return stream.getvalue()


def flat(value, size=4, channels=None):
    shape = (size, size) if channels is None else (size, size, channels)
    return encoded(np.full(shape, value))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "images.zip"


def write(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def load(path, inputs=GRAY, **more):
    options = DataOptions(image_scale=more.pop("scale", "auto"))
    return load_samples(path, "images.zip", inputs, options, **more)


class TestLabels:
    def test_class_folders_in_alphabetical_order(self, path):
        write(path, {"dog/1.png": flat(0), "cat/2.png": flat(255), "dog/3.png": flat(9)})
        samples = load(path)
        assert samples.labels["y"].tolist() == [0, 1, 1]
        assert samples.inputs["image"][:, 0, 0, 0].tolist() == pytest.approx([1.0, 0.0, 9 / 255])
        assert any("cat = 0, dog = 1" in note for note in samples.notes)

    def test_numeric_folders_are_the_indices_themselves(self, path):
        write(path, {f"{n}/a.png": flat(n) for n in (10, 2, 0)})
        samples = load(path)
        values = (samples.inputs["image"][:, 0, 0, 0] * 255).round().astype(int)
        assert samples.labels["y"].tolist() == values.tolist()
        assert sorted(values) == [0, 2, 10]

    def test_below_one_common_folder(self, path):
        write(path, {"set/cat/a.png": flat(1), "set/dog/b.png": flat(2)})
        assert load(path).labels["y"].tolist() == [0, 1]

    def test_the_same_class_in_two_parts_is_one_class(self, path):
        write(
            path,
            {
                f"{part}/{kind}/{part}.png": flat(1)
                for part in ("test", "train")
                for kind in ("cat", "dog")
            },
        )
        assert load(path).labels["y"].tolist() == [0, 1, 0, 1]

    @pytest.mark.parametrize(
        "names", [["a.png", "b.png"], ["all/a.png", "all/b.png"]], ids=["no folder", "one folder"]
    )
    def test_without_class_folders_there_are_none(self, path, names):
        write(path, {name: flat(1) for name in names})
        assert load(path).labels == {}

    def test_bookkeeping_is_no_class(self, path):
        write(
            path,
            {
                "a/1.png": flat(1),
                "b/1.png": flat(2),
                "__MACOSX/a/._1.png": b"junk",
                "a/.DS_Store": b"junk",
                "README.txt": b"text",
            },
        )
        assert load(path).labels["y"].tolist() == [0, 1]

    def test_many_classes_are_listed_in_few_words(self, path):
        write(path, {f"class {n:03d}/a.png": flat(1) for n in range(40)})
        samples = load(path)
        assert samples.class_names["y"][39] == "class 039"
        assert any("class 000 = 0" in n and "and 28 more" in n for n in samples.notes)

    def test_folder_names_that_only_look_like_digits_are_names(self, path):
        write(path, {"²/a.png": flat(1), "³/a.png": flat(2)})
        assert load(path).labels["y"].tolist() == [0, 1]


class TestPixels:
    @pytest.mark.parametrize(
        ("scale", "rescales", "expected"),
        [
            ("auto", False, [0.0, 1.0]),
            ("auto", True, [0.0, 255.0]),
            ("0..1", True, [0.0, 1.0]),
            ("-1..1", False, [-1.0, 1.0]),
            ("0..255", False, [0.0, 255.0]),
        ],
    )
    def test_scales(self, path, scale, rescales, expected):
        write(path, {"a.png": flat(0), "b.png": flat(255)})
        samples = load(path, scale=scale, rescales=rescales)
        assert samples.inputs["image"][:, 0, 0, 0].tolist() == expected
        assert any("scaled to" in note for note in samples.notes)

    def test_an_unknown_scale_is_refused(self, path):
        write(path, {"a.png": flat(0)})
        with pytest.raises(DataError, match="image scale is one of"):
            load(path, scale="percent")

    def test_bytes_stay_bytes_for_a_model_of_bytes(self, path):
        write(path, {"a.png": flat(0), "b.png": flat(200)})
        samples = load(path, [TensorSpec("image", (None, 4, 4, 1), "uint8")])
        assert samples.inputs["image"].dtype == np.uint8
        assert samples.inputs["image"][:, 0, 0, 0].tolist() == [0, 200]
        assert not any("0..1" in note for note in samples.notes)

    @pytest.mark.parametrize(
        ("channels", "shape"),
        [(1, (None, 4, 4, 1)), (3, (None, 4, 4, 3)), (4, (None, 4, 4, 4)), (None, (None, 4, 4))],
        ids=["gray", "RGB", "RGBA", "no channels"],
    )
    @pytest.mark.parametrize("stored", [None, 3, 4], ids=["from gray", "from RGB", "from RGBA"])
    def test_colours_are_brought_into_the_form_of_the_model(self, path, channels, shape, stored):
        write(path, {"a.png": flat(255, channels=stored), "b.png": flat(0, channels=stored)})
        samples = load(path, [TensorSpec("image", shape, "float32")])
        assert samples.inputs["image"].shape == (2, *shape[1:])
        first = samples.inputs["image"][0].ravel()
        assert first[0] == pytest.approx(1.0)

    def test_channels_keep_their_order(self, path):
        red = np.zeros((4, 4, 3))
        red[..., 0] = 255
        write(path, {"a.png": encoded(red), "b.png": flat(0, channels=3)})
        samples = load(path, [TensorSpec("image", (None, 4, 4, 3), "float32")])
        assert samples.inputs["image"][0, 0, 0].tolist() == [1.0, 0.0, 0.0]

    def test_sizes_are_adapted_height_before_width(self, path):
        wide = np.zeros((4, 8))
        wide[:, 4:] = 255
        write(path, {"a.png": encoded(wide), "b.png": flat(3)})
        samples = load(path, [TensorSpec("image", (None, 2, 8, 1), "float32")])
        assert samples.inputs["image"].shape == (2, 2, 8, 1)
        assert samples.inputs["image"][0, :, 0, 0].tolist() == [0.0, 0.0]
        assert samples.inputs["image"][0, :, 7, 0].tolist() == [1.0, 1.0]

    def test_open_sizes_are_those_of_the_first_image(self, path):
        write(path, {"a.png": encoded(np.zeros((3, 5))), "b.png": flat(3)})
        samples = load(path, [TensorSpec("image", (None, None, None, 1), "float32")])
        assert samples.inputs["image"].shape == (2, 3, 5, 1)

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"])
    def test_formats(self, path, form):
        name = f"a.{form.lower()}"
        write(path, {name: encoded(np.full((4, 4), 128), form), "b.PNG": flat(0)})
        assert load(path).inputs["image"][0, 0, 0, 0] == pytest.approx(128 / 255, abs=0.02)


class TestSixteenBits:
    """Deep images are common in microscopy; Pillow's own conversion turns them white."""

    def deep(self, value):
        stream = io.BytesIO()
        Image.fromarray(np.full((4, 4), value, np.uint16)).save(stream, "PNG")
        return stream.getvalue()

    def test_their_upper_half_is_taken_and_noted(self, path):
        write(path, {"a.png": self.deep(65535), "b.png": self.deep(32768), "c.png": flat(10)})
        samples = load(path, scale="0..255")
        assert samples.inputs["image"][:, 0, 0, 0].tolist() == [255, 128, 10]
        assert any("2 images have 16 bits a pixel" in note for note in samples.notes)

    @pytest.mark.parametrize("dtype", [np.float32, np.int32])
    def test_images_without_a_known_range_are_refused(self, path, dtype):
        stream = io.BytesIO()
        Image.fromarray(np.ones((4, 4), dtype)).save(stream, "TIFF")
        write(path, {"a.tiff": stream.getvalue()})
        with pytest.raises(DataError, match="8 or 16 bits a pixel, found one of 32"):
            load(path)


class TestOriginals:
    def read(self, path, inputs=GRAY, originals=True):
        return read_data_file(
            path, "images.zip", inputs, DataOptions(), rescales=False, originals=originals
        )

    def test_the_values_are_those_in_the_file_before_resizing(self, path):
        half = np.zeros((8, 8))
        half[:, 4:] = 255
        write(path, {"a.png": encoded(half), "b.png": flat(7)})
        found = self.read(path).originals
        values, counts = np.unique(found.values, return_counts=True)
        assert values.tolist() == [0, 7, 255]
        assert counts.tolist() == [32, 16, 32]

    def test_of_large_images_a_part_of_each_is_drawn(self, path, monkeypatch):
        monkeypatch.setattr("converter.image_data.HISTOGRAM_VALUES", 200)
        write(path, {f"{n}.png": flat(50 * n, size=100) for n in range(4)})
        values, counts = np.unique(self.read(path).originals.values, return_counts=True)
        assert values.tolist() == [0, 50, 100, 150]
        assert set(counts.tolist()) == {64}

    def test_a_run_keeps_none(self, path):
        write(path, {"a.png": flat(1)})
        assert self.read(path, originals=False).originals is None


class TestRefused:
    def refuse(self, path, message, inputs=GRAY):
        with pytest.raises(DataError, match=message) as refused:
            load(path, inputs)
        assert str(refused.value).startswith("images.zip: ")

    def test_no_images(self, path):
        write(path, {"a.txt": b"text"})
        self.refuse(path, "expected arrays .* or images")

    @pytest.mark.parametrize(
        "shape", [(None, 10), (None, 4, 4, 2), None, (None,), (None, 2, 4, 4, 3)], ids=str
    )
    def test_a_model_that_takes_no_images(self, path, shape):
        write(path, {"a.png": flat(1)})
        self.refuse(path, "images need a model with one input", [TensorSpec("x", shape, "float32")])

    def test_a_model_of_channels_first(self, path):
        write(path, {"a.png": flat(1)})
        spec = TensorSpec("x", (None, 3, 32, 33), "float32")
        self.refuse(path, r"channels stand first in it.*as \.npz", [spec])

    def test_a_model_of_two_inputs(self, path):
        write(path, {"a.png": flat(1)})
        self.refuse(path, "images need a model with one input", [*GRAY, *GRAY])

    @pytest.mark.parametrize(
        "content",
        [b"", b"no image", b"\x89PNG\r\n\x1a\n"],
        ids=["empty", "text", "signature alone"],
    )
    def test_what_is_no_image(self, path, content):
        write(path, {"good.png": flat(1), "bad.png": content})
        self.refuse(path, "'bad.png' is (no readable|a damaged) image")

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"])
    def test_an_image_cut_anywhere_is_read_or_refused(self, path, form):
        noise = np.random.default_rng(0).integers(0, 255, (16, 16))
        whole = encoded(noise, form)
        refusals = 0
        for end in range(1, len(whole), max(1, len(whole) // 40)):
            write(path, {f"a.{form.lower()}": whole[:end], "b.png": flat(1)})
            samples = read_or_refused(lambda: load(path), "images.zip: ")
            refusals += samples is None
            assert samples is None or len(samples) == 2
        assert refusals > 10

    def test_too_many_pixels(self, path, monkeypatch):
        monkeypatch.setenv("LITEDRIFT_IMAGE_PIXELS", "15")
        write(path, {"a.png": flat(1)})
        self.refuse(path, "at most 15 pixels an image, found 4x4 in 'a.png'")

    def test_too_many_bytes_once_decoded(self, path, monkeypatch):
        members = {f"{n}.png": flat(1) for n in range(4)}
        write(path, members)
        monkeypatch.setenv("LITEDRIFT_DATA_BYTES", str(sum(map(len, members.values()))))
        self.refuse(
            path,
            "4 images of 64x64x1 take more than",
            [TensorSpec("x", (None, 64, 64, 1), "float32")],
        )
