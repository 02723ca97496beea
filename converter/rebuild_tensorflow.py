"""How plain TensorFlow rebuilds the variants of a TensorFlow model, as source."""

from __future__ import annotations

from converter.comparison import Comparison, Variant
from converter.keras_rebuild import adapt_config
from converter.plain_source import plain_source
from converter.rebuild_parts import RebuildParts, end_constants
from converter.recipe import Recipe

_IMPORTS = """import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)
"""

_FUNCTIONS = '''
def freeze(call, folder):
    """Turn the model's variables into constants, at the input shapes of the run."""
    specs = {name: tf.TensorSpec(shape, dtype, name=name) for name, shape, dtype in INPUTS}

    def call_in_order(**tensors):
        return call(tensors)

    traced = tf.function(call_in_order, autograph=False).get_concrete_function(**specs)
    frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    order = [tensor.name.split(":")[0] for tensor in frozen.inputs]

    def serve(**tensors):
        results = tf.nest.flatten(frozen(*[tensors[name] for name in order]))
        return dict(zip(OUTPUTS, results, strict=True))

    module = tf.Module()
    module.serve = tf.function(serve, autograph=False)
    concrete = module.serve.get_concrete_function(**specs)
    tf.saved_model.save(module, folder, signatures={SIGNATURE: concrete})


def prepare(path, folder):
    """Load the model and freeze it once; every variant converts the folder that this returns."""
    frozen = str(Path(folder) / "frozen")
    freeze(load(path), frozen)
    return frozen


def open_file(content):
    """Return an interpreter of a converted file."""
    return tf.lite.Interpreter(model_content=content)
'''

_BUILD = '''def build(folder, calibration=None):
    """Convert the frozen model with the flags of the run."""
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
{flags}
    return converter.convert()
'''

_LOAD = '''def load(path):
    """Return a function from a dict of inputs to a list of outputs, in inference mode."""
'''

_LOAD_KERAS = """    {import_line}

    model = {module}.models.load_model(path, compile=False, safe_mode=True)
{rebuild}    forms = (getattr(model, name, None) for name in ("_inputs_struct", "_nested_inputs"))
    structure = next((form for form in forms if isinstance(form, dict | list | tuple)), None)

    def call(tensors):
        flat = [tensors[name] for name, _, _ in INPUTS]
        packed = flat[0] if len(flat) == 1 else flat
        if structure is not None:
            packed = tf.nest.pack_sequence_as(structure, flat)
        result = model(packed, training=False)
        return list(result.values()) if isinstance(result, dict) else tf.nest.flatten(result)

    return call
"""

_REBUILD_KERAS = """    weights = model.get_weights()
    model = type(model).from_config(adapt_config(model.get_config(), {changes}))
    model.set_weights(weights)
"""

_LOAD_SAVED_MODEL = """    import zipfile

    folder = path
    if path.is_file():
        folder = Path(tempfile.mkdtemp())
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        folder = next(
            found.parent for found in folder.rglob("saved_model.pb") if "__MACOSX" not in str(found)
        )
    loaded = tf.saved_model.load(str(folder))
    function = loaded.signatures[{signature!r}]
    raw_names = {raw_inputs!r}

    def call(tensors):
        names = [name for name, _, _ in INPUTS]
        fed = {{raw: tensors[name] for raw, name in zip(raw_names, names, strict=True)}}
        return list(function(**fed).values())

    call.keep_alive = loaded
    return call
"""

_LOAD_FROZEN_GRAPH = """    graph_def = tf.compat.v1.GraphDef()
    graph_def.ParseFromString(path.read_bytes())
    wrapped = tf.compat.v1.wrap_function(
        lambda: tf.import_graph_def(graph_def, name=""), signature=[]
    )
    function = wrapped.prune(
        [wrapped.graph.get_tensor_by_name(name) for name in {feeds!r}],
        [wrapped.graph.get_tensor_by_name(name) for name in {fetches!r}],
    )

    def call(tensors):
        return tf.nest.flatten(function(*[tensors[name] for name, _, _ in INPUTS]))

    return call
"""


def tensorflow_parts(comparison: Comparison) -> RebuildParts:
    """Return the source of a run that starts from a TensorFlow model."""
    model, loader = comparison.model, comparison.settings["source"]["loader"]
    needs = {"tensorflow": comparison.environment["tensorflow"]}
    keras = (
        {"tf_keras": None} if loader == "tf_keras" else {"keras": comparison.environment["keras"]}
    )
    return RebuildParts(
        tool="TensorFlow",
        needs={**needs, **keras},
        imports=_IMPORTS,
        constants=end_constants(comparison, "serving_default")
        + f"INPUTS = {_literal_list([(s.name, s.shape, s.dtype) for s in model.inputs])}\n"
        + f"OUTPUTS = {_literal_list([s.name for s in model.outputs])}\n",
        functions=_adapt_config_source(comparison) + _load_source(comparison) + "\n" + _FUNCTIONS,
        build_of=_build_source,
    )


def _build_source(variant: Variant) -> str:
    return _BUILD.format(flags=_flag_lines(Recipe.from_json(variant.flags)))


def _literal_list(items: list[object]) -> str:
    lines = "".join(f"    {item!r},\n" for item in items)
    return f"[\n{lines}]"


def _load_source(comparison: Comparison) -> str:
    source = comparison.settings["source"]
    loader = source["loader"]
    if loader in {"keras", "tf_keras"}:
        changes = source.get("changes", [])
        rebuild = _REBUILD_KERAS.format(changes=repr(changes)) if changes else ""
        body = _LOAD_KERAS.format(module=loader, import_line=f"import {loader}", rebuild=rebuild)
    elif loader == "frozen_graph":
        body = _LOAD_FROZEN_GRAPH.format(
            feeds=source["raw_inputs"], fetches=source["output_tensors"]
        )
    else:
        body = _LOAD_SAVED_MODEL.format(
            signature=source["signature"], raw_inputs=source["raw_inputs"]
        )
    return _LOAD + body


def _adapt_config_source(comparison: Comparison) -> str:
    if not comparison.settings["source"].get("changes"):
        return ""
    return plain_source(adapt_config) + "\n\n"


def _flag_lines(recipe: Recipe) -> str:
    def members(kind: str, names: tuple[str, ...]) -> str:
        return f"[{', '.join(f'tf.lite.{kind}.{name}' for name in names)}]"

    lines = [
        f"converter.optimizations = {members('Optimize', recipe.optimizations)}",
        f"converter.target_spec.supported_ops = {members('OpsSet', recipe.supported_ops)}",
    ]
    if recipe.supported_types:
        types = ", ".join(f"tf.{name}" for name in recipe.supported_types)
        lines.append(f"converter.target_spec.supported_types = [{types}]")
    lines += [
        f"converter.inference_input_type = tf.{recipe.inference_input_type}",
        f"converter.inference_output_type = tf.{recipe.inference_output_type}",
    ]
    if recipe.allow_custom_ops:
        lines.append("converter.allow_custom_ops = True")
    if not recipe.per_channel:
        lines.append("converter._experimental_disable_per_channel = True")
    if not recipe.per_channel_dense:
        lines.append(
            "converter._experimental_disable_per_channel_quantization_for_dense_layers = True"
        )
    if recipe.calibrate:
        lines += [
            "samples = load_samples(calibration)",
            "converter.representative_dataset = lambda: representative_samples(samples, BATCH)",
        ]
    return "\n".join(f"    {line}" for line in lines)
