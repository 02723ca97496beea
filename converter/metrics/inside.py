"""What a look inside finds: layers, calibration and operators; and what a story adds up."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from converter.metrics.definition import MetricDefinition

INSIDE = (
    MetricDefinition(
        "accumulated_sqnr_db", "SQNR from the input on", "10 · log₁₀(Σ r² / Σ (y − r)²)",
        "Error that has come together up to this layer: both whole files run.", "Bennett 1948",
        ("From the input on",),
    ),
    MetricDefinition(
        "born_sqnr_db", "SQNR born here", "10 · log₁₀(Σ r² / Σ (y − r)²)",
        "Error of this layer alone, fed with the float32 file's activations.", "Bennett 1948",
        ("Born here",),
    ),
    MetricDefinition(
        "rmse_in_steps", "RMSE / scale", "√(Σ (y − r)² / values) / scale",
        "Error born here in steps of the layer's grid; rounding alone gives 1/√12 = 0.29.",
        "Bennett 1948",
    ),
    MetricDefinition(
        "layer_cosine", "Cosine of a layer", "mean over samples of y·r / (|y| · |r|)",
        "Angle between the layer's values and the float32 file's; 1 is the same direction.",
        names=("Cosine",),
    ),
    MetricDefinition(
        "at_low", "At the low end", "values stored as the least integer / values",
        "Many there are a range too small, unless the end is zero, as after a ReLU.",
    ),
    MetricDefinition(
        "at_high", "At the high end", "values stored as the greatest integer / values",
        "Many there are a range too small.",
    ),
    MetricDefinition(
        "clipped", "Cut off", "values beyond the range by more than half a step / values",
        "Saturation: what the float32 file's values lose at both ends of the range.",
        names=("Cut off below", "Cut off above"),
    ),
    MetricDefinition(
        "leg_sqnr_db", "SQNR of a leg", "10 · log₁₀(Σ r² / Σ (y − r)²)",
        "Error of one step of the way: conversion, quantization, kernels.", "Bennett 1948",
    ),
    MetricDefinition(
        "residual", "Residual", "mean square of the whole − Σ mean squares of the legs",
        "By how much the legs do not add up: below zero their errors cancel each other.",
    ),
    MetricDefinition(
        "calibration_sqnr_db", "SQNR by samples",
        "median over draws of 10 · log₁₀(Σ r² / Σ (y − r)²)",
        "Closeness of the variant calibrated with so many samples.", "Bennett 1948",
    ),
    MetricDefinition(
        "halves_gap_db", "Gap of the halves", "SQNR of one half − SQNR of the other",
        "What would change had other samples calibrated.", names=("First half", "Second half"),
    ),
    MetricDefinition(
        "between_db", "One against the other", "10 · log₁₀(Σ y₁² / Σ (y₂ − y₁)²)",
        "SQNR of the second half's outputs against the first's.", "Bennett 1948",
    ),
    MetricDefinition(
        "scale_ratio", "Scale ratio", "larger scale / smaller scale",
        "How differently two calibrations see the range of an activation.",
        names=("Larger / smaller",),
    ),
    MetricDefinition(
        "clipping_share", "Activations that clip", "activations with values beyond / activations",
        "How many ranges are too small for the evaluation samples.",
    ),
    MetricDefinition(
        "grid_scale", "Step of a grid", "(greatest number − least) / (numbers − 1)",
        "The scale: how far two neighbouring numbers of a grid lie apart.",
        names=("Scale", "Scale of channel 1"),
    ),
    MetricDefinition(
        "grid_zero", "Zero of a grid", "least integer − least number / scale",
        "The zero point: which integer stands for the real number 0.", names=("Zero point",),
    ),
    MetricDefinition(
        "grid_numbers", "Numbers in the grid", "greatest integer − least integer + 1",
        "So many different values can be stored.",
    ),
    MetricDefinition(
        "tensor_sqnr_db", "Tensor's SQNR", "10 · log₁₀(Σ x² / Σ (q − x)²)",
        "Signal power over error power of a tensor before (x) and after (q) the grid.",
        "Bennett 1948",
    ),
    MetricDefinition(
        "grid_clipped", "Clipped", "values beyond the grid / values",
        "What lies beyond the grid is stored as its end.",
    ),
    MetricDefinition(
        "running_sum", "Running sum", "sum of the integers · scales",
        "What an accumulator of so many bits ends at; one that is full stays at its end.",
        names=("Summed in int8", "Summed in int16", "Summed in int32"),
    ),
    MetricDefinition(
        "float16_sum", "Sum in half floats", "sum of the real products, rounded after each",
        "What a float16 accumulator ends at: each sum is rounded to 11 bits, so that the order "
        "matters.",
        names=("Summed in float16",),
    ),
    MetricDefinition(
        "operator_count", "Operators", "operators of all subgraphs",
        "How many steps the file's graph has.",
    ),
    MetricDefinition(
        "integer_ops", "Integer ops", "operators that compute on integers",
        "Counted in the file, over all subgraphs.",
    ),
    MetricDefinition(
        "float_ops", "Float ops", "operators that compute on floats",
        "Counted in the file, over all subgraphs.",
    ),
    MetricDefinition(
        "operation_count", "Operations", "Σ over kinds of their count",
        "Operations of the frozen graph, constants left out.", names=("Count",),
    ),
    MetricDefinition(
        "missed_kinds", "Kinds that miss their aim",
        "kinds with a problem on a tried target / kinds",
        "A kind misses its aim where a target that was tried does not take it as asked.",
    ),
    MetricDefinition(
        "saved_bytes", "Downloads", "people · (original bytes − variant bytes)",
        "What so many people need not transfer and keep.",
    ),
    MetricDefinition(
        "saved_hours", "Processor time",
        "people · inferences · (original's median − variant's) / 3,600,000 ms",
        "What so many inferences take less, if their devices were as this machine.",
    ),
    MetricDefinition(
        "saved_memory_bytes", "Memory saved", "float32 file's memory − variant's",
        "What a device holds less while the model runs, above the bare runtime.",
        names=("Memory",),
    ),
    MetricDefinition(
        "flag_effect", "Effect of a flag", "mean over pairs of (measure with it − without it)",
        "Of two variants that differ in this flag alone; sizes and times as logarithms, so that "
        "effects are factors.", "Box, Hunter and Hunter 2005, chapter 5",
    ),
    MetricDefinition(
        "flag_interaction", "Effect of two flags",
        "mean over squares of ((both − second) − (first − neither)) / 2",
        "What two flags do together beyond what each does alone.",
        "Box, Hunter and Hunter 2005, chapter 5",
    ),
    MetricDefinition(
        "part_bytes", "Bytes of a part", "Σ bytes of the parts that it holds",
        "The parts of a file sum to the file exactly; what lies between them is a part too.",
    ),
    MetricDefinition(
        "stored_bytes", "Stored", "Σ over stored tensors of values · bits / 8, and 12 of a scale",
        "What a layer keeps in a precision: weights, biases and their scales.",
        names=("Stored in float32",),
    ),
    MetricDefinition(
        "sensitivity", "Sensitivity",
        "10 · log₁₀(Σ r² / Σ (y − r)²), one layer alone quantized",
        "How much the output minds that this layer is stored so, the others in float32.",
        names=("Wholly", "Weights alone"),
    ),
    MetricDefinition(
        "activation_share", "What is left",
        "−10 · log₁₀(10^(−wholly / 10) − 10^(−weights alone / 10))",
        "The error that is left when the power of the weights' error is taken off: worked out, not "
        "measured.",
    ),
    MetricDefinition(
        "integer_share", "On integers", "operators on integers / operators",
        "Counted in the file, over all subgraphs.",
    ),
)  # fmt: skip
