"""Model files recognized by content and described without being executed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converter.errors import ModelFileError
from converter.model_file import (
    FORMATS,
    detect_format,
    file_sha256,
    gzip_size,
    inspect_model,
)
from tests.converter.example_models import zip_folder
from tests.converter.read_or_refused import read_or_refused

FILES = {
    "keras_file": "keras",
    "mlp_keras_file": "keras",
    "two_by_two_file": "keras",
    "mlp_h5_file": "h5",
    "keras2_h5_file": "h5",
    "saved_model_folder": "saved_model",
    "saved_model_zip": "saved_model",
    "keras2_saved_model": "saved_model",
    "frozen_graph_file": "frozen_graph",
    "tflite_file": "tflite",
}
SINGLE_FILES = [name for name in FILES if name not in {"saved_model_folder", "keras2_saved_model"}]


@pytest.fixture(params=FILES)
def any_model(request):
    return request.getfixturevalue(request.param), FILES[request.param]


def refuse(path, message):
    with pytest.raises(ModelFileError, match=message) as refused:
        inspect_model(path)
    assert str(refused.value).startswith(f"{path.name}: ")
    assert "\n" not in str(refused.value)


class TestEveryFormat:
    def test_is_recognized_and_described(self, any_model):
        path, expected = any_model
        model = inspect_model(path)
        assert model.format == expected == detect_format(path)
        assert model.format in FORMATS
        assert model.name == path.name
        assert model.parameters > 0
        assert model.parameter_bytes == 4 * model.parameters
        assert model.inputs
        assert model.outputs

    def test_is_told_as_strict_json(self, any_model):
        model = inspect_model(any_model[0])
        values = json.loads(json.dumps(model.to_json(), allow_nan=False))
        assert values["format"] == any_model[1]
        assert values["size_without_optimizer_bytes"] > 0
        assert len(values["sha256"]) == 64
        for spec in values["inputs"] + values["outputs"]:
            assert set(spec) == {"name", "shape", "dtype"}

    def test_size_and_hash_are_those_of_the_bytes(self, any_model):
        path, _ = any_model
        model = inspect_model(path)
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        assert model.size_bytes == sum(file.stat().st_size for file in files)
        if path.is_file():
            assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

    def test_the_content_counts_not_the_name(self, any_model, tmp_path):
        path, expected = any_model
        if path.is_dir():
            renamed = tmp_path / "some.folder"
            shutil.copytree(path, renamed)
            assert inspect_model(renamed).format == expected
            return
        renamed = tmp_path / "model.wrong"
        shutil.copyfile(path, renamed)
        model = inspect_model(renamed)
        assert model.format == expected
        assert any("'.wrong'" in note and "content counts" in note for note in model.notes)

    def test_a_fitting_name_is_not_remarked_on(self, any_model):
        assert not any("content counts" in note for note in inspect_model(any_model[0]).notes)


class TestNothingIsExecuted:
    def test_no_library_that_could_execute_is_imported(self, request):
        paths = [str(request.getfixturevalue(name)) for name in FILES]
        code = (
            "import sys; from pathlib import Path; from converter.model_file import inspect_model\n"
            "for path in sys.argv[1:]: inspect_model(Path(path))\n"
            "print(sorted({'tensorflow', 'keras', 'tf_keras', 'ai_edge_litert.interpreter'}"
            " & set(sys.modules)))"
        )
        answer = subprocess.run(
            [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True
        )
        assert answer.stdout.strip() == "[]"

    def test_a_graph_that_writes_a_file_writes_none(self, tmp_path):
        import tensorflow as tf

        target = tmp_path / "written"

        class Writer(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((1, 2), tf.float32, name="x")])
            def serve(self, x):
                with tf.control_dependencies([tf.io.write_file(str(target), "executed")]):
                    return {"y": tf.identity(x)}

        module = Writer()
        tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.serve)
        assert not target.exists()
        model = inspect_model(tmp_path / "m")
        assert "WriteFile" in model.details["operators"]
        assert not target.exists()


class TestRefused:
    def test_a_missing_file(self, tmp_path):
        refuse(tmp_path / "none.keras", "found no such file")

    def test_an_empty_file(self, tmp_path):
        path = tmp_path / "a.keras"
        path.touch()
        refuse(path, r"found an empty file \(0 bytes\)")

    def test_a_folder_that_is_no_saved_model(self, tmp_path):
        refuse(tmp_path, r"expected a SavedModel folder with a saved_model\.pb, found none")

    @pytest.mark.parametrize(
        "content",
        [b"hello world", b"\0" * 100, b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"{}", b"\n", b"x"],
        ids=["text", "zeros", "PNG", "JSON", "newline", "one byte"],
    )
    def test_another_kind_of_file(self, tmp_path, content):
        path = tmp_path / "a.keras"
        path.write_bytes(content)
        refuse(path, "found content of no known model format")

    def test_the_graph_of_a_saved_model_alone(self, saved_model_folder, tmp_path):
        path = tmp_path / "saved_model.pb"
        shutil.copyfile(saved_model_folder / "saved_model.pb", path)
        refuse(path, "the whole SavedModel folder or its zip")

    @pytest.mark.parametrize(
        "names", [[], ["a.txt"], ["metadata.json"], ["a/config.json"]], ids=str
    )
    def test_another_zip(self, tmp_path, names):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "{}")
        refuse(path, f"found a zip of {len(names)} other files")

    @pytest.mark.parametrize(
        "magic",
        [b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x1c\0\0\0TFL3"],
        ids=["HDF5", "zip", "TFLite"],
    )
    @pytest.mark.parametrize(
        "tail", [b"", b"\0" * 100, bytes(range(256)) * 4], ids=["alone", "zeros", "junk"]
    )
    def test_the_right_first_bytes_and_nothing_behind(self, tmp_path, magic, tail):
        path = tmp_path / "a"
        path.write_bytes(magic + tail)
        refuse(path, "expected")

    @pytest.mark.parametrize("name", [n for n in SINGLE_FILES if n != "frozen_graph_file"])
    def test_a_file_cut_anywhere(self, request, tmp_path, name):
        whole = request.getfixturevalue(name).read_bytes()
        path = tmp_path / "cut"
        for percent in range(1, 96, 2):
            path.write_bytes(whole[: max(1, len(whole) * percent // 100)])
            refuse(path, "expected")

    def test_a_frozen_graph_cut_anywhere_is_refused_or_shorter(self, frozen_graph_file, tmp_path):
        # A protobuf cut between two nodes is a whole protobuf of fewer nodes.
        whole = frozen_graph_file.read_bytes()
        path = tmp_path / "cut.pb"
        refusals = 0
        for end in range(1, len(whole), 7):
            path.write_bytes(whole[:end])
            model = read_or_refused(lambda: inspect_model(path), "cut.pb: ")
            refusals += model is None
            assert model is None or model.format == "frozen_graph"
        assert refusals > len(whole) // 7 * 0.8

    def test_a_saved_model_whose_graph_is_cut_anywhere(self, saved_model_folder, tmp_path):
        folder = tmp_path / "m"
        shutil.copytree(saved_model_folder, folder)
        graph = folder / "saved_model.pb"
        whole = graph.read_bytes()
        for percent in range(1, 96, 5):
            graph.write_bytes(whole[: len(whole) * percent // 100])
            refuse(folder, "expected a SavedModel protobuf")

    @pytest.mark.parametrize("name", SINGLE_FILES)
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.data())
    def test_flipped_bytes_are_read_or_refused(self, request, tmp_path, name, data):
        content = bytearray(request.getfixturevalue(name).read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path = tmp_path / "damaged"
        path.write_bytes(content)
        model = read_or_refused(lambda: inspect_model(path), "damaged: ")
        assert model is None or json.dumps(model.to_json(), allow_nan=False)

    @settings(
        max_examples=50,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.binary(min_size=1, max_size=300))
    def test_random_bytes_are_refused(self, tmp_path, content):
        path = tmp_path / "random"
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="random: expected"):
            inspect_model(path)


class TestSizes:
    def test_gzip_size_is_what_gzip_at_level_6_makes_of_each_file(self, saved_model_folder):
        expected = 0
        for file in saved_model_folder.rglob("*"):
            if file.is_file():
                stream = io.BytesIO()
                with gzip.GzipFile(
                    fileobj=stream, mode="wb", compresslevel=6, mtime=0, filename=""
                ) as packed:
                    packed.write(file.read_bytes())
                expected += len(stream.getvalue())
        assert gzip_size(saved_model_folder) == expected

    def test_the_hash_of_a_folder_depends_on_names_and_contents_alone(
        self, saved_model_folder, tmp_path
    ):
        copy = tmp_path / "copy"
        shutil.copytree(saved_model_folder, copy)
        assert file_sha256(copy) == file_sha256(saved_model_folder)
        (copy / "fingerprint.pb").rename(copy / "other.pb")
        renamed = file_sha256(copy)
        (copy / "other.pb").write_bytes(b"changed")
        assert len({file_sha256(saved_model_folder), renamed, file_sha256(copy)}) == 3

    def test_a_zipped_saved_model_is_not_smaller_for_being_packed(
        self, saved_model_folder, saved_model_zip
    ):
        folder, packed = inspect_model(saved_model_folder), inspect_model(saved_model_zip)
        assert packed.size_bytes < folder.size_bytes
        found = packed.to_json()["size_without_optimizer_bytes"]
        assert found == folder.to_json()["size_without_optimizer_bytes"]


def test_a_zip_may_hold_the_saved_model_at_any_depth(saved_model_folder, tmp_path):
    for prefix in ("", "one/", "one/two/"):
        path = zip_folder(saved_model_folder, tmp_path / "m.zip", prefix)
        assert inspect_model(path).outputs[0].name == "output_0"
