"""What a file takes: bytes, memory and time."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from converter.metrics.definition import MetricDefinition

GAINS = (
    MetricDefinition(
        "size_bytes", "Size", "bytes of the file",
        "What the file takes on disk.", names=("Actual", "Bytes", "Original file", "On disk"),
    ),
    MetricDefinition(
        "size_ratio", "Smaller", "original bytes / variant bytes",
        "How often the variant fits into the original, optimizer state left out.",
        names=("Smaller by", "Larger by"),
    ),
    MetricDefinition(
        "gzip_bytes", "gzip", "bytes after gzip level 6 / bytes",
        "What a download takes where files are compressed on the way.", "RFC 1952",
    ),
    MetricDefinition(
        "gzip_saving", "gzip saves", "1 − gzip bytes / bytes",
        "What compression on the way would take off the file.",
    ),
    MetricDefinition(
        "predicted_bytes", "Predicted", "parameters · bytes of a value",
        "What the file would take if it held nothing but the parameters, in the type in which the "
        "recipe stores weights.",
    ),
    MetricDefinition(
        "prediction_error", "Prediction error", "actual bytes / predicted bytes − 1",
        "How far the file is from holding parameters alone.", names=("Error",),
    ),
    MetricDefinition(
        "overhead_bytes", "Overhead", "bytes of the file − bytes of stored parameters",
        "What the file holds beside weights and biases: graph, names, scales, metadata, padding.",
    ),
    MetricDefinition(
        "step_bytes", "Size step", "bytes after it − bytes before it",
        "What one step adds or takes away on the way from the original's file to this one.",
        names=("Change (bytes)", "After it (bytes)"),
    ),
    MetricDefinition(
        "float32_bytes", "In float32", "values · 4 bytes",
        "What the same values would take as 32-bit floats.",
    ),
    MetricDefinition(
        "parameters", "Parameters", "Σ over weights of Π of their shape",
        "How many numbers training found; what is stored twice counts once.",
    ),
    MetricDefinition(
        "compared_bytes", "Size compared", "bytes of the file, unpacked − bytes of optimizer state",
        "What a variant's size is held against: optimizer state serves further training alone.",
        names=("Compared",),
    ),
    MetricDefinition(
        "run_bytes", "Size of a run", "Σ bytes of its files",
        "What a run keeps; what it shares with others counts for each of them.", names=("Size",),
    ),
    MetricDefinition(
        "kept_share", "Storage used", "bytes kept / quota",
        "How much of the space for runs is taken; above it the oldest go.",
    ),
    MetricDefinition(
        "memory_bytes", "Memory", "peak of the process − process before loading",
        "Resident memory that loading and running the file once adds to the runtime.",
        names=("Process",),
    ),
    MetricDefinition(
        "peak_memory_bytes", "Peak memory", "greatest resident memory of the process",
        "Of a fresh process that loads the file and runs it once; the runtime itself is in it.",
    ),
    MetricDefinition(
        "arena_bytes", "Activations at the peak",
        "max over operators of Σ bytes of the activations that live",
        "The least that must be held at once in this order of operators: a lower bound of LiteRT's "
        "arena.",
        names=("Lower bound",),
    ),
    MetricDefinition(
        "arena_plan_bytes", "Arena by plan", "arena of the operators + what is kept",
        "What LiteRT's planner takes for the tensors of the file: the largest first, each at the "
        "lowest free place of 64 bytes.",
    ),
    MetricDefinition(
        "arena_builtin_bytes", "Built-in kernels", "allocated after preparing − before",
        "What the allocator handed out while LiteRT prepared the file with XNNPACK off: the arena, "
        "scratch of kernels, and notes of some kB.",
    ),
    MetricDefinition(
        "arena_default_bytes", "LiteRT's choice", "allocated after preparing − before",
        "The same with LiteRT's own choice of kernels: XNNPACK's packed weights and its workspace "
        "are in it.",
    ),
    MetricDefinition(
        "tensor_bytes", "Bytes of a tensor", "Π of its shape · bytes of a value",
        "What an activation takes while it lives.", names=("Bytes",),
    ),
    MetricDefinition(
        "start_bytes", "Memory of a start", "resident memory after the first answer − before",
        "By how much a process grows from the imported runtime to its first answer; the median of "
        "fresh processes.",
    ),
    MetricDefinition(
        "import_bytes", "Memory of an import", "resident memory after the import − before",
        "By how much importing a package makes a process grow; the median of fresh processes.",
        names=("Memory that it takes",),
    ),
    MetricDefinition(
        "p50_ms", "Median latency", "median(time of one inference)",
        "Half of the runs were faster. The interval comes from whole turns, resampled.",
        "Efron 1979 for the interval",
        ("p50", "Latency", "Median", "Warm", "Original, p50", "95 % interval",
         "Latency, median (95 %)"),
    ),
    MetricDefinition(
        "speed_ratio", "Faster", "original's median / variant's median",
        "Above 1 the variant is faster, on this machine.", names=("Faster by", "Slower by"),
    ),
    MetricDefinition(
        "fastest_p50_ms", "Fastest variant", "min over variants of the median latency",
        "The variant with the least median in a measurement.", names=("Fastest, p50",),
    ),
    MetricDefinition(
        "p90_ms", "p90", "90th percentile of the runs", "Of a hundred inferences 10 take longer.",
        "Hyndman and Fan 1996, type 7",
    ),
    MetricDefinition(
        "p99_ms", "p99", "99th percentile of the runs", "Of a hundred inferences 1 takes longer.",
        "Hyndman and Fan 1996, type 7",
    ),
    MetricDefinition(
        "init_ms", "Load", "time to load the file and allocate its tensors",
        "What a program waits for before its first inference.",
    ),
    MetricDefinition(
        "first_ms", "First inference", "time of the first inference after loading",
        "Caches are cold and kernels prepare themselves, so it takes longer than a later one.",
    ),
    MetricDefinition(
        "first_ratio", "First over warm", "first inference / median latency",
        "How many warm inferences the first one takes.",
    ),
    MetricDefinition(
        "convert_seconds", "Convert", "time of the conversion",
        "What making the file took here, in seconds.", names=("Made in", "Again in"),
    ),
    MetricDefinition(
        "import_ms", "Import", "time of the import statement",
        "What a fresh process waits for the package; the median of several.",
        names=("Time to import",),
    ),
    MetricDefinition(
        "import_ratio", "Import ratio", "TensorFlow's import / LiteRT's import",
        "How many imports of LiteRT one of TensorFlow takes.",
    ),
    MetricDefinition(
        "delegated_share", "Delegated", "operators that XNNPACK runs / operators",
        "The others are left to built-in kernels, and tensors change hands between the two.",
        names=("Count",),
    ),
    MetricDefinition(
        "cost_ms", "Cost of an operator", "max(0, median of the operator alone − empty call)",
        "Its time in a model of its own, fed as in the whole, without the call itself.",
        names=("Median",),
    ),
    MetricDefinition(
        "fastest_ms", "Fastest", "min(time of one run)",
        "The run that other programs disturbed least.",
    ),
    MetricDefinition(
        "type_share", "Share of a type", "Σ cost of its operators / Σ cost of all",
        "Which part of the operators' time one kind of operator takes.",
    ),
    MetricDefinition(
        "coverage", "Parts of the whole", "(empty call + Σ cost of operators) / whole",
        "The check: near 100 % the operators' costs explain the whole.",
    ),
    MetricDefinition(
        "fastest_coverage", "Parts by the fastest runs",
        "(empty call + Σ fastest of operators without the call) / fastest of the whole",
        "The same check by the runs that other programs disturbed least.",
    ),
    MetricDefinition(
        "gross_coverage", "Parts with every call", "Σ median of operators / whole",
        "Far above the check where operators are so short that the calls weigh.",
    ),
    MetricDefinition(
        "cost_change", "Cost change", "cost in this variant − cost in the other",
        "Below zero this variant is faster in that part.",
    ),
    MetricDefinition(
        "predicted_ms", "Predicted latency", "empty call + Σ cost of the file's operators",
        "What the operators take alone on this machine, summed; nothing of the file itself was "
        "timed.",
    ),
    MetricDefinition(
        "table_error", "Prediction off by", "predicted / measured − 1",
        "Whole files of one precision, timed, against what is predicted for them; ± is the median "
        "of its absolute value.",
    ),
)  # fmt: skip
