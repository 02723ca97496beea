"""Error by layer: what has accumulated from the input on, and what is born in the layer itself.

Both files run whole with every tensor kept, on the built-in kernels; and each operator of the
variant runs alone, fed with the float file's activations, quantized to its own inputs. Sample by
sample: what is kept are sums and histograms, so memory does not grow with the samples.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from converter.channel_ranges import channel_ranges
from converter.errors import RuntimeModelError
from converter.kernels import Kernels
from converter.layer_analysis import Layer, LayerDrift, Saturation, UnpairedTensor
from converter.litert_model import CutModel, LitertModel, Quantization, dequantize, quantize
from converter.op_cut import CutOperator, GraphTensor, OperatorGraph
from converter.run_sizes import sizes_reason
from converter.streamed_error import StreamedError, StreamedPair
from converter.tensor_binding import Binding
from converter.tensor_pairing import VARIANT_FILE, pair_tensors

Array = np.ndarray
INPUT = "INPUT"
_NO_REAL_NUMBERS = "it holds whole numbers or truth values, whose distance means nothing"


@dataclass(frozen=True)
class OpenFile:
    """A file to run: where it lies and how it is opened."""

    path: Path
    binding: Binding


@dataclass
class _Gathering:
    """What is gathered of one tensor of the variant."""

    number: int
    operator: CutOperator | None
    tensor: GraphTensor
    partner: int
    how: Quantization | None
    shape: tuple[int, ...] = ()
    accumulated: StreamedError = field(default_factory=StreamedError)
    born: StreamedError = field(default_factory=StreamedError)
    born_absence: str | None = None
    pair: StreamedPair = field(default_factory=StreamedPair)
    ends: Array = field(default_factory=lambda: np.zeros(5))
    """Counts: at the low end, at the high end, clipped low, clipped high, all."""


def measure_layer_drift(
    reference: OpenFile,
    variant: OpenFile,
    inputs: Mapping[str, Array],
    *,
    threads: int = 1,
    stateful: bool = False,
    most_seconds: float = 120.0,
) -> LayerDrift:
    """Measure the error of every layer of a variant.

    Args:
        reference: The float file.
        variant: The file made from it.
        inputs: Evaluation samples by input name, shape `(samples, ...)`.
        threads: For the kernels.
        stateful: Whether each sample needs interpreters of its own.
        most_seconds: No further sample is begun after so long; at least one is measured.

    Raises:
        RuntimeModelError: When LiteRT cannot load or run one of the files.
    """
    return _LayerMeasurement(reference, variant, threads, stateful).measure(inputs, most_seconds)


class _LayerMeasurement:
    """Both files open, and every operator of the variant cut out."""

    def __init__(
        self, reference: OpenFile, variant: OpenFile, threads: int, stateful: bool
    ) -> None:
        self._files = (reference, variant)
        self._threads = threads
        self._stateful = stateful
        self._float = OperatorGraph(reference.path, reference.binding.signature)
        self._own = OperatorGraph(variant.path, variant.binding.signature)
        self._pairing = pair_tensors(self._float, self._own)
        self._unpaired = list(self._pairing.unpaired)
        self._gatherings = self._lay_out()
        self._cuts: dict[int, CutModel] = {}
        self._absences: dict[int, str] = {}
        self._open()

    def measure(self, inputs: Mapping[str, Array], most_seconds: float) -> LayerDrift:
        samples, batch = len(next(iter(inputs.values()))), self._models[1].own_batch
        end = time.monotonic() + most_seconds
        used = 0
        for start in range(0, samples, batch):
            if used and (time.monotonic() > end or start + batch > samples):
                break
            if used and self._stateful:
                self._open()
            # Fewer samples than the file's own batch: they are repeated, which no mean notices.
            rows = [(start + i) % samples for i in range(batch)]
            self._run({name: np.asarray(array[rows]) for name, array in inputs.items()})
            used += min(batch, samples)
        return LayerDrift(
            layers=[layer for g in self._gatherings if (layer := self._finish(g)) is not None],
            unpaired=self._unpaired,
            samples=used,
            samples_given=samples,
        )

    def _open(self) -> None:
        self._models = tuple(
            LitertModel(
                file.path,
                self._threads,
                file.binding,
                kernels=Kernels.BUILTIN,
                keep_tensors=True,
            )
            for file in self._files
        )
        self._prepared = self._models[1].tensor_shapes()
        self._cuts.clear()

    def _lay_out(self) -> list[_Gathering]:
        """Return an empty gathering for each paired tensor of real numbers, in graph order."""
        ends = [(-1, None, i) for i in self._own.inputs]
        results = [(op.number, op, i) for op in self._own.operators for i in op.outputs]
        found = []
        for number, operator, index in (*ends, *results):
            partner = self._pairing.partners.get(index)
            tensor = self._own.tensors[index]
            if partner is None or (operator is None and tensor.stored_type is None):
                continue
            if not self._float.tensors[partner].dtype.startswith("float"):
                name = INPUT if operator is None else operator.name
                self._leave_out(tensor, name, _NO_REAL_NUMBERS)
                continue
            how = _quantization(tensor)
            found.append(_Gathering(number, operator, tensor, partner, how))
        return found

    def _leave_out(self, tensor: GraphTensor, operator: str, reason: str) -> None:
        self._unpaired.append(
            UnpairedTensor(name=tensor.name, file=VARIANT_FILE, operator=operator, reason=reason)
        )

    def _run(self, inputs: Mapping[str, Array]) -> None:
        for model in self._models:
            model.set_inputs(inputs)
            model.invoke()
        references: dict[int, Array | None] = {}
        for partner in set(self._pairing.partners.values()):
            references[partner] = self._models[0].read_tensor(partner)
        born = self._run_alone(references)
        for gathering in list(self._gatherings):
            reference = references[gathering.partner]
            stored = self._models[1].read_tensor(gathering.tensor.index)
            if reference is None or stored is None or reference.size != stored.size:
                self._drop(gathering, reference, stored)
                continue
            self._gather(gathering, reference, stored, born)

    def _drop(self, gathering: _Gathering, reference: Array | None, stored: Array | None) -> None:
        reason = "the runtime keeps no values of it"
        if reference is not None and stored is not None:
            reason = f"its sizes differ: {reference.shape} in the float32 file, {stored.shape} here"
        name = INPUT if gathering.operator is None else gathering.operator.name
        self._leave_out(gathering.tensor, name, reason)
        self._gatherings.remove(gathering)

    def _gather(
        self,
        gathering: _Gathering,
        reference: Array,
        stored: Array,
        born: Mapping[int, Array],
    ) -> None:
        how, index = gathering.how, gathering.tensor.index
        reference = _in_rows(reference, stored)
        rows = reference.shape
        values = _real(stored, how).reshape(rows)
        gathering.shape = stored.shape
        gathering.accumulated.add(reference, values)
        gathering.pair.add(reference, values)
        if how is not None:
            gathering.ends += _count_ends(reference, stored, how)
        if gathering.operator is None:
            # An input has no operator: what is born there is its own rounding.
            gathering.born.add(reference, values)
        elif index in born:
            gathering.born.add(reference, _real(born[index], how).reshape(rows))

    def _run_alone(self, references: Mapping[int, Array | None]) -> dict[int, Array]:
        """Run every operator that can be cut out; return what each gave, by tensor."""
        found: dict[int, Array] = {}
        for operator in dict.fromkeys(g.operator for g in self._gatherings if g.operator):
            if operator.number in self._absences:
                continue
            fed = self._feeds(operator, references)
            if isinstance(fed, str):
                self._absences[operator.number] = fed
                continue
            try:
                model = self._cut(operator)
                model.feed(fed)
                model.invoke()
                found.update(zip(operator.outputs, model.outputs(), strict=True))
            except RuntimeModelError as error:
                self._absences[operator.number] = str(error)
        return found

    def _cut(self, operator: CutOperator) -> CutModel:
        if operator.number not in self._cuts:
            content = self._own.cut(operator, self._prepared)
            label = f"{operator.name} of operator {operator.number}"
            self._cuts[operator.number] = CutModel(content, label, self._threads, Kernels.BUILTIN)
        return self._cuts[operator.number]

    def _feeds(
        self, operator: CutOperator, references: Mapping[int, Array | None]
    ) -> list[Array] | str:
        """Return the float file's activations as the operator stores them, or why there is none."""
        reason = operator.reason or sizes_reason(operator, self._prepared, self._models[1])
        if reason is not None:
            return reason
        fed = []
        for index in operator.inputs:
            tensor = self._own.tensors[index]
            partner = self._pairing.partners.get(index)
            reference = None if partner is None else references[partner]
            if reference is None:
                return f"its input {tensor.name[:80]} has no partner in the float32 file"
            own = self._models[1].read_tensor(index)
            if own is None or own.size != reference.size:
                return f"its input {tensor.name[:80]} has another size in the float32 file"
            how = _quantization(tensor)
            if how is not None and reference.dtype.kind == "f":
                reference = quantize(reference, how, own.dtype)
            fed.append(reference.astype(own.dtype, copy=False).reshape(own.shape))
        return fed

    def _finish(self, gathering: _Gathering) -> Layer | None:
        how, operator = gathering.how, gathering.operator
        step = None if how is None else how.scale
        accumulated = gathering.accumulated.finish(step)
        if accumulated is None:
            return None
        absence = None if operator is None else self._absences.get(operator.number)
        return Layer(
            number=gathering.number,
            operator=INPUT if operator is None else operator.name,
            tensor=gathering.tensor.name,
            reference=self._float.tensors[gathering.partner].name,
            shape=list(gathering.shape),
            dtype=gathering.tensor.dtype,
            scale=step,
            zero_point=None if how is None else how.zero_point,
            accumulated=accumulated,
            born=None if absence else gathering.born.finish(step),
            born_absence=absence,
            saturation=_saturation(gathering),
            histogram=gathering.pair.finish(),
            weights=[]
            if operator is None
            else channel_ranges(self._own, operator, self._float, gathering.partner),
        )


def _quantization(tensor: GraphTensor) -> Quantization | None:
    if tensor.stored_type is None or not tensor.scales[0]:
        return None
    return Quantization(tensor.scales[0], tensor.zero_points[0])


def _real(stored: Array, how: Quantization | None) -> Array:
    return stored.astype(np.float32) if how is None else dequantize(stored, how)


def _in_rows(reference: Array, stored: Array) -> Array:
    """Return the reference with samples first; a scalar, or one of another batch, is one row."""
    if reference.ndim and len(reference) == (len(stored) if stored.ndim else 1):
        return reference
    return reference.reshape(1, -1)


def _count_ends(reference: Array, stored: Array, how: Quantization) -> Array:
    bounds = np.iinfo(stored.dtype)
    low = (bounds.min - how.zero_point - 0.5) * how.scale
    high = (bounds.max - how.zero_point + 0.5) * how.scale
    return np.array(
        [
            np.count_nonzero(stored == bounds.min),
            np.count_nonzero(stored == bounds.max),
            np.count_nonzero(reference < low),
            np.count_nonzero(reference > high),
            stored.size,
        ],
        float,
    )


def _saturation(gathering: _Gathering) -> Saturation | None:
    how, ends = gathering.how, gathering.ends
    kind = gathering.tensor.stored_type
    if how is None or kind is None or not ends[4]:
        return None
    low, high, clipped_low, clipped_high = (float(count / ends[4]) for count in ends[:4])
    return Saturation(
        at_low=low,
        at_high=high,
        low_is_zero=how.zero_point == np.iinfo(kind).min,
        clipped_low=clipped_low,
        clipped_high=clipped_high,
    )
