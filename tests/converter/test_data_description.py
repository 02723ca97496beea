"""What a page shows of data: file beside fed, warnings, pictures; as strict JSON."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from converter.data_description import describe_data, read_data
from converter.errors import DataError
from converter.model_traits import ModelTraits
from converter.request import DataOptions
from converter.signature import TensorSpec
from converter.stored_values import fed_inputs

FLAT = TensorSpec("features", (None, 3), "float32")
THREE = TensorSpec("kind", (None, 3), "float32")
RANDOM = np.random.default_rng(0)


def describe(path, inputs=(FLAT,), outputs=(THREE,), options=None, **details):
    traits = ModelTraits.of(inputs, outputs, details)
    fitted = fed_inputs(list(inputs), details)
    read = read_data(
        path, "mine", fitted, options or DataOptions(), traits, for_page=True
    )  # fmt: skip
    return json.loads(json.dumps(describe_data(read), allow_nan=False))


def npz(path, **arrays):
    with path.open("wb") as stream:
        np.savez(stream, **arrays)
    return path


def images_zip(path, count=6):
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(count):
            stream = io.BytesIO()
            pixels = RANDOM.integers(0, 256, (20, 30, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(stream, "PNG")
            archive.writestr(f"{'abc'[n % 3]}/{n}.png", stream.getvalue())
    return path


def test_the_file_stands_beside_what_calibration_is_fed(tmp_path):
    x = RANDOM.normal(size=(400, 3))
    found = describe(npz(tmp_path / "d", x=x, y=np.arange(400) % 3))
    assert (found["samples"], found["labelled"], found["label_names"]) == (400, True, ["y"])
    assert found["split"] == {"calibration": 100, "evaluation": 300, "seed": 0}
    (distribution,) = found["distributions"]
    filed, fed = distribution["file"], distribution["fed"]
    assert (filed["dtype"], filed["values"], filed["max"]) == ("float64", 1200, x.max())
    assert (fed["dtype"], fed["values"], fed["samples"]) == ("float32", 300, 100)
    assert sum(fed["histogram"]["counts"]) == 300
    assert found["inputs"][0]["shape"] == [400, 3]
    assert found["labels"] == [{"name": "y", "kind": "classes", "classes": 3}]
    assert found["warnings"] == []
    assert found["preview"] is None
    assert found["notes"] == ["x holds float64 values and is fed as float32."]


def test_the_calibration_samples_are_those_of_a_run_with_the_defaults(tmp_path):
    from converter.samples import Samples, split_samples

    x = RANDOM.normal(size=(400, 3)).astype(np.float32)
    split = split_samples(Samples({"features": x}), None, None, 0)
    fed = describe(npz(tmp_path / "d", x=x))["distributions"][0]["fed"]
    assert fed["mean"] == pytest.approx(float(split.calibration.inputs["features"].mean()))


def test_one_sample_leaves_none_to_calibrate(tmp_path):
    found = describe(npz(tmp_path / "d", x=RANDOM.random((1, 3)).astype("f")))
    assert found["distributions"][0]["fed"] is None
    assert found["distributions"][0]["file"]["values"] == 3
    assert any("No sample calibrates" in text for text in found["warnings"])


def test_mistakes_of_every_kind_come_together(tmp_path):
    x = np.repeat(RANDOM.random((20, 3)), 2, axis=0)
    x[0, 0] = np.nan
    x[:, 1] = 4.0
    found = describe(npz(tmp_path / "d", x=x, y=np.full(40, 7)))
    text = " ".join(found["warnings"])
    for part in ("1 NaN", "run from 7 to 7", "All labels y are the class 7", "exact copies"):
        assert part in text
    assert any("never changes (column 2)" in note for note in found["notes"])
    assert not set(found["warnings"]) & set(found["notes"])


def test_a_run_is_told_of_mistakes_but_judges_the_fit_of_labels_itself(tmp_path):
    path = npz(tmp_path / "d", x=np.full((40, 3), 2.0, np.float32), y=np.full(40, 7))
    traits = ModelTraits.of([FLAT], [THREE], {})
    read = read_data(path, "mine", [FLAT], DataOptions(), traits, for_page=False)
    texts = [finding.text for finding in read.findings]
    assert any("All values of x are 2" in text for text in texts)
    assert not any("run from 7" in text for text in texts)
    assert read.raw.originals is None


class TestImages:
    PHOTO = TensorSpec("photo", (None, 8, 8, 3), "float32")
    PLAIN = ("InputLayer", "Conv2D")

    def test_the_bytes_in_the_zip_stand_beside_what_is_fed(self, tmp_path):
        found = describe(images_zip(tmp_path / "d"), [self.PHOTO], layers=self.PLAIN)
        filed, fed = (found["distributions"][0][role] for role in ("file", "fed"))
        assert (filed["dtype"], filed["values"], filed["drawn"]) == ("uint8", 6 * 1800, True)
        assert (filed["min"], filed["max"]) == (0, 255)
        assert fed["dtype"] == "float32"
        assert fed["max"] <= 1
        assert len(found["preview"]["pictures"]) == 6

    @pytest.mark.parametrize(
        ("scale", "details", "warned"),
        [
            ("auto", {"layers": PLAIN}, False),
            ("auto", {}, True),
            ("auto", {"layers": ("InputLayer", "Normalization", "Conv2D")}, True),
            ("-1..1", {}, False),
            ("0..255", {"layers": PLAIN}, True),
            ("0..1", {"layers": ("Rescaling", "Conv2D"), "rescaling_scale": 1 / 255}, True),
            ("auto", {"layers": ("Rescaling", "Conv2D"), "rescaling_scale": 1 / 255}, False),
        ],
    )
    def test_a_scale_that_does_not_suit_the_model_is_told(self, tmp_path, scale, details, warned):
        found = describe(
            images_zip(tmp_path / "d"), [self.PHOTO], options=DataOptions(image_scale=scale),
            **details,
        )  # fmt: skip
        about = [text for text in found["warnings"] if "scale" in text]
        assert bool(about) == warned

    def test_a_rescaling_layer_made_for_small_numbers_gets_small_numbers(self, tmp_path):
        details = {"layers": ("Rescaling", "Conv2D"), "rescaling_scale": 2.0}
        found = describe(images_zip(tmp_path / "d"), [self.PHOTO], **details)
        assert found["distributions"][0]["fed"]["max"] <= 1

    def test_class_folders_that_are_not_the_models_classes_are_told(self, tmp_path):
        outputs = [TensorSpec("probabilities", (None, 1000), "float32")]
        found = describe(images_zip(tmp_path / "d"), [self.PHOTO], outputs)
        assert any("name 3 classes and probabilities has 1000" in t for t in found["warnings"])


class TestScaledIntegers:
    """Data of a `.tflite` with int8 inputs: real numbers, or the integers that it stores."""

    INPUT = TensorSpec("features", (1, 3), "int8")
    DETAILS = {"quantized_inputs": {"features": [1 / 128, 0]}}  # noqa: RUF012

    def test_stored_integers_are_shown_as_the_numbers_that_they_stand_for(self, tmp_path):
        stored = RANDOM.integers(-128, 128, (50, 3))
        found = describe(npz(tmp_path / "d", x=stored), [self.INPUT], **self.DETAILS)
        (distribution,) = found["distributions"]
        assert distribution["file"]["min"] == stored.min()
        assert distribution["fed"]["max"] < 1
        assert not any("beyond" in text for text in found["warnings"])

    def test_a_run_judges_them_as_real_numbers_and_leaves_them_stored(self, tmp_path):
        stored = RANDOM.integers(-128, 128, (50, 3))
        traits = ModelTraits.of([self.INPUT], [], self.DETAILS)
        fitted = fed_inputs([self.INPUT], self.DETAILS)
        path = npz(tmp_path / "d", x=stored)
        read = read_data(path, "mine", fitted, DataOptions(), traits, for_page=False)
        np.testing.assert_array_equal(read.samples.inputs["features"], stored)
        assert not any("beyond" in finding.text for finding in read.findings)

    def test_real_numbers_beyond_what_it_stores_are_told(self, tmp_path):
        path = npz(tmp_path / "d", x=RANDOM.random((50, 3)) * 40)
        found = describe(path, [self.INPUT], **self.DETAILS)
        assert any("lie beyond -1 to 0.9922" in text for text in found["warnings"])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float64", "float16"])
def test_every_dtype_is_described(tmp_path, dtype):
    path = npz(tmp_path / "d", x=np.array([[0, 1, 0], [1, 1, 0]]).astype(dtype))
    found = describe(path)
    assert (found["inputs"][0]["min"], found["inputs"][0]["max"]) == (0.0, 1.0)
    assert found["distributions"][0]["file"]["dtype"] == dtype


def test_what_does_not_fit_is_refused_before_it_is_described(tmp_path):
    with pytest.raises(DataError, match=r"^mine: expected x of shape \(samples, 3\)"):
        describe(npz(tmp_path / "d", x=np.zeros((4, 9))))
