"""A recipe: what is asked of a converter, refused at once where it can mean nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from converter.errors import RecipeError
from converter.weight_algorithms import MIN_MAX, WEIGHT_ALGORITHMS, algorithm_problems

OPTIMIZATIONS = ("DEFAULT", "EXPERIMENTAL_SPARSITY")
BUILTINS = "TFLITE_BUILTINS"
SELECT_TF = "SELECT_TF_OPS"
BUILTINS_INT8 = "TFLITE_BUILTINS_INT8"
INT16X8 = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
SUPPORTED_OPS = (BUILTINS, SELECT_TF, BUILTINS_INT8, INT16X8)
SUPPORTED_TYPES = ("float16", "int8")
IO_TYPES = ("float32", "int8", "uint8", "int16")
WEIGHT_BITS = (8, 4, 2)

TFLITE_CONVERTER = "tflite_converter"
"""The engine that builds variants from a TensorFlow model."""
LITERT_QUANTIZER = "litert_quantizer"
"""The engine that builds variants from a float `.tflite` file."""
GIVEN = "given"
"""No engine: the variant is a `.tflite` that a person brought, as it is."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,47}")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The flags of one conversion, in TFLiteConverter's own words.

    The last four are litert-quantizer's, which carries out the others as well where a run starts
    from a `.tflite`.

    Attributes:
        name: Lower-case identifier; also the stem of the `.tflite` file.
        optimizations: Members of `tf.lite.Optimize`.
        supported_ops: Members of `tf.lite.OpsSet`.
        supported_types: `target_spec.supported_types`, as dtype names.
        inference_input_type: Dtype of the converted file's inputs.
        inference_output_type: Dtype of the converted file's outputs.
        calibrate: Whether the calibration samples are given as `representative_dataset`.
        per_channel: Per-channel weight scales; False gives one scale per tensor.
        per_channel_dense: The same for dense layers alone.
        allow_custom_ops: Keep unknown operators as custom ops in place of failing.
        weight_bits: Bits of an integer weight: 8, 4 or 2.
        weight_only: Weights are stored as integers and computed with as floats.
        algorithm: How scales of weights are found, of `weight_algorithms.WEIGHT_ALGORITHMS`.
        block_size: Weights of one row of a dense layer that share a scale; 0 for the whole row.

    Raises:
        RecipeError: When flags contradict each other or one could not have an effect.
    """

    name: str
    optimizations: tuple[str, ...] = ()
    supported_ops: tuple[str, ...] = (BUILTINS,)
    supported_types: tuple[str, ...] = ()
    inference_input_type: str = "float32"
    inference_output_type: str = "float32"
    calibrate: bool = False
    per_channel: bool = True
    per_channel_dense: bool = True
    allow_custom_ops: bool = False
    weight_bits: int = 8
    weight_only: bool = False
    algorithm: str = MIN_MAX
    block_size: int = 0

    def __post_init__(self) -> None:
        """Refuse at once what the converter would refuse late or ignore silently."""
        problems = recipe_problems(asdict(self))
        if problems:
            raise RecipeError(f"Recipe {self.name!r}: {problems[0]}")

    @property
    def quantizes_activations(self) -> bool:
        """Whether activations become integers (which needs calibration)."""
        return self.calibrate and "DEFAULT" in self.optimizations

    @property
    def needs_samples(self) -> bool:
        """Whether calibration samples take part, for activations or for weights."""
        return self.calibrate or WEIGHT_ALGORITHMS[self.algorithm].collects is not None

    @property
    def strict_integer(self) -> bool:
        """Whether only integer kernels are allowed, so that a float op is a failure."""
        return set(self.supported_ops) <= {BUILTINS_INT8, INT16X8}

    def to_json(self) -> dict[str, Any]:
        """Return the flags as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Recipe:
        """Build a recipe from `to_json`'s form; unknown fields are refused.

        Raises:
            RecipeError: When a field is unknown, of the wrong type, or the flags contradict.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown or not isinstance(values.get("name"), str):
            found = ", ".join(unknown) or "no name"
            raise RecipeError(f"A recipe has the fields {', '.join(sorted(known))}; found {found}.")
        flags: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        wrong = [name for name, value in flags.items() if not _has_type_of_field(name, value)]
        if wrong:
            raise RecipeError(
                f"Recipe {flags['name']!r}: {wrong[0]} has a value of the wrong type "
                f"({type(flags[wrong[0]]).__name__}); compare it with a preset's."
            )
        return cls(**flags)


def _has_type_of_field(name: str, value: object) -> bool:
    default = getattr(_DEFAULTS, name)
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    return type(value) is type(default)


def recipe_problems(flags: Mapping[str, Any]) -> list[str]:
    """Return every reason why a combination of flags cannot be asked, as sentences.

    Args:
        flags: The fields of `Recipe`; forms call this before a recipe exists.

    Returns:
        An empty list when the combination means something.
    """
    return [
        *_vocabulary_problems(flags),
        *_quantization_problems(flags),
        *_io_type_problems(flags),
        *_per_channel_problems(flags),
        *_weight_problems(flags),
        *algorithm_problems(flags),
    ]


def _vocabulary_problems(flags: Mapping[str, Any]) -> list[str]:
    problems = []
    if not _NAME.fullmatch(str(flags["name"])):
        problems.append(
            "the name must be 1 to 48 lower-case letters, digits or underscores, "
            f"found {str(flags['name'])[:60]!r}."
        )
    for field, known in (
        ("optimizations", OPTIMIZATIONS),
        ("supported_ops", SUPPORTED_OPS),
        ("supported_types", SUPPORTED_TYPES),
    ):
        unknown = [value for value in flags[field] if value not in known]
        if unknown:
            problems.append(f"{field} knows {', '.join(known)}; found {', '.join(unknown)}.")
    for field in ("inference_input_type", "inference_output_type"):
        if flags[field] not in IO_TYPES:
            problems.append(f"{field} is one of {', '.join(IO_TYPES)}; found {flags[field]}.")
    if not flags["supported_ops"]:
        problems.append("choose at least one operator set, TFLITE_BUILTINS for the usual case.")
    return problems


def _quantization_problems(flags: Mapping[str, Any]) -> list[str]:
    default = "DEFAULT" in flags["optimizations"]
    calibrate = flags["calibrate"]
    ops = set(flags["supported_ops"])
    types = set(flags["supported_types"])
    problems = []
    if calibrate and not default:
        problems.append(
            "calibration samples have no effect without the DEFAULT optimization; "
            "switch DEFAULT on or calibration off."
        )
    if types and not default:
        problems.append(
            "supported types have no effect without the DEFAULT optimization; "
            "switch DEFAULT on or leave the types empty."
        )
    if {BUILTINS_INT8, INT16X8} <= ops:
        problems.append(
            "int8 and int16x8 operator sets ask for different activation types; choose one."
        )
    if ops & {BUILTINS_INT8, INT16X8} and not (default and calibrate):
        problems.append(
            "integer operator sets need the DEFAULT optimization and calibration samples, "
            "because activation ranges come from data."
        )
    if "float16" in types and calibrate:
        problems.append(
            "float16 keeps activations in float, so calibration samples would be ignored; "
            "choose float16 or calibration."
        )
    if "float16" in types and ops & {BUILTINS_INT8, INT16X8}:
        problems.append("float16 weights and integer operator sets exclude each other; choose one.")
    if types == {"float16", "int8"}:
        problems.append("supported types float16 and int8 exclude each other; choose one.")
    if "int8" in types and default and not calibrate:
        problems.append("supported type int8 needs calibration samples; switch calibration on.")
    return problems


def _io_type_problems(flags: Mapping[str, Any]) -> list[str]:
    io_types = {flags["inference_input_type"], flags["inference_output_type"]} - {"float32"}
    int16x8 = INT16X8 in flags["supported_ops"]
    problems = []
    if io_types and not (flags["calibrate"] and "DEFAULT" in flags["optimizations"]):
        problems.append(
            "integer inputs and outputs need full quantization: the DEFAULT optimization "
            "and calibration samples."
        )
    if "int16" in io_types and not int16x8:
        problems.append("int16 inputs and outputs belong to int16x8; choose another type.")
    if io_types & {"int8", "uint8"} and int16x8:
        problems.append("int16x8 takes float32 or int16 inputs and outputs, not 8-bit ones.")
    return problems


def _per_channel_problems(flags: Mapping[str, Any]) -> list[str]:
    per_tensor = not (flags["per_channel"] and flags["per_channel_dense"])
    quantizes = "DEFAULT" in flags["optimizations"] and "float16" not in flags["supported_types"]
    if per_tensor and not quantizes:
        return [
            "per-channel scales exist only where weights become integers; leave per-channel on "
            "or choose an integer quantization."
        ]
    return []


def _weight_problems(flags: Mapping[str, Any]) -> list[str]:
    bits, weight_only = flags.get("weight_bits", 8), flags.get("weight_only", False)
    if bits not in WEIGHT_BITS:
        return [f"weight_bits is 8, 4 or 2; found {str(bits)[:20]}."]
    if bits == 8 and not weight_only:
        return []
    problems = []
    if "DEFAULT" not in flags["optimizations"] or "float16" in flags["supported_types"]:
        problems.append(
            "weight bits and weight-only quantization have no effect where weights stay float; "
            "switch DEFAULT on and float16 off."
        )
    if weight_only and flags["calibrate"]:
        problems.append(
            "weight-only quantization computes in float, so calibration samples would be ignored; "
            "choose one of the two."
        )
    return problems


def engine_problem(recipe: Recipe, engine: str) -> str | None:
    """Return why an engine cannot carry out a recipe, as a sentence; None where it can.

    Args:
        recipe: What is asked.
        engine: `TFLITE_CONVERTER` or `LITERT_QUANTIZER`.
    """
    if engine == TFLITE_CONVERTER:
        if recipe.name == AS_GIVEN.name:
            return (
                f"{recipe.name} is the row of a .tflite that a run starts from, and this run "
                "starts from a TensorFlow model; leave it out."
            )
        if recipe.weight_bits != 8 or recipe.weight_only or recipe.block_size or (
            recipe.algorithm != MIN_MAX
        ):
            return (
                f"{recipe.name}: TFLiteConverter has neither 4-bit nor weight-only quantization, "
                "and finds scales by least and greatest value alone; "
                "convert to float32 and start a run from that .tflite, which litert-quantizer can "
                "quantize so."
            )
        return None
    lacking = [
        word
        for word, asked in (
            ("SELECT_TF_OPS", SELECT_TF in recipe.supported_ops),
            ("EXPERIMENTAL_SPARSITY", "EXPERIMENTAL_SPARSITY" in recipe.optimizations),
            ("custom ops allowed", recipe.allow_custom_ops),
        )
        if asked
    ]
    if lacking:
        return (
            f"{recipe.name}: {', '.join(lacking)} can only be had from the TensorFlow model, and "
            "this run starts from a .tflite; bring the original model or leave it out."
        )
    return None


_DEFAULTS = Recipe(name="defaults")

_STRICT_INT8 = {
    "optimizations": ("DEFAULT",),
    "supported_ops": (BUILTINS_INT8,),
    "inference_input_type": "int8",
    "inference_output_type": "int8",
    "calibrate": True,
}

PRESETS: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="float32"),
        Recipe(name="dynamic_range", optimizations=("DEFAULT",)),
        Recipe(name="float16", optimizations=("DEFAULT",), supported_types=("float16",)),
        Recipe(name="int8", optimizations=("DEFAULT",), calibrate=True),
        Recipe(name="int8_full", **_STRICT_INT8),  # type: ignore[arg-type]
        Recipe(
            name="int16x8",
            optimizations=("DEFAULT",),
            supported_ops=(INT16X8, BUILTINS),
            calibrate=True,
        ),
    )
}

AS_GIVEN = Recipe(name="as_given")
"""The row of the `.tflite` itself, which a run starts from."""

_QUANTIZER_ONLY = (
    Recipe(name="int8_weight_only", optimizations=("DEFAULT",), weight_only=True),
    Recipe(name="int4_weight_only", optimizations=("DEFAULT",), weight_bits=4, weight_only=True),
    Recipe(name="int4_dynamic_range", optimizations=("DEFAULT",), weight_bits=4),
    Recipe(name="int8x4", optimizations=("DEFAULT",), calibrate=True, weight_bits=4),
)

_FOUR_BITS = {"optimizations": ("DEFAULT",), "weight_bits": 4}

TFLITE_PRESETS: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (*(r for n, r in PRESETS.items() if n != "float32"), *_QUANTIZER_ONLY)
}
"""What a float `.tflite` can be made into, by litert-quantizer."""

FURTHER_PRESETS: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="int8_octav", optimizations=("DEFAULT",), calibrate=True, algorithm="octav"),
        Recipe(name="int4_mse", **_FOUR_BITS, algorithm="mse"),  # type: ignore[arg-type]
        Recipe(name="int4_octav", **_FOUR_BITS, algorithm="octav"),  # type: ignore[arg-type]
        Recipe(name="int4_gptq", **_FOUR_BITS, algorithm="gptq"),  # type: ignore[arg-type]
        Recipe(name="int4_oscar", **_FOUR_BITS, algorithm="oscar"),  # type: ignore[arg-type]
        Recipe(name="int4_hadamard", **_FOUR_BITS, algorithm="hadamard"),  # type: ignore[arg-type]
        Recipe(name="int4_blocks", **_FOUR_BITS, block_size=32),  # type: ignore[arg-type]
        Recipe(name="int2_dynamic_range", optimizations=("DEFAULT",), weight_bits=2),
    )
}
"""What litert-quantizer offers beyond: other ways to find scales, blocks and 2-bit weights."""

TFLITE_DEFAULTS = (*(n for n in PRESETS if n != "float32"), "int4_weight_only")
"""Those that a run takes where nobody chooses."""

SELECT_TF_PRESET = Recipe(name="float32_select_tf", supported_ops=(BUILTINS, SELECT_TF))
"""The way round an operator that TFLite lacks: converts, but no pip runtime runs it."""


def find_recipes(names: list[str]) -> list[Recipe]:
    """Return the presets of these names, in the given order and once each.

    Raises:
        RecipeError: When a name is unknown or none is given.
    """
    extra = (SELECT_TF_PRESET, AS_GIVEN)
    presets = {**PRESETS, **TFLITE_PRESETS, **FURTHER_PRESETS}
    known = {**presets, **{recipe.name: recipe for recipe in extra}}
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        found = ", ".join(unknown) or "none"
        raise RecipeError(
            f"--recipes expects names out of {', '.join(known)}; found {found}; "
            "check the spelling, separated by commas."
        )
    return [known[name] for name in wanted]
