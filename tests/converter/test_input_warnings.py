"""The usual mistakes in what a model is fed: each is told with what to do, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from converter.input_warnings import find_input_mistakes, judge_automatic_scale
from converter.model_traits import ModelTraits
from converter.samples import Samples
from converter.signature import TensorSpec

RANDOM = np.random.default_rng(0)
PLAIN = ModelTraits(layers=("InputLayer", "Conv2D", "Dense"))
RESCALING = ModelTraits(layers=("InputLayer", "Rescaling", "Conv2D"), rescaling_scale=1 / 255)
NORMALIZING = ModelTraits(layers=("InputLayer", "Normalization", "Conv2D"))
UNKNOWN = ModelTraits()


def images(low, high, dtype=np.float32):
    return (RANDOM.random((20, 8, 8, 3)) * (high - low) + low).astype(dtype)


def find(array, traits=PLAIN, **more):
    return find_input_mistakes(Samples({"image": np.asarray(array)}, **more), traits)


class TestRange:
    @pytest.mark.parametrize(
        ("array", "traits", "text"),
        [
            (images(0, 255), PLAIN, "no layer that rescales its input"),
            (images(0, 200), PLAIN, "divide by 255"),
            (images(0, 1), RESCALING, "multiply by 255"),
            (images(-1, 1), RESCALING, "made for 0..255"),
            (np.round(RANDOM.random((9, 784)) * 255).astype("f"), PLAIN, "divide by 255"),
        ],
        ids=["bytes", "dark bytes", "units", "signed units", "flattened bytes"],
    )
    def test_a_wrong_range_is_serious_and_says_what_to_do(self, array, traits, text):
        (found,) = find(array, traits)
        assert found.serious
        assert text in found.text

    def test_where_the_file_tells_nothing_it_is_a_hint(self):
        (found,) = find(images(0, 255), UNKNOWN)
        assert not found.serious
        assert "does not tell whether it rescales" in found.text

    @pytest.mark.parametrize(
        ("array", "traits"),
        [
            (images(0, 1), PLAIN),
            (images(-1, 1), PLAIN),
            (images(-124, 151), PLAIN),
            (images(0, 255), RESCALING),
            (images(0, 255), NORMALIZING),
            (images(0, 1), NORMALIZING),
            (images(0, 1), UNKNOWN),
            (images(0, 255, np.uint8), PLAIN),
            (images(0, 4000), PLAIN),
            (RANDOM.random((20, 30)) * 250, PLAIN),
            (RANDOM.random((20, 300)) * 250, PLAIN),
            (RANDOM.random((20, 24, 1)) * 250, PLAIN),
        ],
        ids=["units", "signed", "mean subtracted", "rescaled", "normalized bytes",
             "normalized units", "unknown units", "uint8 input", "depth", "table", "wide table",
             "series"],
    )  # fmt: skip
    def test_what_is_right_or_cannot_be_judged_passes(self, array, traits):
        assert find(array, traits) == []

    @pytest.mark.parametrize("traits", [NORMALIZING, UNKNOWN], ids=["normalizing", "unknown"])
    def test_an_automatic_scale_that_is_a_guess_is_told(self, traits):
        (found,) = judge_automatic_scale("0..1", traits)
        assert found.serious
        assert "0..1 automatically" in found.text

    @pytest.mark.parametrize("traits", [PLAIN, RESCALING], ids=["plain", "rescaling"])
    def test_an_automatic_scale_that_the_layers_tell_is_none(self, traits):
        assert judge_automatic_scale("0..1", traits) == []


class TestScaledIntegers:
    """A `.tflite` whose input holds int8: scale 1/128, zero point 0, so -1 to 0.99."""

    TRAITS = ModelTraits(
        inputs=(TensorSpec("image", (1, 8, 8, 3), "int8"),), quantized={"image": (1 / 128, 0)}
    )

    def test_values_beyond_what_the_input_holds_are_told_by_their_share(self):
        array = images(-1, 0.9)
        array[:10] = 7.5
        (found,) = find(array, self.TRAITS)
        assert found.serious
        assert "50.0% of the values of x lie beyond -1 to 0.9922" in found.text

    def test_values_that_fit_pass(self):
        assert find(images(-1, 0.99), self.TRAITS) == []


class TestConstants:
    def test_a_constant_input(self):
        (found,) = find(np.full((9, 4), 3.0))
        assert found.serious
        assert "All values of x are 3: on a constant" in found.text

    def test_one_number_is_no_constant(self):
        assert find(np.full((1, 1), 3.0)) == []

    @pytest.mark.parametrize(
        ("still", "text", "serious"),
        [
            ([2], "1 of 5 columns of x never changes (column 3)", False),
            ([0, 4], "2 of 5 columns of x never change (columns 1, 5)", False),
            ([0, 1, 2], "3 of 5 columns", True),
        ],
    )
    def test_columns_that_never_change(self, still, text, serious):
        table = RANDOM.random((30, 5))
        table[:, still] = 1.5
        (found,) = find(table)
        assert text in found.text
        assert found.serious == serious

    def test_columns_of_a_csv_are_told_by_name(self):
        table = RANDOM.random((30, 3))
        table[:, 1] = 0
        (found,) = find(table, columns={"image": ("age", "height", "weight")})
        assert "(column height)" in found.text

    def test_many_are_told_in_few_words(self):
        table = RANDOM.random((30, 5000))
        table[:, 100:] = 0
        (found,) = find(table)
        assert "4900 of 5000 columns" in found.text
        assert len(found.text) < 250

    def test_a_channel_that_never_changes(self):
        array = images(0, 1)
        array[..., 2] = 0
        (found,) = find(array)
        assert "1 of 3 channels of x never changes (channel 3)" in found.text

    @pytest.mark.parametrize(
        "array",
        [
            np.concatenate([np.zeros((30, 10)), RANDOM.random((30, 54))], axis=1),
            np.concatenate([np.zeros((4, 1)), RANDOM.random((4, 3))], axis=1),
            np.array([[np.nan, 1.0]] * 9 + [[0.0, 2.0]]),
        ],
        ids=["black corners of a flattened image", "too few samples", "a gap is no value"],
    )
    def test_what_is_usual_passes(self, array):
        assert [f for f in find(array) if "never" in f.text] == []


class TestGaps:
    def test_what_is_no_number_is_counted_by_kind_and_sample(self):
        array = RANDOM.random((10, 4))
        array[0] = np.nan
        array[1, 2] = -np.inf
        (found,) = find(array)
        assert found.serious
        assert "(4 NaN and 1 infinite, in 2 of 10 samples)" in found.text

    def test_nothing_but_gaps(self):
        (found,) = find(np.full((3, 2), np.nan))
        assert "6 NaN, in 3 of 3 samples" in found.text


class TestIds:
    TRAITS = ModelTraits(layers=("InputLayer", "Embedding"), embedding_rows=100)

    @pytest.mark.parametrize(("low", "high"), [(0, 100), (-1, 5), (0, 2**40)])
    def test_ids_beyond_the_embedding_are_told(self, low, high):
        (found,) = find(np.array([[low, high, 3]]), self.TRAITS)
        assert found.serious
        assert f"ids from {low} to {high}" in found.text
        assert "100 rows (0 to 99)" in found.text

    @pytest.mark.parametrize(
        ("array", "traits"),
        [
            (np.array([[0, 99]]), TRAITS),
            (np.array([[0, 10**6]]), PLAIN),
            (np.array([[0.5, 1000.0]]), TRAITS),
        ],
        ids=["within", "no embedding", "another, real input"],
    )
    def test_others_pass(self, array, traits):
        assert find(array, traits) == []


def test_of_several_inputs_each_is_told_by_its_name():
    samples = Samples({"left": np.ones((9, 2)), "right": np.full((9, 1), np.nan)})
    texts = [found.text for found in find_input_mistakes(samples, PLAIN)]
    assert texts[0].startswith("All values of left are 1")
    assert texts[1].startswith("right holds values that are no numbers")
