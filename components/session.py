"""The one owner of session state: what this visitor chose, under prefixed keys.

Widgets take their keys from `widget_key`, so that no key is a literal scattered over pages.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import streamlit as st

from components.visitor import visitor_token
from converter.model_options import DEFAULT_OPTIONS, ModelOptions
from converter.recipe import Recipe
from converter.request import DataOptions
from converter.uploads import StoredFile

RUN_PARAMETER = "run"
"""The query parameter that carries a run's id, so that a link or a refresh restores it."""
VARIANT_PARAMETER = "variant"
"""The query parameter that carries the variant in view; it belongs to the run beside it."""

SAMPLE, FILE, RANDOM = "sample", "file", "random"
"""Where the samples come from."""


@dataclass(frozen=True, kw_only=True)
class ChosenModel:
    """The model in hand: a bundled sample or an upload, on disk."""

    path: Path
    name: str
    sha256: str
    options: ModelOptions = DEFAULT_OPTIONS
    sample: str | None = None
    sample_data: StoredFile | None = None

    @property
    def token(self) -> str:
        """What keeps the widgets of two files, or of two ends of one file, apart."""
        ends = repr((self.sha256, self.options.signature, self.options.input_tensors))
        return hashlib.sha256(ends.encode("utf-8", "replace")).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class ChosenData:
    """The data in hand; `file` is None for random samples."""

    source: str
    file: StoredFile | None = None
    options: DataOptions = field(default_factory=DataOptions)


def widget_key(page: str, name: str) -> str:
    """Return the session key of a widget."""
    return f"litedrift.{page}.{name}"


DATA_SOURCE_KEY = widget_key("model", "data_source")
MODEL_SOURCE_KEY = widget_key("model", "source")


class Session:
    """Typed access to this visitor's state; cheap, made anew wherever it is needed."""

    @property
    def visitor(self) -> str:
        """Who this is, as a token that tells nothing: the browser, or else this session."""
        if self._get("visitor") is None:
            self._set("visitor", visitor_token(st.context.cookies))
        return str(self._get("visitor"))

    @property
    def model(self) -> ChosenModel | None:
        """The model in hand."""
        return self._get("model")

    @property
    def data(self) -> ChosenData | None:
        """The data in hand by the chosen source; None while an upload is still missing."""
        model, source = self.model, st.session_state.get(DATA_SOURCE_KEY)
        if model is None or source is None:
            return None
        if source == SAMPLE:
            return ChosenData(source=SAMPLE, file=model.sample_data)
        if source == RANDOM:
            return ChosenData(source=RANDOM)
        if self.uploaded_data is None:
            return None
        return ChosenData(source=FILE, file=self.uploaded_data, options=self.data_options)

    @property
    def uploaded_data(self) -> StoredFile | None:
        """The data file uploaded last."""
        return self._get("uploaded_data")

    @property
    def data_options(self) -> DataOptions:
        """How the uploaded data file is to be read."""
        return self._get("data_options") or DataOptions()

    @data_options.setter
    def data_options(self, options: DataOptions) -> None:
        self._set("data_options", options)

    @property
    def custom_recipes(self) -> list[Recipe]:
        """The custom recipes added so far, in order."""
        return list(self._get("custom_recipes") or [])

    @property
    def given_files(self) -> list[StoredFile]:
        """The `.tflite` files added to the run beside the recipes, in order."""
        return list(self._get("given_files") or [])

    @property
    def run_id(self) -> str | None:
        """The run in view: started here or opened by its link."""
        return self._get("run_id")

    @property
    def welcome_run_id(self) -> str | None:
        """The run that a first visit shows."""
        return self._get("welcome_run_id")

    @welcome_run_id.setter
    def welcome_run_id(self, run_id: str | None) -> None:
        self._set("welcome_run_id", run_id)

    @property
    def own_runs(self) -> list[str]:
        """The runs started or opened in this session, the newest first."""
        return list(self._get("own_runs") or [])

    def choose_model(self, model: ChosenModel) -> None:
        """Take a model in hand, with its own data where it has some."""
        self._set("model", model)
        has_data = self.uploaded_data is not None
        source = SAMPLE if model.sample_data else FILE if has_data else RANDOM
        st.session_state[DATA_SOURCE_KEY] = source

    def choose_options(self, options: ModelOptions) -> None:
        """Keep how the model in hand is to be read."""
        if self.model is not None and self.model.options != options:
            self._set("model", replace(self.model, options=options))

    def choose_data_file(self, file: StoredFile) -> None:
        """Take an uploaded data file in hand; the options of an earlier file do not carry over."""
        self._set("uploaded_data", file)
        self._set("data_options", DataOptions())

    def add_recipe(self, recipe: Recipe) -> None:
        """Add a custom recipe to the list."""
        self._set("custom_recipes", [*self.custom_recipes, recipe])

    def remove_recipe(self, name: str) -> None:
        """Remove a custom recipe from the list."""
        self._set("custom_recipes", [r for r in self.custom_recipes if r.name != name])

    def add_given_file(self, file: StoredFile) -> bool:
        """Add a `.tflite` to the run; False where the same content is in it already."""
        if file.sha256 in [known.sha256 for known in self.given_files]:
            return False
        self._set("given_files", [*self.given_files, file])
        return True

    def remove_given_file(self, sha256: str) -> None:
        """Take a `.tflite` out of the run."""
        self._set("given_files", [f for f in self.given_files if f.sha256 != sha256])

    def open_run(self, run_id: str) -> None:
        """Bring a run into view and its id into the address."""
        if run_id != self.run_id and VARIANT_PARAMETER in st.query_params:
            del st.query_params[VARIANT_PARAMETER]
        self._set("run_id", run_id)
        self._set("own_runs", list(dict.fromkeys([run_id, *self.own_runs])))
        st.query_params[RUN_PARAMETER] = run_id

    def sync_with_address(self) -> None:
        """Let the address and the session agree on the run: a link wins, a page switch keeps it."""
        linked = st.query_params.get(RUN_PARAMETER)
        if linked and linked != self.run_id:
            self._set("run_id", linked)
            self._set("own_runs", list(dict.fromkeys([*self.own_runs, linked])))
        elif not linked and self.run_id:
            st.query_params[RUN_PARAMETER] = self.run_id

    def is_new_upload(self, slot: str, file_id: str) -> bool:
        """Whether an uploader shows a file not seen before; each is taken over once."""
        key = f"upload.{slot}"
        if self._get(key) == file_id:
            return False
        self._set(key, file_id)
        return True

    def forget_upload(self, slot: str) -> None:
        """Let an upload that was refused be tried again, so that its error stays in sight."""
        self._set(f"upload.{slot}", None)

    def once(self, event: str) -> bool:
        """Return True the first time it is asked about an event in this session."""
        key = f"once.{event}"
        first = self._get(key) is None
        self._set(key, True)
        return first

    def is_cancelling(self, run_id: str) -> bool:
        """Whether Cancel was pressed for a run."""
        return bool(self._get(f"cancelling.{run_id}"))

    def mark_cancelling(self, run_id: str, *, asked: bool = True) -> None:
        """Remember that Cancel was pressed, so that it is asked once; or forget it."""
        self._set(f"cancelling.{run_id}", asked)

    @property
    def deleted_runs(self) -> list[str]:
        """The runs just deleted here, whose Undo is still offered."""
        return list(self._get("deleted_runs") or [])

    def offer_undo(self, run_id: str) -> None:
        """Offer Undo for a run that was deleted."""
        self._set("deleted_runs", [*self.deleted_runs, run_id])

    def withdraw_undo(self, run_id: str) -> None:
        """Offer Undo for a run no longer."""
        self._set("deleted_runs", [known for known in self.deleted_runs if known != run_id])

    def leave_run(self) -> None:
        """Have no run in view any more."""
        self._set("run_id", None)
        for name in (RUN_PARAMETER, VARIANT_PARAMETER):
            if name in st.query_params:
                del st.query_params[name]

    def expect(self, run_id: str | None) -> None:
        """Remember the run whose end the Convert page waits for."""
        self._set("expected_run", run_id)

    @property
    def expected_run(self) -> str | None:
        """The run whose end the Convert page waits for."""
        return self._get("expected_run")

    @staticmethod
    def _get(name: str) -> Any:  # noqa: ANN401 - each property states its own type
        return st.session_state.get(f"litedrift.{name}")

    @staticmethod
    def _set(name: str, value: object) -> None:
        st.session_state[f"litedrift.{name}"] = value
