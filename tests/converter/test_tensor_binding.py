"""Tensors of a given file paired with those of a run: by name, by shape, or not at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import RuntimeModelError
from converter.signature import Signature, TensorSpec
from converter.tensor_binding import Binding, Ends, bind_file, shapes_of


def spec(name, *shape, dtype="float32"):
    return TensorSpec(name, shape, dtype)


def bind(wanted, found, quantized=()):
    """Pair `(inputs, outputs)` with `(inputs, outputs)`."""
    file = Ends(
        signature=Signature(tuple(found[0]), tuple(found[1])),
        quantized_inputs=frozenset(quantized),
        quantized_outputs=frozenset(quantized),
    )
    return bind_file("mine.tflite", Signature(tuple(wanted[0]), tuple(wanted[1])), file, "key")


X, Y = spec("x", 1, 4), spec("y", 1, 3)


class TestByName:
    def test_equal_names_need_no_word(self):
        binding, notes = bind(([X], [Y]), ([X], [Y]))
        assert (binding.inputs, binding.outputs) == ({"x": "x"}, {"y": "y"})
        assert (binding.signature, binding.label) == ("key", "mine.tflite")
        assert binding.shapes == {"x": [1, 4]}
        assert notes == []

    def test_the_order_of_the_file_does_not_matter(self):
        a, b = spec("a", 1, 4), spec("b", 1, 4)
        binding, notes = bind(([a, b], [Y]), ([b, a], [Y]))
        assert binding.inputs == {"a": "a", "b": "b"}
        assert notes == []

    def test_the_decoration_of_a_converter_is_seen_through(self):
        found = [spec("serving_default_b:0", 1, 4), spec("serving_default_a:0", 1, 4)]
        binding, _ = bind(([spec("a", 1, 4), spec("b", 1, 4)], [Y]), (found, [Y]))
        assert binding.inputs == {"serving_default_a:0": "a", "serving_default_b:0": "b"}

    def test_a_name_and_its_decorated_twin_are_not_confused(self):
        found = [spec("serving_default_a", 1, 4), spec("a", 1, 4)]
        wanted = [spec("a", 1, 4), spec("serving_default_a", 1, 4)]
        binding, _ = bind((wanted, [Y]), (found, [Y]))
        assert binding.inputs == {"a": "a", "serving_default_a": "serving_default_a"}

    def test_an_equal_name_of_another_shape_is_refused(self):
        with pytest.raises(RuntimeModelError, match=r"expected the input x \(1, 4\) float32") as e:
            bind(([X], [Y]), ([spec("x", 1, 5)], [Y]))
        assert "found x (1, 5) float32" in str(e.value)

    @pytest.mark.parametrize("found", [spec("x", 8, 4), spec("x", None, 4), spec("x", 1, None)])
    def test_another_batch_or_an_open_size_fits(self, found):
        binding, _ = bind(([X], [Y]), ([found], [Y]))
        assert binding.inputs == {"x": "x"}


class TestByShape:
    def test_one_tensor_alone_is_paired_with_a_note(self):
        binding, notes = bind(([X], [Y]), ([spec("in", 1, 4)], [spec("out", 1, 3)]))
        assert (binding.inputs, binding.outputs) == ({"in": "x"}, {"out": "y"})
        assert [note.split(" of the file")[0] for note in notes] == [
            "The input 'in'", "The output 'out'"
        ]  # fmt: skip

    def test_shapes_tell_tensors_of_other_names_apart(self):
        wanted = [spec("a", 1, 4), spec("b", 1, 5)]
        binding, notes = bind((wanted, [Y]), ([spec("p", 1, 5), spec("q", 1, 4)], [Y]))
        assert binding.inputs == {"p": "b", "q": "a"}
        assert len(notes) == 2

    def test_types_tell_them_apart_where_shapes_do_not(self):
        wanted = [spec("ids", 1, 4, dtype="int32"), spec("mask", 1, 4)]
        found = [spec("p", 1, 4), spec("q", 1, 4, dtype="int64")]
        binding, _ = bind((wanted, [Y]), (found, [Y]))
        assert binding.inputs == {"p": "mask", "q": "ids"}

    def test_alike_tensors_of_other_names_are_refused(self):
        wanted = [spec("a", 1, 4), spec("b", 1, 4)]
        with pytest.raises(RuntimeModelError, match="not one pairing alone fits"):
            bind((wanted, [Y]), ([spec("p", 1, 4), spec("q", 1, 4)], [Y]))

    @settings(max_examples=60)
    @given(st.permutations(range(4)), st.permutations(range(4)))
    def test_different_shapes_are_found_in_any_order(self, wanted, found):
        specs = [spec(f"w{k}", 1, k + 2) for k in wanted]
        others = [spec(f"f{k}", 1, k + 2) for k in found]
        binding, _ = bind((specs, [Y]), (others, [Y]))
        assert binding.inputs == {f"f{k}": f"w{k}" for k in range(4)}

    def test_an_output_of_another_form_and_the_same_size_fits(self):
        binding, _ = bind(([X], [Y]), ([X], [spec("out", 1, 1, 3)]))
        assert binding.outputs == {"out": "y"}

    def test_an_input_of_another_form_does_not(self):
        with pytest.raises(RuntimeModelError, match="not one pairing"):
            bind(([spec("x", 1, 2, 2)], [Y]), ([spec("in", 1, 4)], [Y]))


class TestNumberedOutputs:
    def test_are_positions(self):
        wanted = [spec("kind", 1, 3), spec("colour", 1, 3)]
        found = [spec("output_1", 1, 3), spec("output_0", 1, 3)]
        binding, notes = bind(([X], wanted), ([X], found))
        assert binding.outputs == {"output_0": "kind", "output_1": "colour"}
        assert any("numbered" in note for note in notes)

    def test_go_by_the_integer_not_by_the_alphabet(self):
        wanted = [spec(f"o{k}", 1, 3) for k in range(12)]
        found = sorted((spec(f"output_{k}", 1, 3) for k in range(12)), key=lambda s: s.name)
        binding, _ = bind(([X], wanted), ([X], found))
        assert binding.outputs == {f"output_{k}": f"o{k}" for k in range(12)}

    def test_of_a_shape_that_does_not_fit_are_refused(self):
        with pytest.raises(RuntimeModelError, match="expected the output"):
            bind(
                ([X], [spec("a", 1, 3), spec("b", 1, 2)]),
                ([X], [spec("output_0", 1, 2), spec("output_1", 1, 3)]),
            )


class TestWhatIsLeft:
    def test_an_input_that_the_file_does_not_take_plays_no_part(self):
        binding, notes = bind(([X, spec("more", 1, 2)], [Y]), ([X], [Y]))
        assert binding.inputs == {"x": "x"}
        assert notes == ["The file does not take the input 'more'; it plays no part here."]

    def test_an_output_that_the_model_does_not_have_plays_no_part(self):
        binding, notes = bind(([X], [Y]), ([X], [Y, spec("more", 1, 9)]))
        assert binding.outputs == {"y": "y"}
        assert notes == ["The file also gives the output 'more'; it plays no part here."]

    def test_an_input_that_nothing_can_feed_is_refused(self):
        with pytest.raises(RuntimeModelError, match="inputs"):
            bind(([X], [Y]), ([X, spec("more", 1, 2)], [Y]))

    def test_an_output_that_is_missing_is_refused(self):
        with pytest.raises(RuntimeModelError, match="outputs"):
            bind(([X], [Y, spec("more", 1, 9)]), ([X], [Y]))

    def test_many_tensors_end_at_once(self):
        wanted = [spec(f"a{k}", 1, 4) for k in range(200)]
        found = [spec(f"b{k}", 1, 4) for k in range(200)]
        with pytest.raises(RuntimeModelError, match="and 196 more"):
            bind((wanted, [Y]), (found, [Y]))


class TestTypes:
    def test_scaled_integers_stand_for_real_numbers(self):
        file = ([spec("x", 1, 4, dtype="int8")], [spec("y", 1, 3, dtype="uint8")])
        binding, _ = bind(([X], [Y]), file, quantized=("x", "y"))
        assert binding.inputs == {"x": "x"}

    def test_plain_integers_do_not(self):
        with pytest.raises(RuntimeModelError, match=r"found x .* int8"):
            bind(([X], [Y]), ([spec("x", 1, 4, dtype="int8")], [Y]))

    def test_scaled_integers_are_no_indices(self):
        ids = spec("x", 1, 4, dtype="int32")
        with pytest.raises(RuntimeModelError):
            bind(([ids], [Y]), ([spec("x", 1, 4, dtype="int8")], [Y]), quantized=("x",))


def test_a_binding_survives_json():
    binding, _ = bind(([X], [Y]), ([spec("in", 1, 4)], [Y]))
    assert Binding.from_json(json.loads(json.dumps(binding.to_json()))) == binding


def test_shapes_of_a_scalar_and_of_an_open_size():
    signature = Signature((spec("a"), spec("b", 2, None)), (Y,))
    assert shapes_of(signature) == {"a": [], "b": [2, 1]}
