"""Worker: quantizes and judges candidates of mixed precision, warm, while a search goes on."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve

enter_walls()

from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from converter.candidate_choices import numbers_by_pattern  # noqa: E402
from converter.candidate_engine import CandidateEngine, Split  # noqa: E402
from converter.candidate_layers import mixed_rules, resolve  # noqa: E402
from converter.json_figures import encode_figures  # noqa: E402
from converter.sample_arrays import load_arrays  # noqa: E402
from converter.signature import Signature  # noqa: E402
from converter.tensor_binding import Binding  # noqa: E402

SPLITS = ("search", "report")


class CandidateWorker:
    """Knows one float file and the samples on which its candidates are judged."""

    def open(
        self, source: str, signature: dict[str, Any], binding: dict[str, Any], work: str,
        threads: int,
    ) -> dict[str, Any]:
        """Calibrate, and say which precisions change which operator."""
        place = Path(work)
        self._engine = CandidateEngine(
            Path(source), Signature.from_json(signature), Binding.from_json(binding),
            load_arrays(place / "calibration"), place, threads,
        )  # fmt: skip
        for name in SPLITS:
            labels = load_arrays(place / f"{name}.labels")
            self._engine.add_split(name, Split(
                load_arrays(place / name), load_arrays(place / f"{name}.reference"),
                labels.get("labels"),
            ))  # fmt: skip
        return {
            "layers": [layer.to_json() for layer in self._engine.layers],
            "refused": self._engine.refused,
        }

    def judge(
        self, choices: list[list[Any]], split: str, samples: int | None, predict: bool,
        seconds: float | None,
    ) -> dict[str, Any]:
        """Build a candidate and measure it."""
        found = self._engine.judge(
            _choices(choices), split, samples, predict=predict, seconds=seconds
        )
        encoded: dict[str, Any] = encode_figures(asdict(found))
        return encoded

    def predict(self, choices: list[list[Any]]) -> dict[str, Any]:
        """Tell a candidate's latency by the cost table."""
        return self._engine.predict(_choices(choices), SPLITS[0]).to_json()

    def check_costs(self, precision: str) -> dict[str, Any]:
        """Time the file in one precision, and tell its latency by the cost table."""
        found = self._engine.check_costs(precision, SPLITS[0])
        if found is None:
            return {"check": None, "predicted": None}
        check, predicted = found
        return {
            "check": None if check is None else asdict(check), "predicted": predicted.to_json(),
        }  # fmt: skip

    def match(self, pattern: str) -> dict[str, Any]:
        """Find the operators that a regular expression names; it may take for ever."""
        return {"numbers": numbers_by_pattern(self._engine.layers, pattern)}

    def write(self, choices: list[list[Any]], target: str) -> dict[str, Any]:
        """Write a candidate's file; return the rules that make it."""
        chosen = _choices(choices)
        Path(target).write_bytes(self._engine.build(chosen))
        layers = self._engine.layers
        return {"rules": mixed_rules(layers, resolve(layers, chosen))}


def _choices(pairs: list[list[Any]]) -> dict[int, str]:
    return {int(number): str(name) for number, name in pairs}


_QUESTIONS = ("open", "judge", "predict", "check_costs", "match", "write")

if __name__ == "__main__":
    worker = CandidateWorker()
    serve({name: getattr(worker, name) for name in _QUESTIONS})
