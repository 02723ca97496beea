"""A rebuilt file against the run's: by its bytes, else by its outputs.

Scripts and notebooks hold these functions' source (`plain_source`), so they use NumPy alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from converter.calibration_samples import representative_samples


def wrong_model(path: Path, expected_sha256: str) -> str | None:
    """Return a sentence where a file is not the model of the run; a folder has no one hash."""
    if not path.is_file():
        return None if path.is_dir() else f"{path}: no such model file"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found == expected_sha256:
        return None
    return f"{path}: not the model of the run (SHA-256 {found})"


def load_samples(path: Path) -> dict[str, np.ndarray]:
    """Return samples by input name, each of shape `(samples, ...)`, out of an `.npz`."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def run_samples(
    interpreter: Any,  # noqa: ANN401 - TensorFlow's or LiteRT's
    signature: str,
    samples: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Return what a file answers to samples, real numbers by output name.

    Args:
        interpreter: Of the file.
        signature: The key of its signature.
        samples: By input name, shape `(samples, ...)`; quantized where the input is.

    Returns:
        Arrays of shape `(inferences, ...)`, dequantized where the output is quantized.
    """
    runner = interpreter.get_signature_runner(signature)
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    batch = next((int(each["shape"][0]) for each in inputs.values() if len(each["shape"])), 1)
    answers: dict[str, list[np.ndarray]] = {name: [] for name in outputs}
    for chunk in representative_samples(samples, batch):
        fed = {}
        for name, detail in inputs.items():
            value = chunk[name] if len(detail["shape"]) else chunk[name][0]
            scale, zero_point = detail["quantization"]
            if scale and np.dtype(detail["dtype"]).kind in "iu" and value.dtype.kind == "f":
                bounds = np.iinfo(detail["dtype"])
                value = np.clip(np.round(value / scale + zero_point), bounds.min, bounds.max)
            fed[name] = np.asarray(value).astype(detail["dtype"])
        for name, value in runner(**fed).items():
            scale, zero_point = outputs[name]["quantization"]
            if scale and value.dtype.kind in "iu":
                value = (value.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
            answers[name].append(np.array(value))
    return {name: np.stack(values) for name, values in answers.items()}


def describe_difference(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> str:
    """Return by how much outputs differ, in words; empty where every value is the same.

    Args:
        found: Outputs of the rebuilt file by name.
        expected: Outputs of the run's file by name.
    """
    ends = [{name: values.shape for name, values in each.items()} for each in (found, expected)]
    if ends[0] != ends[1]:
        return "they have other names or shapes"
    parts = []
    for name, wanted in expected.items():
        if np.array_equal(found[name], wanted, equal_nan=True):
            continue
        y, r = found[name].astype(np.float64), wanted.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            error = np.abs(y - r)
            ratio = np.sum(np.square(r)) / np.sum(np.square(error))
            sqnr = 10 * np.log10(ratio)
        parts.append(f"{name!r} by at most {error.max():.3g} (SQNR {sqnr:.1f} dB)")
    return ", ".join(parts)


def compare_with_run(
    content: bytes,
    expected_sha256: str,
    run_file: Path,
    samples_file: Path,
    signature: str,
    open_file: Callable[[bytes], Any],
) -> tuple[bool, str]:
    """Return whether a rebuilt file is equal to the run's, and how, in words.

    Equal bytes are equal. Where another processor or another version gave other bytes, the run's
    own file is looked for, and exactly equal outputs on all samples count as equal.

    Args:
        content: The rebuilt `.tflite`.
        expected_sha256: Of the run's file.
        run_file: Where the run's file may lie.
        samples_file: An `.npz` of samples by input name.
        signature: The key of both files' signature.
        open_file: From a file's content to an interpreter.
    """
    if hashlib.sha256(content).hexdigest() == expected_sha256:
        return True, "identical to the run's file"
    verdict = "NOT the bytes of the run's file"
    missing = [str(path) for path in (run_file, samples_file) if not path.is_file()]
    if missing:
        return False, f"{verdict}; outputs not compared, for want of {' and '.join(missing)}"
    expected = run_file.read_bytes()
    if hashlib.sha256(expected).hexdigest() != expected_sha256:
        return False, f"{verdict}; outputs not compared: {run_file} is not the run's file either"
    samples = load_samples(samples_file)
    try:
        found, wanted = [
            run_samples(open_file(each), signature, samples) for each in (content, expected)
        ]
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        return False, f"{verdict}; outputs not compared: {reason}"
    difference = describe_difference(found, wanted)
    count = len(next(iter(samples.values())))
    if not difference:
        return True, f"{verdict}, but exactly its outputs on {count} samples"
    return False, f"{verdict}; on {count} samples its outputs differ: {difference}"
