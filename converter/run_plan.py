"""Which rows a run will have, and how long each of its stages should take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converter.comparison import REFERENCE, Variant
from converter.engine import LITERT, TENSORFLOW, Engine, choose_engine
from converter.further_latency import stage_labels
from converter.given_variant import GivenVariant, variant_names
from converter.limits import MIB
from converter.model_file import ModelFile, path_size
from converter.quantizer_recipe import quantizer_rules
from converter.recipe import AS_GIVEN, GIVEN, Recipe, engine_problem
from converter.request import RunRequest
from converter.timing_session import turn_labels


@dataclass(frozen=True)
class Rows:
    """The variants of a run, to be filled in.

    Attributes:
        recipes: With what is asked of each; one that cannot apply is marked as failed already.
        given: With the file that each is.
    """

    recipes: Sequence[tuple[Variant, Recipe]] = ()
    given: Sequence[tuple[Variant, GivenVariant]] = ()

    @property
    def variants(self) -> list[Variant]:
        """All of them, in the order asked, files of the person's own last."""
        return [variant for variant, _ in (*self.recipes, *self.given)]

    @property
    def buildable(self) -> list[tuple[Variant, Recipe]]:
        """Those recipes that the engine can carry out on this model."""
        return [pair for pair in self.recipes if pair[0].status == "ok"]


def plan_rows(request: RunRequest, engine: Engine, model: ModelFile) -> Rows:
    """Return the rows of a run.

    A `.tflite` that is quantized already gets one row for itself. Recipes that cannot apply are
    told why, or left out where nobody chose them.
    """
    asked = list(request.recipes)
    stored = ", ".join(model.details.get("stored_types", [])) if engine is LITERT else ""
    if stored:
        asked = list(dict.fromkeys((AS_GIVEN, *(asked if request.recipes_asked else ()))))
    recipes = [(_new_row(recipe, engine, stored), recipe) for recipe in asked]
    names = variant_names(request.given_variants, [recipe.name for recipe in asked])
    given = [
        (Variant(recipe=name, flags={}, engine=GIVEN, given_name=file.name), file)
        for name, file in zip(names, request.given_variants, strict=True)
    ]
    return Rows(recipes, given)


def _new_row(recipe: Recipe, engine: Engine, stored: str) -> Variant:
    name = engine.name
    if engine is LITERT and not quantizer_rules(recipe):
        name = GIVEN  # nothing is quantized: the row is the file itself
    variant = Variant(recipe=recipe.name, flags=recipe.to_json(), engine=name)
    reason = engine_problem(recipe, engine.name)
    if reason is None and stored and recipe != AS_GIVEN:
        reason = (
            f"{recipe.name}: the file is quantized already ({stored}), and what its quantization "
            "lost cannot be had back; bring the float file or the original model."
        )
    if reason is not None:
        variant.fail(reason)
    return variant


def expected_seconds(request: RunRequest) -> dict[str, float]:
    """Rough seconds of each stage; the tracker corrects them by the machine's real pace."""
    weight = 1 + path_size(request.model_path) / (4 * MIB)
    is_tensorflow = choose_engine(request.model_path) is TENSORFLOW
    expected = {
        "wait for the machine": 0.0,
        "load": (1.8 if is_tensorflow else 0.3) + 0.2 * weight,
        "freeze": 0.25 * weight,
        "reference outputs": 0.3 * weight,
    }
    for recipe in request.recipes:
        expected[f"convert {recipe.name}"] = (0.3 if recipe.calibrate else 0.2) * weight
    given = variant_names(request.given_variants, [recipe.name for recipe in request.recipes])
    expected.update({f"read {name}": 0.3 for name in given})
    names = [*(recipe.name for recipe in request.recipes), *given]
    expected.update({f"evaluate {name}": 0.2 * weight for name in names})
    turn = (request.protocol.seconds + request.protocol.warmup_seconds) / request.protocol.rounds
    labels = turn_labels([REFERENCE, *names], request.protocol)
    expected.update(dict.fromkeys(labels, turn or 0.02))
    settings = max(len(request.further.threads), len(request.further.kernels), 1)
    further = dict.fromkeys(stage_labels(request.further, names), 0.3 + 2 * settings)
    expected.update(further)
    return expected
