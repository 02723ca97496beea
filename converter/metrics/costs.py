"""What conversion costs: drift, accuracy, and what became of single samples."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from converter.metrics.definition import MetricDefinition

COSTS = (
    MetricDefinition(
        "sqnr_db", "SQNR", "10 · log₁₀(Σ r² / Σ (y − r)²)",
        "Signal power over error power: 6 dB halve the error. r: the original's output, y: the "
        "variant's.", "Bennett 1948", ("Signal to error",),
    ),
    MetricDefinition(
        "rmse", "RMSE", "√(Σ (y − r)² / values)", "Root mean square error of the outputs.",
    ),
    MetricDefinition(
        "max_abs_error", "Max error", "max |y − r|", "The single worst output value.",
    ),
    MetricDefinition(
        "max_abs_error_lsb", "Max error in steps", "max |y − r| / output scale",
        "The largest error in steps of a quantized output; rounding alone: up to ½.",
    ),
    MetricDefinition(
        "mean_abs_error", "Mean error", "Σ |y − r| / values",
        "The mean distance of an output value.",
    ),
    MetricDefinition(
        "cosine_similarity", "Cosine", "mean over samples of y·r / (|y| · |r|)",
        "Angle between the outputs of a sample; 1 is the same direction.",
    ),
    MetricDefinition(
        "top1_agreement", "Agreement", "samples with the original's top class / samples",
        "How often the variant decides as the original; ties count by their overlap.",
        "Jaccard 1901 for ties", ("Agrees", "Agrees on"),
    ),
    MetricDefinition(
        "non_finite_count", "NaN or Inf", "count of y that is NaN or infinite",
        "Output values that are no number; they are counted and never replaced.",
    ),
    MetricDefinition(
        "top1", "Accuracy", "right samples / labelled samples",
        "Share of labelled samples whose top class is the label.",
        "Wilson 1927 for the interval", ("Top-1", "Digits right"),
    ),
    MetricDefinition(
        "delta", "Accuracy change", "variant's accuracy − original's",
        "Below zero the variant is right less often.",
    ),
    MetricDefinition(
        "top5", "Top-5", "samples with the label among the five highest / labelled samples",
        "Share of samples whose label is among the five highest classes.",
    ),
    MetricDefinition(
        "macro_f1", "Macro F1", "Σ over classes of 2·TP / (2·TP + FP + FN) / classes",
        "The mean F1 of the classes: rare classes count as much as common ones.",
        "van Rijsbergen 1979",
    ),
    MetricDefinition(
        "auc", "AUC", "pairs in which the second class scores higher / pairs",
        "Of two samples, one of each class, how often the right one has the higher score; an equal "
        "pair counts one half.", "Mann and Whitney 1947",
    ),
    MetricDefinition(
        "mae", "MAE", "Σ |y − label| / values", "Mean distance from the labels, in their unit.",
    ),
    MetricDefinition(
        "accuracy_rmse", "RMSE to labels", "√(Σ (y − label)² / values)",
        "Error against the labels, in their unit.", names=("RMSE",),
    ),
    MetricDefinition(
        "r2", "R²", "1 − Σ (y − label)² / Σ (label − mean label)²",
        "Share of the labels' variance that is explained.",
    ),
    MetricDefinition(
        "expected_calibration_error", "Calibration error",
        "Σ over bins of samples · |right − confidence| / samples",
        "ECE: how far confidences are from how often they are right, in 15 bins.",
        "Guo et al. 2017", ("ECE",),
    ),
    MetricDefinition(
        "paired_p_value", "McNemar's test",
        "min(1, 2 · P(X ≤ min(lost, won))), X ~ B(lost + won, ½)",
        "The chance of a difference as large as this between two models that are equally good.",
        "McNemar 1947, exact",
    ),
    MetricDefinition(
        "paired_difference", "Paired difference", "(won − lost) / samples",
        "Samples that turned right less those that turned wrong. Of values: the change of the mean "
        "error.", "Bonett and Price 2012 for the interval",
    ),
    MetricDefinition(
        "paired_z_value", "Paired z test", "erfc(|difference| / standard error / √2)",
        "The chance of a change of the mean error as large as this where nothing changed.",
    ),
    MetricDefinition(
        "samples_needed", "Samples needed", "⌈((1.96·√d + 0.84·√(d − D²)) / D)²⌉",
        "With so many samples the difference seen would be told from none four times in five. d: "
        "share of samples that differ, D: the difference.", "Connor 1987",
    ),
    MetricDefinition(
        "sample_error", "Largest error", "max |y − r| over the sample's values",
        "The worst value of one sample.",
    ),
    MetricDefinition(
        "sample_score", "Confidence", "highest score of the sample",
        "How sure a model is of its decision.",
        names=("Original's score", "Variant's score"),
    ),
    MetricDefinition(
        "sample_margin", "Margin", "highest score − second highest",
        "How close a decision was.", names=("Original's margin", "Variant's margin"),
    ),
    MetricDefinition(
        "flips", "Flips", "samples whose top class is another / samples",
        "The original has one top class, and it is not among the variant's highest.",
    ),
    MetricDefinition(
        "bias", "Bias", "mean(y − r)", "What all values are moved by.", "Bland and Altman 1986",
    ),
    MetricDefinition(
        "limits", "Limits of agreement", "bias ∓ 1.96 · standard deviation of y − r",
        "Between them lie 95 % of the differences where these are normal.",
        "Bland and Altman 1986",
    ),
    MetricDefinition(
        "class_recall", "Recall of a class", "right samples of the class / samples of the class",
        "How often one class is recognized.", names=("Each class",),
    ),
)  # fmt: skip
