"""SavedModels and frozen graphs that are meant to hurt, most of them written by TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from tests.converter import example_models
from tests.fuzz.attack import Case
from tests.fuzz.hostile_protos import frozen_graphs, packed, saved_models

KIND = "hostile graphs"


def build_graphs(folder: Path, outside: Path) -> Iterator[Case]:
    """Write all of them and yield a case for each.

    Args:
        folder: Where they go.
        outside: Where they try to write.
    """
    yield from build_modules(folder, outside)
    for label, content in {**saved_models(), **_sound_but_for_files(folder)}.items():
        path = folder / f"{label.replace(' ', '_')}.zip"
        path.write_bytes(content)
        yield Case(format=KIND, label=label, path=path, name=path.name)
    for label, content in frozen_graphs(outside).items():
        path = folder / f"{label.replace(' ', '_')}.pb"
        path.write_bytes(content)
        yield Case(format=KIND, label=label, path=path, name=path.name)


def build_modules(
    folder: Path, outside: Path, chosen: Collection[str] | None = None
) -> Iterator[Case]:
    """Write those that TensorFlow has written: all, or those of the chosen labels."""
    for label, module in _modules(outside).items():
        if chosen is not None and label not in chosen:
            continue
        place = folder / label.replace(" ", "_")
        _save(module, place)
        path = example_models.zip_folder(place, place.with_suffix(".zip"))
        yield Case(format=KIND, label=label, path=path, name=path.name)


def _save(module: Any, folder: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


def _module(compute: Callable[[Any], Any]) -> Any:
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(
        lambda x: {"y": compute(x)},
        input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")],
        autograph=False,
    )
    return module


def _modules(outside: Path) -> dict[str, Any]:
    import tensorflow as tf

    def endless(x: Any) -> Any:
        return tf.while_loop(lambda v: tf.reduce_all(v > -1e30), lambda v: [v * 0.5], [x])[0]

    def endless_growth(x: Any) -> Any:
        return tf.while_loop(
            lambda v: True,
            lambda v: [tf.concat([v, v], 0)],
            [x],
            shape_invariants=[tf.TensorShape([None, 4])],
        )[0]

    def fill(x: Any) -> Any:
        return x + tf.reduce_sum(tf.fill([25, 10**9], tf.reduce_sum(x)))

    def zeros(x: Any) -> Any:
        return x + tf.reduce_sum(tf.zeros([160_000, 160_000]))

    def two_gigabytes(x: Any) -> Any:
        return x + tf.reduce_sum(tf.fill([2**29], tf.reduce_sum(x)))

    def grown_by_data(x: Any) -> Any:
        rows = tf.cast(tf.abs(tf.reduce_sum(x)) * 1e9, tf.int32) + 10**9
        return x + tf.reduce_sum(tf.fill([rows], 1.0))

    def huge_product(x: Any) -> Any:
        wide = tf.tile(x, [1, 50_000])
        return tf.matmul(wide, wide, transpose_a=True)

    def many_operators(x: Any) -> Any:
        for _ in range(3000):
            x = tf.sin(x)
        return x

    def recursion(x: Any) -> Any:
        return tf.map_fn(lambda row: tf.map_fn(lambda v: v * 2, row), x)

    def writes(x: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(f"{outside}/planted.txt", "planted")]):
            return tf.identity(x)

    def reads(x: Any) -> Any:
        return x + tf.cast(tf.strings.length(tf.io.read_file("/etc/passwd")), tf.float32)

    def lists(x: Any) -> Any:
        return x + tf.cast(tf.size(tf.io.matching_files("/etc/pass*")), tf.float32)

    def prints_to_a_file(x: Any) -> Any:
        action = tf.print("planted", output_stream=f"file://{outside}/printed.txt")
        with tf.control_dependencies([action]):
            return tf.identity(x)

    def runs_python(x: Any) -> Any:
        return tf.ensure_shape(tf.py_function(lambda v: v, [x], tf.float32), [None, 4])

    def asserts(x: Any) -> Any:
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_sum(x) > 1e30, [x])]):
            return tf.identity(x)

    def not_finite(x: Any) -> Any:
        return x / 0.0

    def strings(x: Any) -> Any:
        return tf.strings.as_string(x)

    plain = {
        "endless loop": endless,
        "endless growth": endless_growth,
        "100 GB filled": fill,
        "100 GB of zeros": zeros,
        "2 GB filled": two_gigabytes,
        "memory by the data": grown_by_data,
        "a product of 160 GB": huge_product,
        "three thousand operators": many_operators,
        "loops in loops": recursion,
        "writes a file": writes,
        "reads a file": reads,
        "lists a folder": lists,
        "prints to a file": prints_to_a_file,
        "runs python": runs_python,
        "asserts what fails": asserts,
        "gives what is not finite": not_finite,
        "gives strings": strings,
    }
    found = {label: _module(compute) for label, compute in plain.items()}
    found["writes while it is loaded"] = _with_initializer(outside)
    return found


def _with_initializer(outside: Path) -> Any:
    """Return a module whose lookup table is initialized by a function that writes a file."""
    import tensorflow as tf
    from tensorflow.python.trackable.resource import CapturableResource

    class Planter(CapturableResource):
        def _create_resource(self):
            return tf.raw_ops.HashTableV2(key_dtype=tf.int64, value_dtype=tf.int64)

        def _initialize(self):
            tf.io.write_file(f"{outside}/planted-on-load.txt", "planted")

    module = _module(lambda x: x * 2.0)
    module.planter = Planter()
    _ = module.planter.resource_handle
    return module


def _sound_but_for_files(folder: Path) -> dict[str, bytes]:
    """A sound SavedModel whose variables are missing, cut, swapped or declared otherwise."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(tf.ones((4, 3)))
    module.serve = tf.function(
        lambda x: {"y": x @ module.weights},
        input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")],
        autograph=False,
    )
    sound = folder / "sound"
    _save(module, sound)
    files = {
        path.relative_to(sound).as_posix(): path.read_bytes()
        for path in sorted(sound.rglob("*"))
        if path.is_file()
    }
    index, data = "variables/variables.index", "variables/variables.data-00000-of-00001"
    changes: dict[str, dict[str, bytes | None]] = {
        "variables missing": {index: None, data: None},
        "variables without their data": {data: None},
        "variables cut": {data: files[data][:10]},
        "variables of zeros": {index: bytes(len(files[index]))},
        "variables with a damaged index": {index: files[index][:-20] + b"\xff" * 20},
        "a second graph beside it": {"saved_model.pbtxt": b"meta_graphs {}"},
        "a bomb beside it": {"assets.extra/zeros": bytes(1 << 28)},
        "two models in one archive": {"other/saved_model.pb": files["saved_model.pb"]},
    }
    found = {}
    for label, change in changes.items():
        kept = {name: content for name, content in {**files, **change}.items() if content}
        graph = kept.pop("saved_model.pb")
        found[label] = packed(graph, **kept)
    return found
