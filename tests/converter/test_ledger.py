"""The ledger: each leg on its own, the whole from end to end, and what does not add up."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from converter.json_figures import encode_figures
from converter.ledger import Ledger, Station, build_ledger

KEYS = ("conversion", "quantization", "kernels")
NAMES = ("TensorFlow", "float32 TFLite", "int8, reference kernels", "int8, default kernels")


def ledger(*values, steps=None):
    stations = [
        Station(name=name, outputs={} if v is None else {"y": np.asarray(v, np.float32)[:, None]},
                note="It is not known." if v is None else "")
        for name, v in zip(NAMES, values, strict=True)
    ]
    return build_ledger(stations, KEYS, steps or {"y": 0.5})


def test_each_leg_has_its_own_error_and_the_whole_has_all():
    found = ledger([1, 2], [1, 2], [1.5, 2], [1.5, 3])
    rmse = [leg.drift["y"].rmse for leg in found.legs]
    assert rmse == pytest.approx([0, math.sqrt(0.125), math.sqrt(0.5)])
    assert found.whole.drift["y"].rmse == pytest.approx(math.sqrt((0.25 + 1) / 2))
    assert found.residual["y"].residual == pytest.approx(0)  # the errors are of different samples
    assert [leg.key for leg in found.legs] == list(KEYS)
    assert found.samples == 2


def test_errors_that_cancel_leave_a_negative_residual():
    found = ledger([1, 1], [1, 1], [2, 2], [1, 1])
    item = found.residual["y"]
    assert (item.whole, item.legs, item.residual) == pytest.approx((0, 2, -2))
    assert found.whole.drift["y"].sqnr_db == math.inf


def test_errors_that_add_leave_a_positive_one():
    item = ledger([0, 0], [1, 1], [2, 2], [3, 3]).residual["y"]
    assert (item.whole, item.legs, item.residual) == pytest.approx((9, 3, 6))


def test_without_the_original_its_leg_is_empty_with_the_reason():
    found = ledger(None, [1, 2], [1, 2], [1, 3])
    assert found.legs[0].drift == {}
    assert "not known" in found.legs[0].note
    assert found.whole.start == "float32 TFLite"
    assert found.legs[1].note == ""


def test_steps_are_the_variants_and_not_the_float_files():
    found = ledger([1, 2], [1, 2.5], [1, 2], [1, 2])
    assert found.legs[0].drift["y"].max_abs_error_lsb is None
    assert found.legs[1].drift["y"].max_abs_error_lsb == 1.0


def test_outputs_of_another_shape_are_brought_into_one():
    stations = [
        Station(name="a", outputs={"y": np.ones((4, 3), "f4")}),
        Station(name="b", outputs={"y": np.ones((4, 1, 3), "f4")}),
    ]
    assert build_ledger(stations, ("quantization",), {}).whole.drift["y"].rmse == 0


def test_it_survives_json():
    found = ledger(None, [1, 1], [1, math.nan], [1, 1])
    text = json.dumps(encode_figures(asdict(found)), allow_nan=False)
    again = Ledger.from_json(json.loads(text))
    assert again.legs[1].drift["y"].non_finite_count == 1
    assert math.isnan(again.legs[1].drift["y"].rmse)
    assert again.whole.drift["y"].sqnr_db == math.inf
