"""What a model file leaves to the person, chosen in a real browser."""

import json
import re
import urllib.parse
import zipfile

import pytest
from axe_playwright_python.sync_playwright import Axe

from converter.tensorflow_protos import import_proto

HOSTILE = "<img src=x onerror=document.title='broken'> *b* $a$ \N{RIGHT-TO-LEFT OVERRIDE}sj.\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A SavedModel folder of two signatures, its zip, and frozen graphs."""
    import tensorflow as tf

    class Two(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = tf.Variable(tf.random.stateless_normal((5, 3), (1, 2)))

        @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32, name="features")])
        def score(self, features):
            return {"score": tf.nn.softmax(features @ self.weights)}

        @tf.function(input_signature=[tf.TensorSpec((None, None, 5), tf.float32, name="frames")])
        def embed(self, frames):
            return {"vector": tf.reduce_mean(frames @ self.weights, 1)}

    folder = tmp_path_factory.mktemp("models")
    module = Two()
    signatures = {"serving_default": module.score, "embed": module.embed}
    tf.saved_model.save(module, str(folder / "two"), signatures=signatures)
    with zipfile.ZipFile(folder / "two.zip", "w") as archive:
        for file in sorted((folder / "two").rglob("*")):
            archive.write(file, file.relative_to(folder / "two"))
    layers = [f"block_{n // 10}/layer_{n % 10}" for n in range(900)]
    (folder / "chain.pb").write_bytes(chain(*layers))
    (folder / "hostile.pb").write_bytes(chain(HOSTILE, "n" * 10_000))
    return folder


def chain(*names):
    """Return a frozen graph of a placeholder and one node behind the other."""
    graph = import_proto("core.framework.graph_pb2").GraphDef()
    last = "x"
    node = graph.node.add(name=last, op="Placeholder")
    node.attr["dtype"].type = 1
    for size in (-1, 4):
        node.attr["shape"].shape.dim.add().size = size
    for name in names:
        node = graph.node.add(name=name, op="Relu", input=[last])
        node.attr["T"].type = 1
        last = name
    return graph.SerializeToString()


def upload(visitor, path):
    visitor.open("")
    visitor.page.get_by_text("Your file").first.click()
    visitor.rest()
    visitor.page.locator("input[type=file]").first.set_input_files(path)
    visitor.wait_for("SHA-256")


def sha256(visitor):
    visitor.page.get_by_text(re.compile("SHA-256")).first.click()
    code = visitor.page.get_by_test_id("stPopoverBody").locator("code").first
    code.wait_for()
    found = code.inner_text().strip()
    visitor.page.keyboard.press("Escape")
    return found


def choose(visitor, box, text):
    """Type into a select box and take what it offers first."""
    field = visitor.page.get_by_role("combobox", name=re.compile(box))
    field.click()
    field.press_sequentially(text)
    visitor.page.get_by_role("option").first.wait_for()
    field.press("Enter")
    field.press("Escape")
    visitor.rest()


def options_in_address(visitor):
    query = urllib.parse.parse_qs(urllib.parse.urlparse(visitor.page.url).query)
    return json.loads(query["options"][0])


def is_sound(visitor):
    assert visitor.page.get_by_test_id("stException").count() == 0
    assert visitor.problems == []
    serious = [
        violation["id"] + ": " + violation["nodes"][0]["html"][:150]
        for violation in Axe().run(visitor.page).response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
    assert serious == []
    width = visitor.page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert width <= 0


def test_a_signature_is_chosen_and_a_refresh_finds_it_again(visit, files):
    visitor = visit()
    upload(visitor, files / "two.zip")
    assert "serving_default is used unless you choose another" in visitor.text()
    choose(visitor, "Signature", "embed")
    visitor.wait_for("In the run: frames")
    visitor.page.get_by_label("Dimension 1").fill("7")
    visitor.page.get_by_label("Dimension 1").press("Enter")
    visitor.wait_for("1 × 7 × 5")  # noqa: RUF001 - as it is shown
    is_sound(visitor)
    chosen = {"signature": "embed", "dimensions": [["frames", [None, 7, None]]]}
    assert options_in_address(visitor) == chosen
    for _ in range(3):
        visitor.page.reload()
        visitor.wait_for("1 × 7 × 5")  # noqa: RUF001
        assert visitor.page.get_by_label("Dimension 1").input_value() == "7"
    visitor.go("Convert")
    visitor.go("Model")
    visitor.wait_for("1 × 7 × 5")  # noqa: RUF001
    visitor.page.get_by_label("Dimension 1").fill("")
    visitor.page.get_by_label("Dimension 1").press("Enter")
    visitor.wait_for("1 × 32 × 5")  # noqa: RUF001
    assert options_in_address(visitor) == {"signature": "embed"}


def test_a_node_far_inside_a_graph_is_typed_in(visit, files):
    visitor = visit(width=390, height=844)
    upload(visitor, files / "chain.pb")
    assert "nodes are not listed" in visitor.text()
    name = "block_3/layer_4"  # too far from the end to be listed
    choose(visitor, "Outputs", name)
    for _ in range(3):
        assert options_in_address(visitor) == {"output_tensors": [name]}
        assert visitor.page.locator("[role=group] [data-tag]").first.inner_text() == name
        visitor.page.reload()
        visitor.wait_for("SHA-256")
    is_sound(visitor)
    choose(visitor, "Inputs", "nowhere")
    visitor.wait_for("found 'nowhere'")
    is_sound(visitor)


def test_a_saved_model_folder_is_uploaded_as_it_is(visit, files):
    visitor = visit("dark")
    hashes = set()
    for _ in range(2):
        visitor.open("")
        visitor.page.get_by_text("Your file").first.click()
        visitor.rest()
        toggle = visitor.page.get_by_text("A SavedModel folder")
        if not visitor.page.get_by_role("switch").is_checked():
            toggle.click()
            visitor.rest()
        visitor.page.locator("input[type=file]").first.set_input_files(files / "two")
        visitor.wait_for("SHA-256")
        assert visitor.page.get_by_role("heading", name="two", exact=True).count() == 1
        is_sound(visitor)
        hashes.add(sha256(visitor))
    assert len(hashes) == 1
    visitor.page.reload()
    visitor.wait_for("SHA-256")
    assert "In use: two" in visitor.text()


def test_names_of_nodes_are_text(visit, files):
    visitor = visit()
    upload(visitor, files / "hostile.pb")
    visitor.page.get_by_role("combobox", name=re.compile("Outputs")).click()
    offered = visitor.page.get_by_role("option")
    offered.first.wait_for()
    texts = offered.all_inner_texts()
    assert any("<img src=x onerror=" in text and "*b* $a$" in text for text in texts)
    assert all("\N{RIGHT-TO-LEFT OVERRIDE}" not in text and len(text) < 200 for text in texts)
    visitor.page.get_by_role("option", name=re.compile("img src")).click()
    visitor.page.keyboard.press("Escape")
    visitor.rest()
    assert options_in_address(visitor) == {"output_tensors": [HOSTILE]}
    assert visitor.page.title() != "broken"
    assert visitor.page.locator("[data-testid=stMain] img[src=x]").count() == 0
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 1280
    visitor.page.reload()
    visitor.wait_for("SHA-256")
    assert options_in_address(visitor) == {"output_tensors": [HOSTILE]}
    is_sound(visitor)
