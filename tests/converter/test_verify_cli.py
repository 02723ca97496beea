"""`bundle` and `verify` as command lines: a real run is packed, run again, held against itself."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from converter.child_process import PROJECT_ROOT
from tests.converter.example_tflites import as_int8, features, write_classifier


def converter(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "converter", *map(str, arguments)],
        cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A run of a tiny `.tflite` with a file of its own beside it, as a bundle."""
    folder = tmp_path_factory.mktemp("verify")
    model = write_classifier(folder / "float.tflite")
    mine = as_int8(model, folder / "mine.tflite")
    np.savez(folder / "data.npz", x=features(60), y=np.arange(60) % 3)
    result = converter(
        "run", model, "--data", folder / "data.npz", "--recipes", "dynamic_range,int8",
        "--variant", mine, "--runs", 2, "--samples", 20, "--out", folder / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    result = converter("bundle", folder / "out", "--out", folder / "bundle.zip")
    assert (result.returncode, result.stderr) == (0, "")
    assert str((folder / "bundle.zip").stat().st_size) in result.stdout
    for file in (model, mine, folder / "data.npz"):
        file.unlink()  # the bundle stands alone
    return folder / "bundle.zip"


def rewritten(packed, target, change):
    """Copy a bundle with its members changed and every hash in the manifest made to fit."""
    with zipfile.ZipFile(packed) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    manifest = json.loads(members["manifest.json"])
    for name, facts in manifest["members"].items():
        facts["sha256"] = hashlib.sha256(members[name]).hexdigest()
        facts["size_bytes"] = len(members[name])
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target


def differing(result):
    return [line for line in result.stdout.splitlines() if line.startswith("DIFFERS")]


def test_a_bundle_agrees_with_its_own_run(packed, tmp_path):
    result = converter("verify", packed, "--out", tmp_path / "again")
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert differing(result) == []
    assert "environment" in lines[1]
    for recipe in ("dynamic_range", "int8", "mine"):
        assert any(line.startswith(f"agrees  {recipe}: file: the same bytes") for line in lines)
        assert any(line.startswith(f"agrees  {recipe}: drift of scores") for line in lines)
        (latency,) = [line for line in lines if line.startswith(f"shown   {recipe}: latency")]
        assert latency.count("p50") == 2
        assert "now / then" in latency
    assert lines[-2].startswith("tolerance: ")
    assert lines[-1].endswith(" agree, 0 differ")
    assert (tmp_path / "again" / "int8.tflite").is_file()


def test_a_tampered_variant_is_found_though_every_hash_fits(packed, tmp_path):
    def tamper(members):
        members["int8.tflite"] += b"\0" * 16
        found = json.loads(members["comparison.json"])
        row = next(v for v in found["variants"] if v["recipe"] == "int8")
        row["sha256"] = hashlib.sha256(members["int8.tflite"]).hexdigest()
        row["content_sha256"] = "ab" * 32
        row["size_bytes"] = len(members["int8.tflite"])
        row["output_drift"]["scores"]["sqnr_db"] = 99.0
        members["comparison.json"] = json.dumps(found).encode()

    result = converter("verify", rewritten(packed, tmp_path / "b.zip", tamper))
    assert result.returncode == 1, result.stderr
    file, drift = differing(result)
    assert "int8: file: another content, -16 bytes now" in file
    assert "int8: drift of scores: sqnr_db 99 then" in drift
    assert result.stdout.splitlines()[-1].endswith("2 differ")


def test_a_variant_that_was_changed_alone_is_no_bundle(packed, tmp_path):
    def tamper(members):
        members["int8.tflite"] += b"\0" * 16

    result = converter("verify", rewritten(packed, tmp_path / "b.zip", tamper))
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: verify: b.zip: int8.tflite: expected the SHA-256")


@pytest.mark.parametrize("command", ["bundle", "verify"])
def test_what_is_no_input_is_one_line(command, tmp_path):
    (tmp_path / "text.zip").write_text("no zip")
    given = tmp_path if command == "bundle" else tmp_path / "text.zip"
    more = ["--out", tmp_path / "b.zip"] if command == "bundle" else []
    result = converter(command, given, *more)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {command}: ")
    assert not (tmp_path / "b.zip").exists()


def test_a_keras_model_is_rebuilt_to_the_same_bytes(tmp_path):
    sample = PROJECT_ROOT / "sample_models" / "digits_cnn"
    result = converter(
        "run", sample / "digits_cnn.keras", "--data", sample / "data.npz", "--recipes", "int8",
        "--samples", 20, "--calibration-samples", 5, "--runs", 2, "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert converter("bundle", tmp_path / "out", "--out", tmp_path / "b.zip").returncode == 0
    result = converter("verify", tmp_path / "b.zip")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "agrees  int8: file: the same" in result.stdout
    assert "agrees  original: accuracy" in result.stdout
    assert "agrees  original: graph: the same" in result.stdout

    def tamper(members):
        nodes = json.loads(members["graph.json"])
        next(node for node in nodes if node["op"] == "Conv2D")["op"] = "Einsum"
        members["graph.json"] = json.dumps(nodes).encode()

    result = converter("verify", rewritten(tmp_path / "b.zip", tmp_path / "lie.zip", tamper))
    assert result.returncode == 1, result.stderr
    (graph,) = differing(result)
    assert "original: graph: " in graph
    assert "Conv2D then" in graph
