"""A deep analysis made up by hand, with as many layers as asked."""

from __future__ import annotations

import math

from converter.drift import Drift
from converter.layer_analysis import (
    ChannelRanges,
    Layer,
    LayerAnalysis,
    LayerDrift,
    Saturation,
    UnpairedTensor,
)
from converter.ledger import Ledger, Leg, Residual
from converter.operator_costs import OperatorCost, OperatorCosts
from converter.streamed_error import TensorError


def error(sqnr_db, rmse=0.01, steps=0.4):
    return TensorError(
        values=100, sqnr_db=sqnr_db, rmse=rmse, rmse_in_steps=steps, mean_error=0.0,
        mean_abs_error=rmse / 2, max_abs_error=rmse * 4, cosine_similarity=0.999,
        non_finite_count=0,
    )


def layer(number, accumulated=40.0, born=45.0, name=None):
    return Layer(
        number=number, operator="CONV_2D", tensor=name or f"block_{number}/conv",
        reference=f"block_{number}/conv", shape=[1, 8, 8, 4], dtype="int8", scale=0.1,
        zero_point=-128, accumulated=error(accumulated),
        born=None if born is None else error(born),
        born_absence="its input has no partner" if born is None else None,
        saturation=Saturation(at_low=0.5, at_high=0.01, low_is_zero=True, clipped_low=0.0,
                              clipped_high=0.002),
        histogram={"edges": [0.0, 1.0, 2.0, 3.0], "reference": [6, 3, 1], "variant": [5, 5, 0]},
        weights=[ChannelRanges(tensor=f"w{number}", dtype="int8", channels=3, numbers=[0, 1, 2],
                               low=[-1.0, -0.5, -2.0], high=[1.0, 0.5, 1.5],
                               reference_low=[-1.1, -0.5, -2.0], reference_high=[1.0, 0.6, 1.5],
                               steps=[0.01, 0.005, 0.02])],
    )


def costs(*operators, whole=1.0):
    return OperatorCosts(
        operators=[
            OperatorCost(number=i, operator=kind, tensor=name, median_ms=ms, fastest_ms=ms, runs=9,
                         absence=None if ms is not None else "it is a custom operator")
            for i, (kind, name, ms) in enumerate(operators)
        ],
        whole_ms=whole, whole_fastest_ms=whole, whole_runs=9, empty_call_ms=0.0, threads=1,
    )


def drift(rmse):
    return Drift(
        max_abs_error=rmse * 3, mean_abs_error=rmse / 2, rmse=rmse,
        sqnr_db=math.inf if rmse == 0 else 40.0, cosine_similarity=0.999,
        worst_cosine_similarity=0.99, top1_agreement=1.0, top1_samples=10, top1_ties=0,
        non_finite_count=0, max_abs_error_lsb=None,
    )


def make_analysis(recipe="int8", layers=5, output="y"):
    names = ("TensorFlow", "float32 TFLite", f"{recipe}, reference kernels",
             f"{recipe}, default kernels")
    legs = [
        Leg(key=key, start=start, end=end, drift={output: drift(rmse)})
        for key, start, end, rmse in zip(
            ("conversion", "quantization", "kernels"), names, names[1:], (1e-7, 0.02, 0.0),
            strict=False,
        )
    ]
    return LayerAnalysis(
        recipe=recipe, sha256="0" * 64, reference_sha256="1" * 64,
        drift=LayerDrift(
            layers=[layer(i, 60 - i / 4, 50 - 10 * (i == 2)) for i in range(layers)],
            unpaired=[UnpairedTensor(name="lost", file="variant", operator="ADD",
                                     reason="the float32 file has no tensor of this name")],
            samples=10, samples_given=12,
        ),
        ledger=Ledger(
            legs=legs, samples=10,
            whole=Leg(key="whole", start=names[0], end=names[-1], drift={output: drift(0.019)}),
            residual={output: Residual(whole=0.019**2, legs=0.02**2,
                                       residual=0.019**2 - 0.02**2)},
        ),
        costs=costs(("CONV_2D", "a", 0.3), ("CONV_2D", "b", 0.2), ("QUANTIZE", "q", 0.01),
                    ("Custom", "c", None), whole=0.52),
        reference_costs=costs(("CONV_2D", "a", 0.5), ("CONV_2D", "b", 0.1), whole=0.6),
        created="2026-11-22T08:30:00+00:00",
    )
