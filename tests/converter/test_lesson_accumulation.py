"""Step 4: every sum again, in Python's whole numbers and in half floats packed by `struct`."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.lesson.accumulation import FLOAT16, INTEGERS, ORDERS, accumulate
from converter.lesson.model import EVALUATION, layer_outputs, load_digits, load_layers
from converter.lesson.quantization import float16_sums

DIGITS = 40
HALF = st.floats(-100, 100, width=16)


def half(value):
    """Round to a half float and back, by the format's own packing."""
    return struct.unpack("<e", struct.pack("<e", value))[0]


def pooled_values():
    return layer_outputs(load_digits()[0][:EVALUATION], 8).astype(float).mean(axis=(1, 2))


def factors(pooled, weights):
    """Return 8-bit factors of one output and what a unit is worth."""
    low, high = min(min(pooled), 0.0), max(max(pooled), 0.0)
    in_scale = (high - low) / 255
    zero = min(max(round(-128 - low / in_scale), -128), 127)
    stored = [min(max(round(v / in_scale) + zero, -128), 127) - zero for v in pooled]
    scale = max(abs(w) for w in weights) / 127
    return stored, [round(w / scale) for w in weights], in_scale * scale


def ordered(values, products, order):
    places = list(range(len(products)))
    if order == "backwards":
        places.reverse()
    elif order == "largest first":
        places.sort(key=lambda i: -abs(products[i]))
    return [values[i] for i in places]


def saturating(products, bits):
    total = 0
    for product in products:
        total = max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, total + product))
    return total


def half_sum(pairs):
    """Return every half-float sum of exact products, and every exact sum."""
    total, exact, sums, exacts = 0.0, Fraction(0), [], []
    for a, b in pairs:
        product = Fraction(half(a)) * Fraction(half(b))
        total = half(float(Fraction(total) + product))
        exact += product
        sums.append(total)
        exacts.append(float(exact))
    return sums, exacts


@pytest.mark.parametrize("order", ORDERS)
def test_every_accumulator_by_plain_arithmetic(order):
    last, pooled = load_layers()[-1], pooled_values()
    tops = {name: [] for name in (*INTEGERS, FLOAT16)}
    for digit in range(DIGITS):
        outputs = {name: [] for name in tops}
        for neuron in range(10):
            weights = last.weights[neuron].tolist()
            left, right, scale = factors(pooled[digit].tolist(), weights)
            products = [a * b for a, b in zip(left, right, strict=True)]
            taken = ordered(products, products, order)
            for name in INTEGERS:
                outputs[name].append(saturating(taken, int(name[3:])) * scale)
            pairs = list(zip(pooled[digit].tolist(), weights, strict=True))
            sums, exacts = half_sum(ordered(pairs, products, order))
            outputs[FLOAT16].append(sums[-1])
            if (digit, neuron) == (3, 3):
                found = accumulate(3, 3, order)
                assert found.products.tolist() == taken
                assert found.sums[FLOAT16].tolist() == sums
                assert found.exact == pytest.approx(exacts, rel=1e-12)
                assert found.rounding[-1] == pytest.approx(sums[-1] - exacts[-1], rel=1e-6)
                for name in INTEGERS:
                    assert found.real(name)[-1] == pytest.approx(outputs[name][-1], rel=1e-5)
        for name, values in outputs.items():
            biased = [v + float(b) for v, b in zip(values, last.bias, strict=True)]
            tops[name].append(biased.index(max(biased)))
    for name, expected in tops.items():
        assert [accumulate(digit, 0, order).tops[name] for digit in range(DIGITS)] == expected


def test_the_share_that_is_right_counts_what_each_accumulator_reads():
    _, digits = load_digits()
    for name in (*INTEGERS, FLOAT16):
        right = sum(accumulate(d, 0).tops[name] == digits[d] for d in range(EVALUATION))
        assert accumulate(0, 0).accuracy[name] == right / EVALUATION


def test_the_order_moves_what_saturates_or_rounds_and_not_the_wide_sum():
    ends = {name: {float(accumulate(3, 3, order).sums[name][-1]) for order in ORDERS}
            for name in ("int32", "int16", FLOAT16)}  # fmt: skip
    assert [len(ends[name]) for name in ("int32", "int16", FLOAT16)] == [1, 3, 2]


def test_the_wide_sum_is_the_float_output_without_its_bias():
    last, found = load_layers()[-1], accumulate(3, 3)
    exact = math.fsum(a * float(b) for a, b in zip(pooled_values()[3], last.weights[3],
                                                   strict=True))  # fmt: skip
    assert found.real("int32")[-1] == pytest.approx(exact, abs=0.3)
    assert found.real(FLOAT16)[-1] == pytest.approx(exact, abs=0.05)
    assert abs(found.sums["int8"]).max() <= 128


@given(st.lists(st.tuples(HALF, HALF), min_size=1, max_size=20))
def test_a_half_float_sum_is_rounded_once_for_each_product(pairs):
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    found = float16_sums(left, right)
    assert found.dtype == np.float16
    try:
        expected, _ = half_sum(pairs)
    except OverflowError:  # `struct` refuses what NumPy stores as infinite
        assert np.isinf(found).any()
        return
    assert found.tolist() == expected
