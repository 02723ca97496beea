"""Worker: looks into one variant: layers, outputs on chosen kernels, cost of each operator."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve

enter_walls()

from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from converter.evaluation import evaluate  # noqa: E402
from converter.json_figures import encode_figures  # noqa: E402
from converter.kernels import Kernels  # noqa: E402
from converter.layer_drift import OpenFile, measure_layer_drift  # noqa: E402
from converter.op_cost import measure_operator_costs  # noqa: E402
from converter.sample_arrays import load_arrays, save_arrays  # noqa: E402
from converter.tensor_binding import Binding  # noqa: E402


def drift(
    reference: dict[str, Any],
    variant: dict[str, Any],
    samples: str,
    threads: int,
    stateful: bool,
    most_seconds: float,
) -> dict[str, Any]:
    """Return the error of every layer, as `LayerDrift`'s JSON."""
    found = measure_layer_drift(
        _open(reference),
        _open(variant),
        load_arrays(Path(samples)),
        threads=threads,
        stateful=stateful,
        most_seconds=most_seconds,
    )
    return _encoded(found)


def outputs(
    file: dict[str, Any], samples: str, target: str, threads: int, stateful: bool, kernels: str
) -> dict[str, Any]:
    """Run all samples on chosen kernels; the outputs are left in a folder."""
    opened = _open(file)
    results, _, steps = evaluate(
        opened.path,
        load_arrays(Path(samples)),
        threads,
        stateful=stateful,
        binding=opened.binding,
        kernels=Kernels(kernels),
    )
    save_arrays(Path(target), results)
    return {"steps": steps}


def costs(file: dict[str, Any], samples: str, threads: int) -> dict[str, Any]:
    """Return the cost of every operator, as `OperatorCosts`' JSON."""
    return _encoded(measure_operator_costs(_open(file), load_arrays(Path(samples)), threads))


def _open(file: dict[str, Any]) -> OpenFile:
    return OpenFile(Path(file["path"]), Binding.from_json(file["binding"]))


def _encoded(found: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass of figures
    encoded: dict[str, Any] = encode_figures(asdict(found))
    return encoded


if __name__ == "__main__":
    serve({"drift": drift, "outputs": outputs, "costs": costs})
