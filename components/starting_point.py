"""What a run starts from: a TensorFlow model, a float `.tflite`, or one that is quantized."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from components.model_facts import read_model_facts
from components.plain_text import escape_markdown
from components.session import ChosenModel
from converter.comparison import TFLITE_FORMAT
from converter.errors import LiteDriftError
from converter.keras_rebuild import RECURRENT_LAYERS
from converter.recipe import LITERT_QUANTIZER, TFLITE_CONVERTER


@dataclass(frozen=True, kw_only=True)
class StartingPoint:
    """What the Convert page needs to know of the model in hand.

    Attributes:
        is_tflite: Whether it is a `.tflite`, so that litert-quantizer makes the variants.
        stored_types: Types in which a quantized `.tflite` stores its numbers; empty for a float
            one.
        has_loops: Whether it has recurrent Keras layers, which can be unrolled.
    """

    is_tflite: bool = False
    stored_types: tuple[str, ...] = ()
    has_loops: bool = False

    @property
    def engine(self) -> str:
        """What makes variants of it."""
        return LITERT_QUANTIZER if self.is_tflite else TFLITE_CONVERTER

    @property
    def is_quantized(self) -> bool:
        """Whether it can only be measured as it is."""
        return bool(self.stored_types)


def read_starting_point(model: ChosenModel) -> StartingPoint:
    """Return what is known of the model in hand; the Model page says what is wrong with a file."""
    try:
        facts = read_model_facts(model)
    except LiteDriftError:
        return StartingPoint()
    details = facts["details"]
    is_tflite = facts["format"] == TFLITE_FORMAT
    return StartingPoint(
        is_tflite=is_tflite,
        stored_types=tuple(details.get("stored_types", [])) if is_tflite else (),
        has_loops=bool(RECURRENT_LAYERS & set(details.get("layers", []))),
    )


def render_starting_point(start: StartingPoint) -> None:
    """Say what differs where the run starts from a `.tflite`."""
    if start.is_quantized:
        st.info(
            f"This file is quantized already ({escape_markdown(', '.join(start.stored_types))}), "
            "and what that lost cannot be had back. It is measured as it is: size, latency, "
            "memory and, where the data has labels, accuracy.",
            icon=":material/straighten:",
        )
    elif start.is_tflite:
        st.info(
            "The run starts from this .tflite: litert-quantizer makes the variants, and drift is "
            "held against the file itself, because its TensorFlow model is not known.",
            icon=":material/info:",
        )
