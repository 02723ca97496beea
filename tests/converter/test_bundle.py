"""Bundles: what goes in comes out, and what a stranger changed is refused in one sentence."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from converter.bundle import bundle_run_folder, read_bundle, write_bundle, write_request
from converter.bundle_archive import unpack_bundle
from converter.comparison import Audit, Comparison, save_latency_samples
from converter.errors import BundleError
from converter.given_variant import GivenVariant
from converter.graph_nodes import GRAPH_FILE, GraphNode, load_nodes, save_nodes
from converter.model_file import file_sha256
from converter.recipe import GIVEN, LITERT_QUANTIZER, PRESETS
from converter.request import RunRequest
from converter.sample_arrays import save_npz
from tests.converter.example_comparisons import make_comparison, make_latency, make_variant


@pytest.fixture(autouse=True)
def in_this_process(request, monkeypatch):
    """Unpack here in place of a child, which takes 0.5 s to start, but where it is tested."""
    if request.cls is not None and request.cls.__name__ in {"TestInTheChild", "TestRoundTrip"}:
        return

    def unpack(path, place, shown):
        return unpack_bundle(path, place)

    monkeypatch.setattr("converter.bundle._unpack_in_child", unpack)


def sha(content):
    return hashlib.sha256(content).hexdigest()


def lay_down_run(folder, *, name="cnn.tflite", model=b"the model", **changes):
    """Leave a folder as `run` does, without running anything: no file in it is parsed here."""
    folder.mkdir(parents=True)
    model_path, data, mine = folder / "m" / "cnn.tflite", folder / "m" / "d.npz", folder / "m" / "g"
    model_path.parent.mkdir()
    model_path.write_bytes(model)
    data.write_bytes(b"some data")
    mine.write_bytes(b"a given file")
    out = folder / "out"
    out.mkdir()
    variants = []
    for recipe in ("dynamic_range", "int8"):
        content = f"variant {recipe}".encode() * 20
        (out / f"{recipe}.tflite").write_bytes(content)
        variants.append(
            make_variant(
                recipe,
                engine=LITERT_QUANTIZER,
                sha256=sha(content),
                size_bytes=len(content),
                audit=Audit(notes=["<b>bold</b> [link](x) `code`"]),
            )
        )
    (out / "mine.tflite").write_bytes(b"a given file")
    variants.append(
        replace(
            make_variant("int8"), recipe="mine", flags={}, engine=GIVEN, given_name="mine.tflite",
            file="mine.tflite", sha256=sha(b"a given file"),
        )
    )  # fmt: skip
    comparison = make_comparison(variants, name=name)
    comparison.model.format, comparison.model.sha256 = "tflite", sha(model)
    comparison.data.sha256 = sha(b"some data")
    comparison.reference.latency = make_latency(1.0)
    for key, value in changes.items():
        setattr(comparison, key, value)
    comparison.save(out)
    save_npz(out / "calibration.npz", {"x": np.ones((3, 2), np.float32)})
    samples = {key: np.array([1.0, 2.0, 3.0]) for key in ("original", "int8", "mine")}
    save_latency_samples(out, samples)
    request = RunRequest(
        model_path=model_path,
        model_name=name,
        data_path=data,
        data_name="digits.npz",
        recipes=(PRESETS["dynamic_range"], PRESETS["int8"]),
        given_variants=(
            GivenVariant(path=mine, name="mine.tflite", sha256=sha(b"a given file")),
        ),
    )
    write_request(request, out)
    return out


@pytest.fixture
def run(tmp_path):
    return lay_down_run(tmp_path / "run")


@pytest.fixture
def packed(run, tmp_path):
    path = tmp_path / "my bundle.zip"
    bundle_run_folder(run, path)
    return path


NODES = [
    GraphNode("x", "Placeholder"),
    GraphNode("<b>relu</b>", "Relu", ("x",)),
    GraphNode("step", "RandomUniform", ("relu",), is_stateful=True, function="while_body"),
]


def pack_with_graph(run, tmp_path):
    """Bundle the run as one of a TensorFlow model, whose operations `NODES` are."""
    comparison = Comparison.load(run / "comparison.json")
    comparison.model.format = "keras"
    comparison.save(run)
    save_nodes(NODES, run / GRAPH_FILE)
    bundle_run_folder(run, tmp_path / "graph.zip")
    return tmp_path / "graph.zip"


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def honest(members):
    """Make the manifest say what the members are: the liar who can count."""
    manifest = json.loads(members["manifest.json"])
    manifest["members"] = {
        name: {"sha256": sha(content), "size_bytes": len(content)}
        for name, content in members.items()
        if name != "manifest.json"
    }
    members["manifest.json"] = json.dumps(manifest).encode()
    return members


def change_json(members, name, change):
    """Change a JSON member by a function and let the manifest know."""
    values = json.loads(members[name])
    change(values)
    members[name] = json.dumps(values).encode()
    return honest(members) if name != "manifest.json" else members


def refuse(path, tmp_path, *words):
    folder = tmp_path / "unpacked"
    with pytest.raises(BundleError) as refused:
        read_bundle(path, folder)
    message = str(refused.value)
    assert message.startswith(f"{path.name}: "), message
    assert "\n" not in message
    assert "expected" in message
    for word in words:
        assert word in message, message
    assert list(folder.iterdir()) == []
    return message


class TestRoundTrip:
    def test_everything_comes_out_as_it_went_in(self, run, packed, tmp_path):
        bundle = read_bundle(packed, tmp_path / "there")
        assert bundle.comparison.to_json() == Comparison.load(run / "comparison.json").to_json()
        assert set(bundle.files) == {
            *("comparison.json", "calibration.npz", "latency_samples.npz"),
            *("dynamic_range.tflite", "int8.tflite", "mine.tflite"),
        }
        for name, path in bundle.files.items():
            assert path == tmp_path / "there" / name
            assert path.read_bytes() == (run / name).read_bytes()
        request = bundle.request
        assert request.model_path.read_bytes() == b"the model"
        assert request.model_path.suffix == ".tflite"
        assert request.data_path.read_bytes() == b"some data"
        assert request.given_variants[0].path.read_bytes() == b"a given file"
        assert {request.model_path.parent, request.data_path.parent} == {tmp_path / "there"}
        assert request.recipes == (PRESETS["dynamic_range"], PRESETS["int8"])

    def test_the_graph_of_a_tensorflow_model_goes_along(self, run, tmp_path):
        packed = pack_with_graph(run, tmp_path)
        bundle = read_bundle(packed, tmp_path / "there")
        assert load_nodes(bundle.files[GRAPH_FILE]) == NODES
        bundle_run_folder(tmp_path / "there", tmp_path / "again.zip")
        assert members_of(tmp_path / "again.zip")[GRAPH_FILE] == members_of(packed)[GRAPH_FILE]

    def test_a_run_from_a_tflite_has_none_though_one_lies_in_its_folder(self, run, tmp_path):
        save_nodes(NODES, run / GRAPH_FILE)
        bundle_run_folder(run, tmp_path / "b.zip")
        assert GRAPH_FILE not in members_of(tmp_path / "b.zip")

    def test_what_was_unpacked_can_be_packed_again(self, packed, tmp_path):
        read_bundle(packed, tmp_path / "there")
        bundle_run_folder(tmp_path / "there", tmp_path / "again.zip")
        first, second = members_of(packed), members_of(tmp_path / "again.zip")
        del first["manifest.json"], second["manifest.json"]
        assert first == second

    def test_no_path_of_this_machine_goes_along(self, packed, tmp_path):
        assert all(str(tmp_path).encode() not in content for content in members_of(packed).values())

    def test_the_manifest_lists_every_member(self, packed):
        members = members_of(packed)
        manifest = json.loads(members.pop("manifest.json"))
        assert manifest["schema"] == 1
        assert manifest["litedrift"]
        assert manifest["members"] == {
            name: {"sha256": sha(content), "size_bytes": len(content)}
            for name, content in members.items()
        }

    def test_a_stream_takes_a_bundle_too(self, run, tmp_path):
        target = io.BytesIO()
        request = RunRequest.from_json(json.loads((run / "request.json").read_text()))
        files = {path.name: path for path in run.iterdir()}
        write_bundle(files, request, Comparison.load(run / "comparison.json"), target)
        path = tmp_path / "stream.zip"
        path.write_bytes(target.getvalue())
        assert read_bundle(path, tmp_path / "there").request.seed == 0

    def test_a_saved_model_folder_comes_back_as_that_folder(self, tmp_path):
        run = lay_down_run(tmp_path / "run")
        folder = tmp_path / "exported"
        (folder / "variables").mkdir(parents=True)
        (folder / "saved_model.pb").write_bytes(b"graph")
        (folder / "variables" / "variables.index").write_bytes(b"index")
        request = json.loads((run / "request.json").read_text())
        (run / "request.json").write_text(json.dumps({**request, "model_path": str(folder)}))
        found = json.loads((run / "comparison.json").read_text())
        found["model"]["sha256"] = file_sha256(folder)
        (run / "comparison.json").write_text(json.dumps(found))
        bundle_run_folder(run, tmp_path / "b.zip")
        model = read_bundle(tmp_path / "b.zip", tmp_path / "there").request.model_path
        assert model.is_dir()
        assert file_sha256(model) == file_sha256(folder)
        assert (model / "variables" / "variables.index").read_bytes() == b"index"

    @pytest.mark.parametrize(
        "name",
        ["<script>x</script>.tflite", "**b** [l](javascript:x) |`", "../../x.tflite", "é模型"],
    )
    def test_a_name_is_text_and_never_a_path(self, tmp_path, name):
        run = lay_down_run(tmp_path / "run", name=name)
        bundle_run_folder(run, tmp_path / "b.zip")
        bundle = read_bundle(tmp_path / "b.zip", tmp_path / "there")
        assert bundle.request.model_name == bundle.comparison.model.name == name
        assert bundle.request.model_path == tmp_path / "there" / "source-model.tflite"


class TestPacking:
    @pytest.mark.parametrize(
        ("file", "name"),
        [("m/cnn.tflite", "cnn.tflite"), ("m/d.npz", "digits.npz"), ("m/g", "mine.tflite"),
         ("out/int8.tflite", "int8.tflite")],
    )  # fmt: skip
    @pytest.mark.parametrize("gone", [True, False], ids=["gone", "changed"])
    def test_a_file_that_is_not_the_runs_any_more_is_named(self, run, tmp_path, file, name, gone):
        path = run.parent / file
        path.unlink() if gone else path.write_bytes(b"another")
        target = tmp_path / "b.zip"
        with pytest.raises(BundleError, match=r"expected .* run again|run it again") as refused:
            bundle_run_folder(run, target)
        assert str(refused.value).startswith(f"{name}: ")
        assert not target.exists()
        assert not list(tmp_path.glob(".*partial"))

    def test_an_earlier_bundle_stays_where_packing_fails(self, run, packed):
        before = packed.read_bytes()
        (run / "int8.tflite").write_bytes(b"another")
        with pytest.raises(BundleError):
            bundle_run_folder(run, packed)
        assert packed.read_bytes() == before

    def test_a_folder_that_no_run_left_is_refused(self, tmp_path):
        with pytest.raises(BundleError, match=r"request\.json beside the results of `run`"):
            bundle_run_folder(tmp_path, tmp_path / "b.zip")

    def test_the_request_of_another_run_is_refused(self, run, tmp_path):
        request = json.loads((run / "request.json").read_text())
        (run / "request.json").write_text(json.dumps({**request, "seed": 7}))
        with pytest.raises(BundleError, match="one seed in both, found '7' and '0'"):
            bundle_run_folder(run, tmp_path / "b.zip")


class TestHostileZips:
    @pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.95, 0.999], ids=str)
    def test_truncated(self, packed, tmp_path, share):
        content = packed.read_bytes()
        packed.write_bytes(content[: int(len(content) * share)])
        refuse(packed, tmp_path, "complete zip")

    def test_missing(self, tmp_path):
        with pytest.raises(BundleError, match=r"none\.zip: expected a bundle, found no such file"):
            read_bundle(tmp_path / "none.zip", tmp_path / "unpacked")

    def test_no_manifest(self, packed, tmp_path):
        members = members_of(packed)
        del members["manifest.json"]
        refuse(pack(packed, members), tmp_path, "manifest.json")

    def test_another_content_under_an_honest_name(self, packed, tmp_path):
        members = members_of(packed)
        members["int8.tflite"] = members["int8.tflite"][::-1]
        refuse(pack(packed, members), tmp_path, "int8.tflite", "SHA-256")

    def test_an_extra_member(self, packed, tmp_path):
        members = {**members_of(packed), "extra.txt": b"x"}
        refuse(pack(packed, members), tmp_path, "extra.txt", "listed")
        refuse(pack(packed, honest(members)), tmp_path, "extra.txt", "files of one run")

    @pytest.mark.parametrize(
        "name",
        ["int8.tflite", "comparison.json", "request.json", "source-model.tflite", "source-data.npz",
         "source-given-1.tflite"],
    )  # fmt: skip
    def test_a_missing_member(self, packed, tmp_path, name):
        members = members_of(packed)
        del members[name]
        refuse(pack(packed, members), tmp_path, name, "found none")
        refuse(pack(packed, honest(members)), tmp_path, name, "found none")

    @pytest.mark.parametrize(
        "name",
        ["../evil", "/evil", "a/../../evil", "sub/evil", "..\\evil", "C:/evil", "Evil", "-x"],
    )
    def test_a_member_that_is_no_plain_name(self, packed, tmp_path, name):
        members = honest({**members_of(packed), name: b"x"})
        refuse(pack(packed, members), tmp_path, "evil" if "evil" in name else name)
        assert not list(tmp_path.rglob("evil"))

    def test_a_symbolic_link(self, packed, tmp_path):
        members = honest({**members_of(packed), "int8.tflite": b"/etc/passwd"})
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in members.items():
                entry = zipfile.ZipInfo(name)
                kind = 0o120777 if name == "int8.tflite" else 0o100644
                entry.external_attr = kind << 16
                archive.writestr(entry, content)
        with pytest.raises(BundleError, match="symbolic link"):
            read_bundle(packed, tmp_path / "unpacked")

    def test_a_bomb(self, packed, tmp_path, monkeypatch):
        members = honest({**members_of(packed), "int8.tflite": bytes(3_000_000)})
        pack(packed, members)
        monkeypatch.setenv("LITEDRIFT_UNPACKED_BYTES", "1000000")
        refuse(packed, tmp_path, "1000000 bytes once unpacked")

    def test_a_declared_size_that_lies(self, packed, tmp_path):
        members = change_json(
            members_of(packed),
            "manifest.json",
            lambda m: m["members"]["int8.tflite"].update(size_bytes=2**60),
        )
        refuse(pack(packed, members), tmp_path, "int8.tflite", str(2**60))

    @pytest.mark.parametrize(
        "change",
        [
            lambda m: m.clear(),
            lambda m: m.update(kind="other"),
            lambda m: m.update(schema="1"),
            lambda m: m.update(schema=True),
            lambda m: m.update(members=[]),
            lambda m: m.update(model_is_folder="no"),
            lambda m: m["members"]["int8.tflite"].update(sha256="z" * 64),
            lambda m: m["members"]["int8.tflite"].update(sha256=None),
            lambda m: m["members"]["int8.tflite"].update(size_bytes=-1),
            lambda m: m["members"]["int8.tflite"].update(size_bytes=1.5),
            lambda m: m["members"].update({"int8.tflite": None}),
        ],
    )
    def test_a_manifest_of_another_form(self, packed, tmp_path, change):
        members = change_json(members_of(packed), "manifest.json", change)
        refuse(pack(packed, members), tmp_path, "manifest.json: expected a bundle's manifest")

    def test_a_newer_manifest(self, packed, tmp_path):
        members = change_json(members_of(packed), "manifest.json", lambda m: m.update(schema=2))
        refuse(pack(packed, members), tmp_path, "newer LiteDrift")

    @pytest.mark.parametrize("name", ["manifest.json", "request.json", "comparison.json"])
    @pytest.mark.parametrize(
        "garbage",
        [b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 200_000, b'{"schema": 1}', b"\0" * 100],
        ids=["empty", "cut", "null", "list", "bytes", "deep", "bare", "zeros"],
    )
    def test_json_garbage(self, packed, tmp_path, name, garbage):
        members = {**members_of(packed), name: garbage}
        if name != "manifest.json":
            honest(members)
        refuse(pack(packed, members), tmp_path, name)


LIES = {
    "path as file": lambda c: c["variants"][0].update(file="../../evil.tflite"),
    "file of another": lambda c: c["variants"][0].update(file="int8.tflite"),
    "path as recipe": lambda c: c["variants"][0].update(recipe="../evil", file="../evil.tflite"),
    "markup as recipe": lambda c: c["variants"][0].update(recipe="<b>x</b>"),
    "text as size": lambda c: c["variants"][0].update(size_bytes="<script>"),
    "text as latency": lambda c: c["variants"][0]["latency"].update(p50_ms="fast"),
    "text as drift": lambda c: c["variants"][0]["drift"].update(sqnr_db="x"),
    "list as notes": lambda c: c["variants"][0]["audit"].update(notes=[1]),
    "number as note": lambda c: c["data"].update(notes="text"),
    "unknown engine": lambda c: c["variants"][0].update(engine="mine"),
    "foreign flags": lambda c: c["variants"][0]["flags"].update(supported_ops=["x); evil(("]),
    "hash": lambda c: c["model"].update(sha256='"""\nevil()'),
    "version": lambda c: c["environment"].update(ai_edge_litert='"""\nevil()'),
    "batch": lambda c: c["settings"].update(batch="1\nevil()"),
    "raw inputs": lambda c: c["settings"]["source"].update(raw_inputs="[evil()]"),
    "changes": lambda c: c["settings"]["source"].update(changes="[evil()]"),
    "half a character": lambda c: c["model"].update(notes=["\ud800"]),
    "date": lambda c: c.update(created="<b>now</b>"),
    "twice": lambda c: c["variants"].append(c["variants"][0]),
    "unasked": lambda c: c["variants"][0].update(
        recipe="float16", file="float16.tflite", flags=PRESETS["float16"].to_json()
    ),
    "another model": lambda c: c["model"].update(sha256="ab" * 32),
    "another name": lambda c: c["model"].update(name="other"),
    "another data": lambda c: c["data"].update(sha256="ab" * 32),
    "another variant": lambda c: c["variants"][1].update(sha256="ab" * 32),
    "other runs": lambda c: c["variants"][1]["latency"].update(runs=77),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_comparison_that_run_cannot_have_written_is_refused(packed, tmp_path, lie):
    members = change_json(members_of(packed), "comparison.json", LIES[lie])
    refuse(pack(packed, members), tmp_path)


REQUEST_LIES = {
    "absolute": lambda r: r.update(model_path="/etc/passwd"),
    "relative": lambda r: r.update(data_path="../../data"),
    "a variant": lambda r: r.update(model_path="int8.tflite"),
    "the comparison": lambda r: r.update(data_path="comparison.json"),
    "given": lambda r: r["given_variants"][0].update(path="/etc/passwd"),
    "threads": lambda r: r.update(threads=10**9),
    "runs": lambda r: r.update(runs=10**9),
    "text as seed": lambda r: r.update(seed="0"),
    "image scale": lambda r: r["data_options"].update(image_scale="<b>"),
    "unknown field": lambda r: r.update(command="evil"),
    "unknown option": lambda r: r["data_options"].update(command="evil"),
    "names": lambda r: r["model_options"].update(input_tensors=[1]),
    "no data": lambda r: r.update(data_path=None),
}


@pytest.mark.parametrize("lie", REQUEST_LIES)
def test_a_request_that_no_run_can_have_is_refused(packed, tmp_path, lie):
    members = change_json(members_of(packed), "request.json", REQUEST_LIES[lie])
    refuse(pack(packed, members), tmp_path)


@pytest.mark.parametrize("name", ["latency_samples.npz", "calibration.npz"])
def test_arrays_that_would_be_executed_or_are_damaged_are_refused(packed, tmp_path, name):
    target = io.BytesIO()
    np.savez(target, original=np.array([{"a": 1}], dtype=object))
    for content in (target.getvalue(), b"PK\x03\x04 no zip"):
        members = honest({**members_of(packed), name: content})
        refuse(pack(packed, members), tmp_path, name)


@pytest.mark.parametrize(
    "arrays",
    [
        {"int8": np.ones((3, 2))},
        {"int8": np.ones(3, np.float32)},
        {"int8": np.array([1.0, np.nan, 2.0])},
        {"other": np.ones(3)},
        {"int8": np.ones(4)},
    ],
    ids=["shape", "type", "nan", "name", "count"],
)
def test_latency_samples_that_are_not_the_comparisons_are_refused(packed, tmp_path, arrays):
    target = tmp_path / "x.npz"
    save_npz(target, arrays)
    members = honest({**members_of(packed), "latency_samples.npz": target.read_bytes()})
    refuse(pack(packed, members), tmp_path, "latency_samples.npz")


@pytest.mark.parametrize(
    "content",
    [
        "no JSON", "{}", "[1]", '[{"name":"a"}]', "[" * 100_000,
        '[{"name":1,"op":"A","inputs":[]}]',
        '[{"name":"a","op":"A","inputs":"xy"}]', '[{"name":"a","op":"A","inputs":[],"more":1}]',
        json.dumps([{"name": "a", "op": "A", "inputs": []}] * 200_001),
    ],
    ids=lambda content: content[:24],
)  # fmt: skip
def test_a_graph_that_no_run_writes_is_refused(run, tmp_path, content):
    members = members_of(pack_with_graph(run, tmp_path))
    members[GRAPH_FILE] = content.encode()
    pack(tmp_path / "b.zip", honest(members))
    refuse(tmp_path / "b.zip", tmp_path, GRAPH_FILE, "operations")


def test_a_graph_beside_a_run_from_a_tflite_is_refused(packed, tmp_path):
    members = members_of(packed)
    members[GRAPH_FILE] = b"[]"
    pack(tmp_path / "b.zip", honest(members))
    refuse(tmp_path / "b.zip", tmp_path, GRAPH_FILE)


def test_a_script_in_a_bundle_is_never_kept(packed, tmp_path):
    members = members_of(packed)
    original = members["rebuild_int8.py"]
    members["rebuild_int8.py"] = b"import os; os.system('touch evil')"
    read_bundle(pack(packed, honest(members)), tmp_path / "there")
    assert (tmp_path / "there" / "rebuild_int8.py").read_bytes() == original


def test_a_folder_with_files_is_left_alone(packed, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    with pytest.raises(BundleError, match="mine: expected an empty folder"):
        read_bundle(packed, tmp_path / "mine")
    assert (tmp_path / "mine" / "file").read_text() == "mine"


class TestInTheChild:
    def test_an_upload_is_called_by_the_name_that_it_came_with(self, packed, tmp_path):
        stored = tmp_path / ("ab" * 32 + ".zip")
        stored.write_bytes(packed.read_bytes()[:500])
        with pytest.raises(BundleError) as refused:
            read_bundle(stored, tmp_path / "there", "friend's.zip")
        assert str(refused.value).startswith("friend's.zip: ")
        assert "abab" not in str(refused.value)

    def test_a_lying_manifest_is_refused(self, packed, tmp_path):
        members = {**members_of(packed), "int8.tflite": b"another"}
        refuse(pack(packed, members), tmp_path, "int8.tflite")

    def test_a_child_that_is_ended_costs_the_bundle_alone(self, packed, tmp_path, monkeypatch):
        monkeypatch.setenv("LITEDRIFT_READ_SECONDS", "0.001")
        refuse(packed, tmp_path, "that can be unpacked")
