"""Every byte of a file has a place in its tree, whatever the format."""

from __future__ import annotations

import zipfile

import pytest

from converter.anatomy import (
    CONTAINER,
    GRAPH,
    METADATA,
    MOST_CHILDREN,
    OPTIMIZER,
    QUANTIZATION,
    SIGNATURES,
    WEIGHTS,
    AnatomyNode,
    branch,
    leaf,
)
from converter.errors import ModelFileError
from converter.inspection import read_anatomy
from converter.model_file import inspect_model, path_size
from converter.tflite_size_anatomy import read_size_anatomy
from tests.converter.example_models import images
from tests.converter.example_tflites import write_classifier, write_lookup, write_two_signatures


def check_sums(node):
    for _, each in node.walk():
        assert each.size_bytes >= 0
        if each.children:
            assert each.size_bytes == sum(child.size_bytes for child in each.children)
    assert sum(node.bytes_by_role().values()) == node.size_bytes


@pytest.mark.parametrize(
    "fixture",
    ["keras_file", "mlp_keras_file", "mlp_h5_file", "keras2_h5_file", "keras2_saved_model",
     "saved_model_folder", "saved_model_zip", "frozen_graph_file", "tflite_file"],
)  # fmt: skip
def test_the_tree_of_every_format_sums_to_the_file(fixture, request):
    path = request.getfixturevalue(fixture)
    found = read_anatomy(path, "model", original=True)
    assert found.size_bytes == path_size(path)
    check_sums(found)
    assert AnatomyNode.from_json(found.to_json()) == found
    facts = inspect_model(path)
    by_role = found.bytes_by_role()
    if facts.format in {"keras", "h5"} and "saved_model" not in fixture:
        assert by_role[WEIGHTS] >= facts.parameter_bytes
        assert by_role.get(OPTIMIZER, 0) >= facts.optimizer_bytes
        assert by_role[GRAPH] > 0


@pytest.mark.parametrize("write", [write_classifier, write_lookup, write_two_signatures])
def test_a_tflite_names_its_parts(write, tmp_path):
    path = write(tmp_path / "net.tflite")
    found = read_anatomy(path, "net.tflite", original=False)
    assert found.size_bytes == path.stat().st_size
    check_sums(found)
    names = [node.name for node in found.children]
    assert {"header", "operator codes", "subgraph 0", "buffers"} <= set(names)


def test_a_compressed_archive_counts_what_lies_in_it(keras_file, tmp_path):
    packed = tmp_path / "packed.keras"
    with zipfile.ZipFile(keras_file) as source, zipfile.ZipFile(
        packed, "w", zipfile.ZIP_DEFLATED
    ) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    found = read_anatomy(packed, "packed.keras", original=True)
    assert found.size_bytes == packed.stat().st_size
    (weights,) = [node for node in found.children if node.name == "model.weights.h5"]
    assert "once unpacked" in weights.detail
    assert weights.role == WEIGHTS


def test_what_is_no_model_is_refused_by_name(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"no model")
    with pytest.raises(ModelFileError, match="mine"):
        read_anatomy(path, "mine", original=False)


def test_many_children_are_shown_as_the_largest_and_the_rest():
    many = [leaf(str(i), WEIGHTS if i % 2 else CONTAINER, i + 1) for i in range(1000)]
    found = branch("root", many)
    check_sums(found)
    assert found.size_bytes == sum(range(1, 1001))
    assert len(found.children) == MOST_CHILDREN + 2


def parts(node, *path):
    """Return the parts below a node by name, after going down a path of names."""
    for name in path:
        (node,) = [child for child in node.children if child.name == name]
    return {child.name: child for child in node.children}


SHARD = "variables/variables.data-00000-of-00001"


def test_a_saved_model_is_its_functions_and_its_variables_one_by_one(keras2_saved_model):
    found = read_anatomy(keras2_saved_model, "model", original=True)
    facts = inspect_model(keras2_saved_model)
    assert parts(found, "saved_model.pb").keys() >= {"functions", "signatures", "object graph"}
    data = parts(found, SHARD)
    assert data["variables"].size_bytes == facts.parameter_bytes
    layers = parts(found, SHARD, "variables")
    assert {name: set(parts(layer)) for name, layer in layers.items()} == {
        "hidden": {"kernel", "bias"}, "scores": {"kernel", "bias"},
        "norm": {"gamma", "beta", "moving_mean", "moving_variance"},
    }  # fmt: skip
    assert data["optimizer state"].size_bytes == facts.optimizer_bytes
    assert "m/hidden/kernel" in parts(data["optimizer state"])
    by_role = found.bytes_by_role()
    assert by_role[OPTIMIZER] == data["optimizer state"].size_bytes
    assert by_role[SIGNATURES] > 0


def test_the_second_copy_of_the_weights_in_an_export_is_told(saved_model_folder):
    data = parts(read_anatomy(saved_model_folder, "model", original=True), SHARD)
    copies = [part for name, part in data.items() if "once more" in name]
    assert [copy.size_bytes for copy in copies] == [data["variables"].size_bytes]


def test_a_zipped_saved_model_is_taken_apart_as_its_folder(saved_model_folder, saved_model_zip):
    plain = read_anatomy(saved_model_folder, "model", original=True)
    packed = read_anatomy(saved_model_zip, "model.zip", original=True)
    assert packed.size_bytes == saved_model_zip.stat().st_size
    assert set(parts(packed, "saved_model.pb")) <= set(parts(plain, "saved_model.pb"))
    assert set(parts(packed, SHARD, "variables")) == set(parts(plain, SHARD, "variables"))
    assert "once unpacked" in parts(packed)["saved_model.pb"].detail
    # Weights are noise, so that they take in the zip nearly what they take outside.
    ratio = packed.bytes_by_role()[WEIGHTS] / parts(plain, SHARD)["variables"].size_bytes
    assert 0.8 < ratio < 1.2


def test_bytes_behind_an_archive_are_counted(keras_file, tmp_path):
    path = tmp_path / "odd.keras"
    path.write_bytes(keras_file.read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"behind" * 50
    found = read_anatomy(path, "odd.keras", original=True)
    assert found.size_bytes == path.stat().st_size
    check_sums(found)


def test_members_that_share_their_bytes_are_counted_once(keras_file, tmp_path):
    path = tmp_path / "twice.keras"
    with zipfile.ZipFile(path, "w") as archive:
        with zipfile.ZipFile(keras_file) as source:
            for name in source.namelist():
                archive.writestr(name, source.read(name))
        twin = zipfile.ZipInfo("twin.bin")
        first = archive.infolist()[-1]
        twin.header_offset, twin.CRC = first.header_offset, first.CRC
        twin.compress_size = twin.file_size = first.file_size
        archive.filelist.append(twin)
        archive.NameToInfo["twin.bin"] = twin
    found = read_anatomy(path, "twice.keras", original=True)
    assert found.size_bytes == path.stat().st_size
    check_sums(found)


def test_seeds_and_metrics_are_no_weights_and_optimizer_state_stands_apart(mlp_h5_file):
    found = read_anatomy(mlp_h5_file, "mlp.h5", original=True)
    facts = inspect_model(mlp_h5_file)
    assert found.bytes_by_role()[WEIGHTS] == facts.parameter_bytes
    assert parts(found)["optimizer"].size_bytes == facts.optimizer_bytes
    assert {"model_config", "HDF5 structure"} <= set(parts(found))


@pytest.mark.parametrize("fixture", ["mlp_h5_file", "mlp_keras_file", "frozen_graph_file"])
def test_a_damaged_file_is_refused_by_name_or_still_sums(fixture, request, tmp_path):
    source = request.getfixturevalue(fixture)
    content = bytearray(source.read_bytes())
    for place in range(len(content) // 3, len(content) // 2, 7):
        content[place] ^= 0x5A
    path = tmp_path / source.name
    path.write_bytes(content)
    try:
        found = read_anatomy(path, "mine", original=True)
    except ModelFileError as refused:
        assert "mine" in str(refused)  # noqa: PT017 - either is right
        return
    assert found.size_bytes == path.stat().st_size
    check_sums(found)


@pytest.fixture(scope="module")
def converted(frozen_cnn, tmp_path_factory):
    """Real files of the classifier, by recipe."""
    from converter.recipe import PRESETS
    from converter.shared_calibration import CalibrationMemory
    from converter.tflite_converter import convert

    folder, memory = tmp_path_factory.mktemp("converted"), CalibrationMemory()
    for name in ("int8", "float16"):
        content = convert(frozen_cnn, PRESETS[name], {"image": images(4)}, 1, memory)
        (folder / f"{name}.tflite").write_bytes(content)
    return folder


@pytest.mark.parametrize("recipe", ["int8", "float16"])
def test_a_converted_file_sums_exactly_and_as_the_size_page_has_it(recipe, converted):
    path = converted / f"{recipe}.tflite"
    found = read_anatomy(path, path.name, original=False)
    assert found.size_bytes == path.stat().st_size
    check_sums(found)
    by_role, sizes = found.bytes_by_role(), read_size_anatomy(path)
    assert by_role.get(QUANTIZATION, 0) == sizes.kind_bytes("scales")
    # The length before the values is the graph's on one page, and the buffer's on the other.
    values = sum(sizes.kind_bytes(kind) for kind in ("weights", "biases", "left_float"))
    buffers = len(parts(found, "buffers"))
    assert values <= by_role[WEIGHTS] <= values + 4 * buffers
    assert by_role[METADATA] > 0
    assert "serving_default" in parts(found, "signatures")
