"""Drift over 1,000 samples against one interpreter call a sample; memory over 50,000 samples."""

import multiprocessing
import re
import resource
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from converter.assessment import Assessor
from converter.child_process import PROJECT_ROOT
from converter.comparison import Reference, Variant
from converter.evaluation import evaluate as evaluate_here
from converter.limits import current_limits
from converter.original import evaluate_file
from converter.pipeline import run_comparison
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.sample_arrays import load_arrays, save_arrays
from converter.sample_file import save_sample_file
from converter.sandbox import Permissions
from converter.tensor_binding import Binding
from converter.worker_pool import WorkerPool

MODEL = PROJECT_ROOT / "sample_models" / "digits_mobilenet"
SAMPLES, FEW, MANY = 1000, 5_000, 50_000
GOAL = 0.5
MOST_GROWTH = 1.05
"""Of memory at ten times the samples: what a page more or less makes."""


def drawn(count):
    """So many samples of the model's own data, with repetition and a little noise."""
    random = np.random.default_rng(0)
    with np.load(MODEL / "data.npz") as data:
        places = random.integers(0, len(data["x"]), count)
        x, y = data["x"][places], data["y"][places]
    return (x + random.normal(0, 0.01, x.shape)).astype(np.float32), y


def build(folder):
    """Convert the six presets, and return the name of the model's input."""
    request = RunRequest(
        model_path=MODEL / "digits_mobilenet.keras", model_name="digits_mobilenet.keras",
        data_path=MODEL / "data.npz", data_name="data.npz", runs=1,
    )  # fmt: skip
    return run_comparison(request, folder).model.inputs[0].name


def evaluate(pool, path, inputs, outputs):
    answer = evaluate_file(
        pool, current_limits(), (path, Binding(label=path.stem)), samples=inputs, outputs=outputs,
        threads=1, stateful=False,
    )  # fmt: skip
    return load_arrays(outputs), answer["steps"]


def side_by_side(assess, paths):
    """As a run does it: two variants at once, the one with the slowest kernels first."""
    start = time.perf_counter()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(assess, sorted(paths, key=lambda path: path.stem != "int16x8")))
    return time.perf_counter() - start


def ours(pool, paths, inputs, reference, work):
    """As a run does it: a walled child a variant, batches, all figures and the sample file."""
    assessor = Assessor(reference, {}, Reference())
    round_ = time.monotonic_ns()

    def assess(path):
        outputs, steps = evaluate(pool, path, inputs, work / f"out-{path.stem}-{round_}")
        samples = assessor.assess(Variant(recipe=path.stem, flags={}), outputs, steps)
        save_sample_file(work, path.stem, samples)

    return side_by_side(assess, paths)


def in_one_process(paths, x, name, reference):
    """The same without the children and the file: batches, all cores, and all figures."""
    assessor = Assessor(reference, {}, Reference())
    found = {}

    def assess(path):
        outputs, _, steps = evaluate_here(path, {name: x}, 1, stateful=False)
        variant = found[path.stem] = Variant(recipe=path.stem, flags={})
        assessor.assess(variant, outputs, steps)

    return side_by_side(assess, paths), found


def one_by_one(paths, x, reference):
    """One call a sample of an interpreter that is kept, then the same figures."""
    from ai_edge_litert.interpreter import Interpreter

    start = time.perf_counter()
    assessor, variants = Assessor(reference, {}, Reference()), {}
    (output_name,) = reference
    for path in paths:
        runner = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
        (name, fed), (_, given) = (
            next(iter(details.items()))
            for details in (runner.get_input_details(), runner.get_output_details())
        )
        found = []
        for sample in x:
            value = sample[None]
            if fed["quantization"][0]:
                scale, zero = fed["quantization"]
                limits = np.iinfo(fed["dtype"])
                value = np.clip(np.rint(value / scale + zero), limits.min, limits.max)
            output = next(iter(runner(**{name: value.astype(fed["dtype"])}).values()))
            if given["quantization"][0]:
                scale, zero = given["quantization"]
                output = (output.astype(np.float32) - zero) * scale
            found.append(output)
        variant = variants[path.stem] = Variant(recipe=path.stem, flags={})
        step = given["quantization"][0] or None
        assessor.assess(variant, {output_name: np.concatenate(found)}, {output_name: step})
    return time.perf_counter() - start, variants


def check_alike(found, expected):
    """Both ways must have measured the same: to the last float bits, or a flip in a thousand."""
    for recipe, variant in expected.items():
        for name in ("sqnr_db", "rmse", "top1_agreement"):
            mine, theirs = (getattr(v.drift, name) for v in (found[recipe], variant))
            assert mine == theirs or abs(mine - theirs) <= 2e-3 * abs(theirs), (recipe, name)


def _peaks(path, work, answers):
    """In a process of its own: peak bytes of the one that assesses, and of its children."""
    pool = WorkerPool(Permissions(read=(path.parent, work), write=(work,)))
    reference, _ = evaluate(pool, path.with_name("float32.tflite"), work / "in", work / "r")
    outputs, steps = evaluate(pool, path, work / "in", work / "o")
    labels = {next(iter(reference)): np.load(work / "labels.npy")}
    Assessor(reference, labels, Reference()).assess(
        Variant(recipe="int8", flags={}), outputs, steps
    )
    pool.close()
    # getrusage of a new process begins with what its parent held when it was started.
    status = Path("/proc/self/status").read_text()
    own = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    answers.put([own * 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024])


def peaks(path, name, count):
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder).resolve()
        x, y = drawn(count)
        save_arrays(work / "in", {name: x})
        np.save(work / "labels.npy", y)
        child = context.Process(target=_peaks, args=(path, work, answers))
        child.start()
        found = answers.get(timeout=600)
        child.join()
    return found


def main(rounds):
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder).resolve()
        name = build(work / "run")
        paths = [work / "run" / f"{recipe}.tflite" for recipe in PRESETS]
        x, _ = drawn(SAMPLES)
        save_arrays(work / "in", {name: x})
        pool = WorkerPool(Permissions(read=(work,), write=(work,)))
        reference, _ = evaluate(pool, paths[0], work / "in", work / "reference")
        on_xnnpack = [path for path in paths if path.stem != "int16x8"]
        for what, some in (("six variants", paths), ("five, without int16x8", on_xnnpack)):
            triples = []
            for _ in range(rounds):
                mine, found = in_one_process(some, x, name, reference)
                theirs, expected = one_by_one(some, x, reference)
                check_alike(found, expected)
                triples.append((mine, theirs, ours(pool, some, work / "in", reference, work)))
            ratio = statistics.median(a / b for a, b, _ in triples)
            mine, theirs, walled = (statistics.median(e) for e in zip(*triples, strict=True))
            print(
                f"drift, {SAMPLES:,} samples, {what} of digits_mobilenet: {mine:.3f} s, one call a "
                f"sample and the same figures {theirs:.3f} s, ratio {ratio:.2f} "
                f"(median of {rounds} alternating pairs; goal {GOAL} "
                f"{'met' if ratio <= GOAL else 'NOT met'}); with a fresh walled child a variant "
                f"{walled:.2f} s",
                flush=True,
            )
        pool.close()
        few, many = (peaks(work / "run" / "int8.tflite", name, count) for count in (FEW, MANY))
        grown = ", ".join(
            f"{who} {a / 1e6:.0f} -> {b / 1e6:.0f} MB"
            for who, a, b in zip(("assessing process", "evaluating child"), few, many, strict=True)
        )
        worst = max(b / a for a, b in zip(few, many, strict=True))
        print(
            f"peak memory at {FEW:,} -> {MANY:,} samples: {grown} ({worst:.2f} times; goal "
            f"{MOST_GROWTH:.2f} {'met' if worst <= MOST_GROWTH else 'NOT met'})",
            flush=True,
        )


if __name__ == "__main__":
    main(3)
