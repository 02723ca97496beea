"""The one registry of exported tables: what each column is called, holds and means.

Frames, Parquet types and the README of the archive are all made from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from converter.drift import METRICS

TEXT, INTEGER, NUMBER, FLAG = "text", "integer", "number", "flag"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: As in the JSON contract, its unit included; a figure of a nested object has that
            object's name in front (`latency_p50_ms`).
        kind: `text`, `integer` (64 bits), `number` (float64) or `flag` (true or false).
        unit: Empty where there is none.
        meaning: In a few words.
    """

    name: str
    kind: str
    unit: str
    meaning: str

    def under(self, prefix: str) -> Column:
        """Return the same column as part of a wider table."""
        return replace(self, name=f"{prefix}_{self.name}")


@dataclass(frozen=True)
class Table:
    """One table: what a row is, and its columns in order."""

    meaning: str
    columns: tuple[Column, ...]


def _text(name: str, meaning: str) -> Column:
    return Column(name, TEXT, "", meaning)


def _count(name: str, meaning: str, unit: str = "") -> Column:
    return Column(name, INTEGER, unit, meaning)


def _number(name: str, meaning: str, unit: str = "") -> Column:
    return Column(name, NUMBER, unit, meaning)


def _metric(name: str) -> Column:
    info = METRICS[name]
    kind = INTEGER if name == "non_finite_count" else NUMBER
    # The registry of charts shows shares in percent; files hold them as fractions.
    unit = "fraction of 1" if info.unit == "%" else info.unit
    return Column(name, kind, unit, info.meaning)


LATENCY = (
    _number("p50_ms", "median", "ms"),
    _number("p90_ms", "90th percentile, linear interpolation", "ms"),
    _number("p99_ms", "99th percentile, linear interpolation", "ms"),
    _number("mean_ms", "arithmetic mean", "ms"),
    _number("stdev_ms", "sample standard deviation (ddof 1)", "ms"),
    _number("init_ms", "loading the file and allocating its tensors", "ms"),
    _number("first_ms", "the first inference after that", "ms"),
    *(
        _number(f"{figure}_ci95_{end}_ms", f"{side} end of the 95 % interval of {figure}", "ms")
        for figure in ("p50", "p90", "p99")
        for end, side in (("low", "lower"), ("high", "upper"))
    ),
    _text("turn_runs", "timed runs of each turn, as JSON"),
    Column("warmup_settled", FLAG, "", "whether warming up became stable; null where not asked"),
    _text("noise", "kinds of noise found in the samples, as JSON"),
    _count("warmup_runs", "runs before timing, not counted", "runs"),
    _count("runs", "timed runs", "runs"),
    _count("threads", "threads given to the runtime", "threads"),
)
DRIFT = (
    *(_metric(name) for name in METRICS),
    _number("worst_cosine_similarity", "least cosine of any sample"),
    _count("top1_samples", "samples on which the original has one top class", "samples"),
    _count("top1_ties", "samples on which classes share the variant's top score", "samples"),
    _number(
        "max_abs_error_lsb",
        "largest |y - r| in steps of a quantized output",
        "steps of the output's scale",
    ),
    _count("values", "output values compared", "values"),
    _number("signal_square_sum", "sum of r^2"),
    _number("error_square_sum", "sum of (y - r)^2"),
    _number("error_sum", "sum of |y - r|"),
)
ACCURACY = (
    _text("task", "classification or regression"),
    _count("samples", "labelled evaluation samples", "samples"),
    _number("top1", "share of samples whose top class is the label", "fraction of 1"),
    _number("ci95_low", "lower end of the 95 % Wilson interval of top1", "fraction of 1"),
    _number("ci95_high", "upper end of the 95 % Wilson interval of top1", "fraction of 1"),
    _number("delta", "top1 minus the original's top1", "fraction of 1"),
    _number("mae", "mean absolute error against the labels"),
    _number("rmse", "root mean square error against the labels"),
    _number("r2", "coefficient of determination"),
    _number("top5", "share of samples whose label is among the five highest", "fraction of 1"),
    _number("macro_f1", "mean F1 of the classes", "fraction of 1"),
    _number("auc", "area under the ROC curve", "fraction of 1"),
    _number("expected_calibration_error", "in 15 equal bins", "fraction of 1"),
    _text("intervals", "95 % interval of each figure, as JSON"),
    _text("paired", "the original against this variant sample by sample, as JSON"),
    _text("terms", "sums and counts that the figures are ratios of, as JSON"),
)
AUDIT = (
    _count("total_ops", "operators in the file", "operators"),
    _count("integer_ops", "operators on integer activations", "operators"),
    _count("float_ops", "operators on float activations", "operators"),
    _count("hybrid_ops", "those of float_ops with integer weights", "operators"),
    _count("border_ops", "QUANTIZE and DEQUANTIZE", "operators"),
    _count("flex_ops", "TensorFlow operators, which need the Flex delegate", "operators"),
    _count("custom_ops", "other custom operators", "operators"),
    Column("is_stateful", FLAG, "", "whether it keeps variables between inferences"),
    _text("float_op_names", "count of each kind of float operator, as JSON"),
    _text("missing_kernels", "operators that this runtime cannot run, as JSON"),
    _text("flex_op_names", "count of each kind of Flex operator, as JSON"),
    _text("tensor_types", "dtypes of activations, weights and biases, as JSON"),
    _text("float_reasons", "operators left in float under the reason why, as JSON"),
    _text("border_reasons", "QUANTIZE and DEQUANTIZE under the reason why, as JSON"),
    _text("same_as", "recipes whose files hold the same, as JSON"),
)
MEMORY = (
    _count("peak_memory_bytes", "peak memory of a process that runs it once", "bytes"),
    _count("runtime_memory_bytes", "memory of that process before loading", "bytes"),
)
_RECIPE = _text("recipe", "the variant, by its recipe's name")
_CANDIDATE = _text("candidate", "a variant's recipe, or `original`")
_OUTPUT = _text("output", "name of the model's output")

_VARIANT = (
    _text("arena", "what LiteRT takes from the allocator for it, as JSON"),
    _text("delegation", "what the delegate took over, as JSON"),
    _RECIPE,
    _text("engine", "what converted it; `given`: a file brought as it is"),
    _text("given_name", "name of the file that was brought"),
    _text("status", "ok or failed"),
    _text("error", "why it failed"),
    _text("error_details", "the converter's own text"),
    Column("runnable", FLAG, "", "whether the file runs in this runtime"),
    _text("file", "the .tflite of the run"),
    _text("sha256", "of that file, hexadecimal"),
    _text("content_sha256", "of what it computes, without the converter's metadata"),
    _count("size_bytes", "size of the file", "bytes"),
    _count("gzip_bytes", "size of the file after gzip level 6", "bytes"),
    _number("size_ratio", "the original without optimizer state over size_bytes", "times"),
    _number("speed_ratio", "the original's p50_ms over the variant's", "times"),
    *MEMORY,
    _number("convert_seconds", "duration of the conversion", "s"),
    _count("evaluation_batch", "samples of one inference during evaluation", "samples"),
)

TABLES: dict[str, Table] = {
    "variants": Table(
        "one row a variant, all its figures; drift is the worst output, figure by figure",
        (
            *_VARIANT,
            *(column.under("latency") for column in LATENCY),
            *(column.under("drift") for column in DRIFT),
            *(column.under("accuracy") for column in ACCURACY),
            *(column.under("audit") for column in AUDIT),
        ),
    ),
    "reference": Table(
        "one row: the original, which every variant is compared with",
        (
            *(column.under("latency") for column in LATENCY),
            *(column.under("accuracy") for column in ACCURACY if column.name != "delta"),
            *MEMORY,
        ),
    ),
    "outputs": Table("drift of each output of each variant", (_RECIPE, _OUTPUT, *DRIFT)),
    "accuracy": Table("accuracy of each labelled output", (_CANDIDATE, _OUTPUT, *ACCURACY)),
    "recipes": Table(
        "what was asked of the converter, one row a flag",
        (_RECIPE, _text("flag", "name of the flag"), _text("value", "its value, as JSON")),
    ),
    "flags": Table(
        "whether each flag asked is found in the file",
        (
            _RECIPE,
            _text("asked", "the flag"),
            _text("found", "what is in the file"),
            _text("effect", "yes, partly, no or ignored"),
            _text("toggle", "the flag's place in the recipe"),
        ),
    ),
    "notes": Table(
        "sentences to read beside the figures, such as why one is null",
        (
            _text("scope", "model, data, reference or variant"),
            _text("recipe", "the variant that it is about; null for the others"),
            _count("position", "order of the notes of one scope, from 0"),
            _text("note", "the sentence"),
        ),
    ),
    "latency_samples": Table(
        "every timed run",
        (
            _CANDIDATE,
            _count("run", "position among the candidate's timed runs, in their order, from 0"),
            _number("latency_ms", "duration of one inference", "ms"),
        ),
    ),
    "conditions": Table(
        "the model, the data, the machine and the settings, one fact a row",
        (
            _text("key", "place in comparison.json, joined by points; units are in its name"),
            _text("type", "text, or json: number, true, false, null or list"),
            _text("value", "the fact"),
        ),
    ),
    "inputs_outputs": Table(
        "the model's inputs and outputs at the sizes of the run",
        (
            _text("role", "input or output"),
            _count("position", "the model's own order, from 0"),
            _text("name", "name in the signature"),
            _text("shape", "sizes, batch first, as JSON; null where one is open"),
            _text("dtype", "type of an element"),
        ),
    ),
}
