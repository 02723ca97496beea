"""The Python script that rebuilds a variant without LiteDrift and checks that it is equal."""

from __future__ import annotations

import inspect
from pathlib import Path
from string import Template

from converter.comparison import CALIBRATION_FILE, Comparison, Variant
from converter.keras_rebuild import adapt_config
from converter.recipe import GIVEN, LITERT_QUANTIZER, Recipe
from converter.requantization_script import build_requantization_script

_SCRIPT = Template('''"""Rebuild $file with plain TensorFlow.

Made by LiteDrift from $model_name
(SHA-256 $model_sha256).

Usage: python $script MODEL$usage_calibration [-o $file]
Needs: tensorflow==$tensorflow$needs_tf_keras
"""

import argparse
import hashlib
import tempfile
import inspect
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

MODEL_SHA256 = $model_sha256_literal
EXPECTED_SHA256 = $sha256_literal
INPUTS = $inputs
OUTPUTS = $outputs


${adapt_config}def load(path):
    """Return a function from a dict of inputs to a list of outputs, in inference mode."""
$load


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
    tf.saved_model.save(module, folder, signatures={"serving_default": concrete})


def convert(folder$calibration_parameter):
    """Convert the frozen model with the flags of the run."""
    converter = tf.lite.TFLiteConverter.from_saved_model(
        folder, signature_keys=["serving_default"]
    )
$flags
    return converter.convert()

$representative
def main():
    """Load, freeze, convert, write and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path, help=$model_name_literal)
$calibration_argument
    parser.add_argument("-o", "--output", type=Path, default=Path($file_literal))
    options = parser.parse_args()
    if options.model.is_file():
        found = hashlib.sha256(options.model.read_bytes()).hexdigest()
        if found != MODEL_SHA256:
            raise SystemExit(f"{options.model}: not the model of the run (SHA-256 {found})")
    model = load(options.model)
    with tempfile.TemporaryDirectory() as folder:
        freeze(model, folder)
        content = convert(folder$calibration_value)
    options.output.write_bytes(content)
    same = hashlib.sha256(content).hexdigest() == EXPECTED_SHA256
    verdict = "identical to the run's file" if same else "NOT the bytes of the run's file"
    print(f"{options.output}: {len(content)} bytes, {verdict}")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
''')

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

    return call"""

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
    function = loaded.signatures[{signature}]
    raw_names = {raw_inputs}

    def call(tensors):
        names = [name for name, _, _ in INPUTS]
        fed = {{raw: tensors[name] for raw, name in zip(raw_names, names, strict=True)}}
        return list(function(**fed).values())

    call.keep_alive = loaded
    return call"""

_LOAD_FROZEN_GRAPH = """    graph_def = tf.compat.v1.GraphDef()
    graph_def.ParseFromString(path.read_bytes())
    wrapped = tf.compat.v1.wrap_function(
        lambda: tf.import_graph_def(graph_def, name=""), signature=[]
    )
    function = wrapped.prune(
        [wrapped.graph.get_tensor_by_name(name) for name in {feeds}],
        [wrapped.graph.get_tensor_by_name(name) for name in {fetches}],
    )

    def call(tensors):
        return tf.nest.flatten(function(*[tensors[name] for name, _, _ in INPUTS]))

    return call"""

_REPRESENTATIVE = '''
def representative_samples(path):
    """Yield the calibration samples of the run, one dict of inputs at a time."""
    batch = {batch}
    with np.load(path, allow_pickle=False) as archive:
        arrays = {{name: archive[name] for name in archive.files}}
    samples = len(next(iter(arrays.values())))
    for start in range(0, max(samples - batch, 0) + 1, batch):
        chunk = {{name: array[start : start + batch] for name, array in arrays.items()}}
        yield {{
            name: np.concatenate([a, np.repeat(a[-1:], batch - len(a), axis=0)])
            if len(a) < batch else np.ascontiguousarray(a)
            for name, a in chunk.items()
        }}

'''


def build_rebuild_script(comparison: Comparison, variant: Variant) -> str:
    """Return Python source that rebuilds a variant and compares its SHA-256 with the run's.

    Args:
        comparison: The run.
        variant: One of its variants for which `has_rebuild_script` holds.
    """
    if variant.engine == LITERT_QUANTIZER:
        return build_requantization_script(comparison, variant, script_name(variant))
    recipe = Recipe.from_json(variant.flags)
    model = comparison.model
    calibrates = recipe.calibrate
    return _SCRIPT.substitute(
        file=variant.file,
        script=script_name(variant),
        # These three stand in a docstring, which a hostile name must not be able to end.
        model_name=ascii(model.name)[1:-1].replace('"', "'"),
        model_sha256=model.sha256,
        usage_calibration=f" {CALIBRATION_FILE}" if calibrates else "",
        tensorflow=comparison.environment["tensorflow"],
        needs_tf_keras=_needs(comparison),
        model_sha256_literal=repr(model.sha256),
        sha256_literal=repr(variant.sha256),
        model_name_literal=repr(model.name.replace("%", "%%")),
        file_literal=repr(variant.file),
        inputs=_literal_list([(s.name, s.shape, s.dtype) for s in model.inputs]),
        outputs=_literal_list([s.name for s in model.outputs]),
        load=_load_lines(comparison),
        adapt_config=_adapt_config_source(comparison),
        flags=_flag_lines(recipe),
        calibration_parameter=", calibration" if calibrates else "",
        calibration_value=", options.calibration" if calibrates else "",
        calibration_argument=(
            f'    parser.add_argument("calibration", type=Path, help="{CALIBRATION_FILE} of the '
            'run")'
        )
        if calibrates
        else "",
        representative=_REPRESENTATIVE.format(batch=comparison.settings["batch"])
        if calibrates
        else "",
    )


def has_rebuild_script(variant: Variant) -> bool:
    """Whether there is a script: for what the run made, not for a file that was given."""
    return variant.sha256 is not None and variant.engine != GIVEN


def script_name(variant: Variant) -> str:
    """Return the file name of a variant's script."""
    return f"rebuild_{variant.recipe}.py"


def write_rebuild_scripts(comparison: Comparison, folder: Path) -> None:
    """Write the script of each converted variant beside its file; scripts of older runs go."""
    for variant in comparison.variants:
        (folder / script_name(variant)).unlink(missing_ok=True)
        if has_rebuild_script(variant):
            script = build_rebuild_script(comparison, variant)
            (folder / script_name(variant)).write_text(script)


def _needs(comparison: Comparison) -> str:
    loader = comparison.settings["source"]["loader"]
    return f" {loader}" if loader == "tf_keras" else f" keras=={comparison.environment['keras']}"


def _literal_list(items: list[object]) -> str:
    lines = "".join(f"    {item!r},\n" for item in items)
    return f"[\n{lines}]"


def _load_lines(comparison: Comparison) -> str:
    source = comparison.settings["source"]
    loader = source["loader"]
    if loader in {"keras", "tf_keras"}:
        changes = source.get("changes", [])
        rebuild = _REBUILD_KERAS.format(changes=changes) if changes else ""
        return _LOAD_KERAS.format(module=loader, import_line=f"import {loader}", rebuild=rebuild)
    if loader == "frozen_graph":
        return _LOAD_FROZEN_GRAPH.format(
            feeds=source["raw_inputs"], fetches=source["output_tensors"]
        )
    return _LOAD_SAVED_MODEL.format(
        signature=repr(source["signature"]), raw_inputs=source["raw_inputs"]
    )


def _adapt_config_source(comparison: Comparison) -> str:
    if not comparison.settings["source"].get("changes"):
        return ""
    source = inspect.getsource(adapt_config)
    # The script imports nothing that this signature needs.
    head = "def adapt_config(value, changes):"
    return head + source[source.index("\n") :] + "\n\n"


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
        lines.append(
            "converter.representative_dataset = lambda: representative_samples(calibration)"
        )
    return "\n".join(f"    {line}" for line in lines)
