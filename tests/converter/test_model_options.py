import json

import pytest

from converter.errors import ModelFileError
from converter.model_options import ModelOptions, default_size, parse_dimensions, set_dimensions
from converter.signature import TensorSpec

INPUTS = (
    TensorSpec("image", (None, None, None, 3), "float32"),
    TensorSpec("flag", (None, 2), "float32"),
    TensorSpec("any", None, "float32"),
)


def test_json_round_trip():
    options = ModelOptions(
        signature="a", input_tensors=("x:0",), dimensions=(("x", (1, None, 3)),), unroll=True
    )
    assert ModelOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


@pytest.mark.parametrize(("rank", "size"), [(4, 224), (3, 32), (2, 32), (5, 32)])
def test_default_sizes(rank, size):
    assert default_size(rank) == size


class TestParse:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("image=1,64,64,3", ("image", (1, 64, 64, 3))),
            ("image=?,64, 64,3", ("image", (None, 64, 64, 3))),
            ("a=b=4", ("a=b", (4,))),
        ],
    )
    def test_a_name_and_its_sizes(self, text, expected):
        assert parse_dimensions(text) == expected

    @pytest.mark.parametrize("text", ["", "image", "=1,2", "image=", "image=1,x", "image=1.5"])
    def test_another_form_is_refused(self, text):
        with pytest.raises(ModelFileError, match=r"--shape expects NAME="):
            parse_dimensions(text)


class TestSet:
    def test_open_dimensions_get_the_sizes_and_the_rest_stays(self):
        found = set_dimensions(INPUTS, (("image", (None, 64, 48, 3)), ("any", (1, 5))), "m.keras")
        assert [spec.shape for spec in found] == [(None, 64, 48, 3), (None, 2), (1, 5)]

    def test_the_batch_can_be_set(self):
        assert set_dimensions(INPUTS, (("flag", (4, None)),), "m")[1].shape == (4, 2)

    @pytest.mark.parametrize(
        ("name", "shape", "words"),
        [
            ("imag", (1, 2), "'imag'"),
            ("flag", (None, 3), "only its open dimensions"),
            ("flag", (None, 2, 2), "only its open dimensions"),
            ("image", (None, 0, 64, 3), "between 1 and"),
            ("image", (None, -1, 64, 3), "between 1 and"),
            ("image", (None, 10**12, 64, 3), "between 1 and"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, name, shape, words):
        with pytest.raises(ModelFileError, match=words) as refused:
            set_dimensions(INPUTS, ((name, shape),), "m.keras")
        assert str(refused.value).startswith("m.keras: ")
