"""What a model file leaves to the person, on the Model page: asked, kept, and passed to the run.

Frozen graphs are really read, one of them by the real child process; other formats are made up.
"""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import io
import json
import zipfile

import pytest

from components.run_settings import RunSettings, build_request
from components.session import DATA_SOURCE_KEY, MODEL_SOURCE_KEY, widget_key
from converter.errors import ModelFileError
from converter.frozen_graph_file import list_tensors
from converter.model_file import inspect_model
from converter.model_options import DEFAULT_OPTIONS, ModelOptions
from converter.recipe import PRESETS
from converter.tensorflow_protos import import_proto
from converter.uploads import store_upload

SETTINGS = RunSettings(20, 10, 1, None, 0, False)
HOSTILE_NAMES = [
    "<b>x</b><script>alert(1)</script>", "*x* :tada: [x](http://e.com) $a$ `q` :red[x]",
    "a\nb\n# c", "\N{RIGHT-TO-LEFT OVERRIDE}keras.exe", "x" * 10_000, "\x1b[31mred\x00", "../../x",
    "half \ud800 character", "",
]
TWO = {
    "name": "two.zip", "format": "saved_model", "sha256": "ab" * 32, "size_bytes": 9000,
    "size_without_optimizer_bytes": 9000, "optimizer_bytes": 0, "parameters": 63,
    "parameter_bytes": 252, "notes": [],
    "details": {
        "signature": "serving_default", "signatures": ["embed", "serving_default"],
        "signature_tensors": {
            "embed": {"inputs": ["frames"], "outputs": ["vector"]},
            "serving_default": {"inputs": ["features"], "outputs": ["score"]},
        },
    },
    "inputs": [{"name": "features", "shape": [None, 5], "dtype": "float32"}],
    "outputs": [{"name": "score", "shape": [None, 3], "dtype": "float32"}],
}
EMBED = {
    **TWO, "details": {**TWO["details"], "signature": "embed"},
    "inputs": [{"name": "frames", "shape": [None, None, 12], "dtype": "float32"}],
    "outputs": [{"name": "vector", "shape": [None, 4], "dtype": "float32"}],
}
TFLITE = {
    **TWO, "format": "tflite",
    "details": {"operators": ["CONV_2D", "SOFTMAX"], "operator_count": 7, "signature": "a",
                "signatures": ["a"], "stored_types": [], "missing_kernels": []},
}


def graph_bytes(*nodes) -> bytes:
    graph = import_proto("core.framework.graph_pb2").GraphDef()
    for name, operator, inputs in nodes:
        node = graph.node.add(name=name, op=operator)
        node.input.extend(inputs)
        node.attr["dtype" if operator == "Placeholder" else "T"].type = 1
        if operator == "Placeholder":
            for size in (-1, 4):
                node.attr["shape"].shape.dim.add().size = size
    return graph.SerializeToString()


GRAPH = graph_bytes(
    ("x", "Placeholder", ()), ("keep", "Placeholder", ()), ("hidden", "Relu", ("x",)),
    ("dropped", "Mul", ("hidden", "keep")), ("scores", "Softmax", ("dropped",)),
    ("aux", "Tanh", ("hidden",)),
)


@pytest.fixture
def show(app):
    """Upload a model and return the page."""

    def _show(name, content=b"content"):
        app.run()
        app.session_state[MODEL_SOURCE_KEY] = "file"
        app.run()
        app.file_uploader(key=widget_key("model", "upload")).upload(name, content)
        return app.run()

    return _show


@pytest.fixture
def faked(monkeypatch):
    """Give the page made-up facts: a dict, or a function from the options to one."""

    def _fake(facts):
        def inspect(path, name, options):
            return {**(facts(options) if callable(facts) else facts), "name": name}

        monkeypatch.setattr("components.model_facts.inspect_model_file", inspect)

    return _fake


@pytest.fixture
def without_child(monkeypatch):
    """Read files here and now: a child for each would take most of the time."""

    def inspect(path, name, options):
        try:
            return {**inspect_model(path, options).to_json(), "name": name}
        except ModelFileError as refused:
            raise ModelFileError(str(refused).replace(path.name, name)) from refused

    monkeypatch.setattr("components.model_facts.inspect_model_file", inspect)
    monkeypatch.setattr("components.model_options.list_graph_tensors",
                        lambda path, name: list_tensors(path))


def box_of(app, kind):
    sha256 = app.session_state["litedrift.model"].sha256
    return next(
        box for box in (*app.selectbox, *app.multiselect)
        if box.key == widget_key("model", f"{kind}.{sha256[:12]}")
    )


def request_of(app):
    model = app.session_state["litedrift.model"]
    data = type("Data", (), {"file": None, "options": None})()
    return build_request(
        model=model, data=data, recipes=[PRESETS["float32"]], given=[], settings=SETTINGS
    )


def table(app):
    frame = app.dataframe[0].value
    return [tuple(row) for row in frame[["Role", "Name", "Shape"]].itertuples(index=False)]


def messages(elements):
    return " ".join(element.value.replace("\\", "") for element in elements)


class TestSignature:
    @pytest.fixture
    def opened(self, show, faked):
        faked(lambda options: EMBED if options.signature == "embed" else TWO)
        return show("two.zip")

    def test_the_default_is_stated_and_each_says_its_ends(self, opened):
        assert not opened.exception
        box = box_of(opened, "signature")
        assert box.options == ["serving_default: features → score", "embed: frames → vector"]
        assert "serving_default is used unless you choose another" in messages(opened.caption)
        assert opened.session_state["litedrift.model"].options == DEFAULT_OPTIONS
        assert table(opened)[0] == ("input", "features", "? × 5")

    def test_another_changes_the_facts_the_address_and_the_run(self, opened):
        box_of(opened, "signature").select_index(1).run()
        assert not opened.exception
        assert table(opened) == [("input", "frames", "? × ? × 12"), ("output", "vector", "? × 4")]
        assert json.loads(opened.query_params["options"]) == {"signature": "embed"}
        assert request_of(opened).model_options == ModelOptions(signature="embed")

    def test_it_is_kept_over_a_page_switch(self, opened):
        box_of(opened, "signature").select_index(1).run()
        opened.switch_page("pages/convert.py").run()
        opened.switch_page("pages/model.py").run()
        assert box_of(opened, "signature").value == 1
        assert request_of(opened).model_options.signature == "embed"

    def test_going_back_to_the_default_leaves_no_trace(self, opened):
        box_of(opened, "signature").select_index(1).run()
        box_of(opened, "signature").select_index(0).run()
        assert "options" not in opened.query_params
        assert request_of(opened).model_options == DEFAULT_OPTIONS

    def test_one_signature_is_no_choice(self, show, faked):
        faked({**TWO, "details": {"signature": "a", "signatures": ["a"]}})
        page = show("one.zip")
        assert [box.label for box in page.selectbox] == []

    def test_very_many_are_listed_in_part(self, show, faked):
        keys = [f"s{n}" for n in range(5000)]
        faked({**TWO, "details": {"signature": "s4999", "signatures": keys}})
        page = show("many.zip")
        assert len(box_of(page, "signature").options) == 200
        assert box_of(page, "signature").options[0] == "s4999"
        assert "4800 more signatures are not listed" in messages(page.caption)


class TestFrozenGraph:
    @pytest.fixture(autouse=True)
    def _quick(self, request):
        if "really" not in request.node.name:
            request.getfixturevalue("without_child")

    def test_defaults_are_stated_and_really_read(self, show):
        page = show("net.pb", GRAPH)
        assert not page.exception
        assert box_of(page, "inputs").placeholder == "Default: needed placeholders"
        assert box_of(page, "outputs").placeholder == "Default: unconsumed nodes"
        assert [row[1] for row in table(page)] == ["x", "keep", "scores", "aux"]
        assert box_of(page, "outputs").options == [
            "scores (Softmax, float32)", "aux (Tanh, float32)", "dropped (Mul, float32)",
            "hidden (Relu, float32)",
        ]
        assert box_of(page, "inputs").options[0] == "x (Placeholder, float32, ? × 4)"

    def test_chosen_ends_reach_the_run(self, show):
        page = show("net.pb", GRAPH)
        box_of(page, "outputs").select("aux").run()
        assert [row[1] for row in table(page)] == ["x", "aux"]
        box_of(page, "inputs").select("hidden").run()
        assert [row[1] for row in table(page)] == ["hidden", "aux"]
        assert request_of(page).model_options == ModelOptions(
            input_tensors=("hidden",), output_tensors=("aux",)
        )
        assert not page.button(key=widget_key("model", "next")).disabled

    @pytest.mark.parametrize(
        ("inputs", "outputs", "message"),
        [
            ((), ("nowhere",), "expected outputs (--outputs) that are nodes of the graph"),
            (("x",), ("scores",), "it also needs the placeholder 'keep'"),
            (("dropped",), ("aux",), "it also needs the placeholder 'x'"),
            (("x", "keep"), ("aux",), "'keep:0' cannot be an input"),
        ],
    )
    def test_ends_that_lead_nowhere_are_one_sentence_and_can_be_mended(
        self, show, inputs, outputs, message
    ):
        page = show("net.pb", GRAPH)
        box_of(page, "inputs").set_value(list(inputs))
        box_of(page, "outputs").set_value(list(outputs)).run()
        assert not page.exception
        (error,) = page.error
        assert message in error.value.replace("\\", "")
        assert error.value.replace("\\", "").startswith("net.pb: ")
        box_of(page, "inputs").set_value([])
        box_of(page, "outputs").set_value([]).run()
        assert not page.error
        assert len(table(page)) == 4

    def test_a_graph_that_does_not_tell_its_inputs_waits_for_them(self, show):
        page = show("bare.pb", graph_bytes(("c", "Const", ()), ("h", "Relu", ("c",)),
                                           ("y", "Relu", ("h",))))
        assert not page.exception
        assert page.button(key=widget_key("model", "next")).disabled
        assert "Choose the inputs and outputs" in messages(page.caption)
        box_of(page, "inputs").select("h").run()
        assert not page.button(key=widget_key("model", "next")).disabled

    def test_names_that_differ_in_the_middle_stay_apart(self, show):
        long = ["n" * 60 + letter + "n" * 60 for letter in "abc"]
        page = show("long.pb", graph_bytes(("x", "Placeholder", ()),
                                           *((name, "Relu", ("x",)) for name in long)))
        assert len(set(box_of(page, "outputs").options)) == 3
        box_of(page, "outputs").set_value([long[1]]).run()
        assert page.session_state["litedrift.model"].options.output_tensors == (long[1],)
        assert len(table(page)) == 2


class TestSizes:
    @pytest.fixture
    def opened(self, show, faked):
        faked(EMBED)
        return show("frames.zip")

    def test_a_size_changes_the_facts_the_address_and_the_run(self, opened):
        assert "In the run: frames 1 × 32 × 12" in messages(opened.caption)
        box = next(box for box in opened.number_input if box.label == "Dimension 1")
        assert box.placeholder == "32"
        box.set_value(7).run()
        assert not opened.exception
        assert table(opened)[0] == ("input", "frames", "? × 7 × 12")
        assert "In the run: frames 1 × 7 × 12" in messages(opened.caption)
        sizes = (("frames", (None, 7, None)),)
        assert request_of(opened).model_options.dimensions == sizes
        assert json.loads(opened.query_params["options"]) == {
            "dimensions": [["frames", [None, 7, None]]]
        }

    def test_a_size_can_be_cleared_after_a_page_switch(self, opened):
        next(box for box in opened.number_input if box.label == "Dimension 1").set_value(7).run()
        opened.switch_page("pages/convert.py").run()
        opened.switch_page("pages/model.py").run()
        box = next(box for box in opened.number_input if box.label == "Dimension 1")
        assert box.value == 7
        box.set_value(None).run()
        assert request_of(opened).model_options == DEFAULT_OPTIONS

    def test_the_batch_is_tucked_away(self, opened):
        box = next(box for box in opened.number_input if box.label == "Samples in one call")
        assert box.value == 1
        box.set_value(8).run()
        assert table(opened)[0] == ("input", "frames", "8 × ? × 12")
        assert request_of(opened).model_options.dimensions == (("frames", (8, None, None)),)
        opened.switch_page("pages/convert.py").run()
        opened.switch_page("pages/model.py").run()
        assert table(opened)[0] == ("input", "frames", "8 × ? × 12")

    def test_data_is_checked_against_the_chosen_sizes(self, opened, monkeypatch):
        asked = []
        monkeypatch.setattr(
            "components.data_facts.inspect_data_file",
            lambda path, name, model, *more, **named: asked.append(model["inputs"]) or {
                "samples": 1, "labelled": False, "inputs": [], "notes": []},
        )
        next(box for box in opened.number_input if box.label == "Dimension 1").set_value(7).run()
        opened.session_state[DATA_SOURCE_KEY] = "file"
        opened.run()
        opened.file_uploader(key=widget_key("model", "data_upload")).upload("d.npy", b"data")
        opened.run()
        assert [tensor["shape"] for tensor in asked[-1]] == [[None, 7, 12]]
        next(box for box in opened.number_input if box.label == "Dimension 1").set_value(None).run()
        assert "the data fills the sizes" in messages(opened.caption)

    def test_another_model_does_not_inherit_them(self, opened, show):
        next(box for box in opened.number_input if box.label == "Dimension 1").set_value(7).run()
        opened = show("other.zip", b"other content")
        assert request_of(opened).model_options == DEFAULT_OPTIONS


@pytest.mark.usefixtures("without_child")
class TestAddress:
    def open(self, app, content, options):
        stored = store_upload(io.BytesIO(content), "net.pb")
        app.query_params["model"] = stored.sha256
        app.query_params["options"] = options
        app.run()
        assert not app.exception
        return app.session_state["litedrift.model"]

    def test_a_link_restores_the_options(self, app):
        model = self.open(app, GRAPH, '{"output_tensors":["aux"],"dimensions":[["x",[2,null]]]}')
        chosen = ModelOptions(output_tensors=("aux",), dimensions=(("x", (2, None)),))
        assert model.options == chosen
        assert box_of(app, "outputs").value == ["aux"]
        app.run()
        assert app.session_state["litedrift.model"].options == chosen
        assert table(app)[0] == ("input", "x", "2 × 4")

    @pytest.mark.parametrize(
        "options",
        ['{"output_tensors":["nowhere"]}', '{"signature":"x"}', '{"dimensions":[["q",[1]]]}',
         '{"dimensions":[["x",[1,5]]]}', "{", "x" * 9000],
    )
    def test_options_that_do_not_fit_the_file_are_dropped_quietly(self, app, options):
        assert self.open(app, GRAPH, options).options == DEFAULT_OPTIONS
        assert not app.error
        assert "options" not in app.query_params


class TestTflite:
    def test_a_float_file_may_go_on_and_says_what_will_happen(self, show, faked):
        faked(TFLITE)
        page = show("net.tflite")
        assert not page.exception
        assert not page.button(key=widget_key("model", "next")).disabled
        assert "litert-quantizer makes smaller variants" in messages(page.info)
        metrics = {metric.label: metric.value for metric in page.metric}
        assert metrics["Operators"] == "7"
        assert "CONV_2D, SOFTMAX" in messages(page.caption)

    def test_a_quantized_one_goes_on_without_promise(self, show, faked):
        details = {**TFLITE["details"], "stored_types": ["int8"]}
        faked({**TFLITE, "details": details, "notes": ["It is measured as it is."]})
        page = show("net.tflite")
        assert not page.button(key=widget_key("model", "next")).disabled
        assert not page.info
        assert "measured as it is" in messages(page.caption)

    def test_one_that_cannot_run_stays_here(self, show, faked):
        faked({**TFLITE, "details": {**TFLITE["details"], "missing_kernels": ["FlexErf"]}})
        page = show("net.tflite")
        assert page.button(key=widget_key("model", "next")).disabled
        assert "can only be inspected" in messages(page.caption)


class TestFolder:
    def upload(self, app, files):
        app.run()
        app.session_state[MODEL_SOURCE_KEY] = "file"
        app.run()
        app.toggle(key=widget_key("model", "is_folder")).set_value(True).run()
        uploader = app.file_uploader(key=widget_key("model", "folder"))
        assert uploader.accept_directory
        uploader.set_value([(name, content, "") for name, content in files])
        return app.run()

    def test_a_folder_becomes_one_file_under_its_name(self, app, faked, home):
        faked(TWO)
        page = self.upload(app, [("my <b>net/saved_model.pb", b"graph"),
                                 ("my <b>net/variables/variables.index", b"index")])
        assert not page.exception
        (path,) = (home / "uploads").iterdir()
        with zipfile.ZipFile(path) as archive:
            assert archive.namelist() == ["saved_model.pb", "variables/variables.index"]
        model = page.session_state["litedrift.model"]
        assert model.name == "my <b>net"
        assert path.name == f"{model.sha256}.zip"
        assert page.subheader[0].value == "`my <b>net`"
        page.switch_page("pages/convert.py").run()
        page.switch_page("pages/model.py").run()
        assert any("In use" in text.value and "my <b>net" in text.value for text in page.markdown)

    def test_a_path_that_leads_elsewhere_is_refused_and_stays_told(self, app, faked, home):
        faked(TWO)
        page = self.upload(app, [("net/saved_model.pb", b"graph"), ("net/../../x", b"")])
        for _ in range(2):
            assert not page.exception
            assert "expected paths inside the folder" in messages(page.error)
            page.run()
        assert list((home / "uploads").iterdir()) == []


def test_a_file_over_the_limit_stays_refused_and_never_arrives_in_part(show, monkeypatch, home):
    monkeypatch.setenv("LITEDRIFT_UPLOAD_BYTES", str(2**20))
    shown = show("big.keras", bytes(2**20 + 5))
    for _ in range(3):
        assert not shown.exception
        assert "big.keras: expected a file of at most" in messages(shown.error)
        shown.run()
    assert list((home / "uploads").iterdir()) == []
    assert "litedrift.model" not in shown.session_state


class TestHostileNames:
    @pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
    def test_are_text_wherever_they_stand(self, show, faked, name):
        tensors = [{"name": name, "shape": [None, None], "dtype": name}]
        details = {"signature": name, "signatures": [name, "b"], "operators": [name],
                   "signature_tensors": {name: {"inputs": [name] * 9, "outputs": []}}}
        faked({**TWO, "format": "saved_model", "details": details, "inputs": tensors,
               "outputs": tensors, "notes": [f"A note of {name}."]})
        page = show("net.zip")
        assert not page.exception
        shown = [element.value for element in (*page.markdown, *page.caption, *page.error)]
        shown += [*box_of(page, "signature").options, page.dataframe[0].value.iloc[0]["Name"]]
        for text in map(str, shown):
            assert len(text) < 4000
            assert "\n#" not in text
            assert not set("\N{RIGHT-TO-LEFT OVERRIDE}\x00\x1b\ud800") & set(text)
            text.encode()
        for text in (element.value for element in page.caption):
            assert "<b>" not in text.replace("\\<", "")
        box_of(page, "signature").select_index(1).run()
        assert not page.exception

    @pytest.mark.parametrize("name", HOSTILE_NAMES[:-2], ids=range(len(HOSTILE_NAMES) - 2))
    def test_of_an_upload_in_a_refusal(self, show, monkeypatch, name):
        def refuse(path, shown, options):
            raise ModelFileError(f"{shown}: expected a model, found {shown!r}.")

        monkeypatch.setattr("components.model_facts.inspect_model_file", refuse)
        page = show(name)
        assert not page.exception
        (error,) = page.error
        assert len(error.value) < 4000
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in error.value
        assert not {"\n", "\x00"} & set(error.value)


def test_options_of_a_model_do_not_change_its_data_source(show, faked):
    faked(lambda options: EMBED if options.signature == "embed" else TWO)
    page = show("two.zip")
    page.session_state[DATA_SOURCE_KEY] = "file"
    page.run()
    box_of(page, "signature").select_index(1).run()
    assert page.session_state[DATA_SOURCE_KEY] == "file"
