"""Whether a run that was made again found what the first one found, said figure by figure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from converter.accuracy import Accuracy
from converter.comparison import REFERENCE, Comparison, Variant
from converter.drift import Drift
from converter.graph_nodes import GraphNode
from converter.json_figures import encode_figures
from converter.latency import LatencyStats

ROUNDING_DB = 100.0
"""From here on an error is float32's own rounding, which another processor does in another order:
faithful float conversions lie at 130 dB and above, the best of the lossy ones below 90."""

_RELATIVE = {
    "max_abs_error": 0.10,  # one value decides it, so it moves most
    "max_abs_error_lsb": 0.10,
    "mean_abs_error": 0.02,
    "rmse": 0.02,
    "mae": 0.02,
}
_ABSOLUTE = {
    "sqnr_db": 0.2,  # 2 % of the error
    "cosine_similarity": 1e-4,
    "worst_cosine_similarity": 1e-3,
    "r2": 0.01,
}
_ONE_SAMPLE = {"top1_agreement", "top1"}
_NOT_HELD = {
    "top1_samples", "top1_ties", "samples", "task", "ci95",
    "values", "signal_square_sum", "error_square_sum", "error_sum", "terms",  # of what is held
    "delta",  # the difference of two figures that are both held
}  # fmt: skip
_BELOW_ROUNDING = {"max_abs_error", "max_abs_error_lsb", "mean_abs_error", "rmse", "sqnr_db"}
_SLACK = 1e-9

TOLERANCE = (
    "RMSE and mean error within 2 %, SQNR within 0.2 dB, the largest error within 10 %, cosine "
    "similarity within 0.0001 (the worst sample's 0.001), R2 within 0.01, agreement and top-1 "
    "accuracy within one sample, counts of NaN or Inf exactly; from "
    f"{ROUNDING_DB:.0f} dB on, errors are rounding and count as equal"
)


@dataclass(frozen=True)
class Agreement:
    """One line of a verification.

    Attributes:
        subject: `environment`, `run`, `original` or a recipe's name.
        aspect: What of it is held: `file`, `drift`, `tensorflow` and so on.
        agrees: None where the two are only shown side by side.
        text: What was found then and now.
    """

    subject: str
    aspect: str
    agrees: bool | None
    text: str

    def __str__(self) -> str:
        """Return the line as the command line prints it."""
        mark = {True: "agrees ", False: "DIFFERS", None: "shown  "}[self.agrees]
        return f"{mark} {self.subject}: {self.aspect}: {self.text}"


def verify(old: Comparison, new: Comparison) -> list[Agreement]:
    """Hold a run against the same run made again.

    Args:
        old: What the first run found.
        new: What the second found.

    Returns:
        One entry for each thing that was looked at: first what differs in the environment (shown,
        because it explains the rest), then model and samples, then the original and each variant.
        Latency and environment are never judged.
    """
    return [
        *_environment(old, new),
        *_conditions(old, new),
        *_original(old, new),
        *(line for variant in old.variants for line in _variant(variant, old, new)),
        *(
            Agreement(variant.recipe, "row", False, "not in the bundle, made now")
            for variant in new.variants
            if variant.recipe not in {v.recipe for v in old.variants}
        ),
    ]


def hold_graphs(
    old: Sequence[GraphNode] | None, new: Sequence[GraphNode] | None
) -> list[Agreement]:
    """Hold the operations of the frozen graph against those of the run made again.

    Another TensorFlow may name operations otherwise, so their kinds and counts are judged.

    Args:
        old: Of the bundle; None where it has none, as from a `.tflite` or an earlier version.
        new: Made now.
    """
    if old is None:
        return []
    if new is None:
        return [Agreement("original", "graph", False, f"{len(old):,} operations then, none now")]
    if list(old) == list(new):
        text = f"the same {len(old):,} operations"
        return [Agreement("original", "graph", True, text)]
    then, now = (Counter(node.op for node in nodes) for nodes in (old, new))
    if then == now:
        text = f"{len(old):,} operations of the same kinds, otherwise named or connected"
        return [Agreement("original", "graph", True, text)]
    kind = min((then - now) | (now - then))
    text = f"{then[kind]:,} {kind[:40]} then, {now[kind]:,} now"
    return [Agreement("original", "graph", False, text)]


def _environment(old: Comparison, new: Comparison) -> Iterator[Agreement]:
    # The walls change nothing that is measured but time, and are told elsewhere.
    names = [name for name in {**old.environment, **new.environment} if name != "sandbox"]
    differing = 0
    for name in names:
        then, now = (_plain(c.environment.get(name, "unknown")) for c in (old, new))
        if then != now:
            differing += 1
            yield Agreement("environment", name, None, f"{then} then, {now} now")
    if not differing:
        yield Agreement("environment", "versions and processor", None, "the same then and now")


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _conditions(old: Comparison, new: Comparison) -> Iterator[Agreement]:
    pairs = (
        ("model's SHA-256", old.model.sha256, new.model.sha256),
        ("data's SHA-256", old.data.sha256, new.data.sha256),
        ("evaluation samples", old.data.evaluation_samples, new.data.evaluation_samples),
        ("calibration samples", old.data.calibration_samples, new.data.calibration_samples),
        ("batch", old.settings.get("batch"), new.settings.get("batch")),
    )
    for name, then, now in pairs:
        equal = then == now
        text = f"{_short(then)}" if equal else f"{_short(then)} then, {_short(now)} now"
        yield Agreement("run", name, equal, text)


def _short(value: object) -> str:
    if value is None:
        return "none"
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else text


def _original(old: Comparison, new: Comparison) -> Iterator[Agreement]:
    samples = old.data.evaluation_samples
    yield from _accuracies(
        REFERENCE, old.reference.output_accuracy, new.reference.output_accuracy, samples
    )
    yield _latency(REFERENCE, (old.reference.latency, old), (new.reference.latency, new))


def _variant(variant: Variant, old: Comparison, new: Comparison) -> Iterator[Agreement]:
    name = variant.recipe
    again = next((v for v in new.variants if v.recipe == name), None)
    if again is None:
        yield Agreement(name, "row", False, "in the bundle, not made now")
        return
    if (variant.status, variant.runnable) != (again.status, again.runnable):
        then, now = (_state(v) for v in (variant, again))
        yield Agreement(name, "outcome", False, f"{then} then, {now} now")
    elif variant.status != "ok":
        yield Agreement(name, "outcome", True, "failed then and now")
    if variant.file is not None or again.file is not None:
        yield _file(variant, again)
    if variant.status == "ok" and again.status == "ok":
        samples = old.data.evaluation_samples
        yield from _drifts(variant, again, samples)
        yield from _accuracies(name, variant.output_accuracy, again.output_accuracy, samples)
        if variant.latency is not None or again.latency is not None:
            yield _latency(name, (variant.latency, old), (again.latency, new))


def _state(variant: Variant) -> str:
    if variant.status != "ok":
        return f"failed ({' '.join((variant.error or 'no reason given').split())[:160]})"
    return "ran" if variant.runnable else "could not be run"


def _file(old: Variant, new: Variant) -> Agreement:
    if old.sha256 is not None and old.sha256 == new.sha256:
        return Agreement(old.recipe, "file", True, f"the same bytes, SHA-256 {old.sha256[:12]}…")
    if old.content_sha256 is not None and old.content_sha256 == new.content_sha256:
        return Agreement(
            old.recipe, "file", True, "the same content, other metadata of the converter"
        )
    if old.size_bytes is None or new.size_bytes is None:
        there = "then, not now" if new.size_bytes is None else "now, not then"
        return Agreement(old.recipe, "file", False, f"there {there}")
    change = new.size_bytes - old.size_bytes
    size = "of the same size" if change == 0 else f"{change:+d} bytes now"
    return Agreement(
        old.recipe,
        "file",
        False,
        f"another content, {size} ({old.size_bytes} then, {new.size_bytes} now)",
    )


def _drifts(old: Variant, new: Variant, samples: int) -> Iterator[Agreement]:
    for output in {**old.output_drift, **new.output_drift}:
        then, now = old.output_drift.get(output), new.output_drift.get(output)
        aspect = f"drift of {output[:80]}"
        if then is None or now is None:
            yield _one_sided(old.recipe, aspect, measured_then=then is not None)
            continue
        yield _figures(old.recipe, aspect, then, now, samples)


def _accuracies(
    subject: str, old: dict[str, Accuracy], new: dict[str, Accuracy], samples: int
) -> Iterator[Agreement]:
    for output in {**old, **new}:
        aspect = f"accuracy of {output[:80]}"
        then, now = old.get(output), new.get(output)
        if then is None or now is None:
            yield _one_sided(subject, aspect, measured_then=then is not None)
            continue
        yield _figures(subject, aspect, then, now, samples)


def _one_sided(subject: str, aspect: str, *, measured_then: bool) -> Agreement:
    found = "measured then, not now" if measured_then else "measured now, not then"
    return Agreement(subject, aspect, False, found)


def _figures(
    subject: str, aspect: str, old: Drift | Accuracy, new: Drift | Accuracy, samples: int
) -> Agreement:
    """Hold all figures of one output, and name those that are not equal within tolerance."""
    names = [name for name in vars(old) if name not in _NOT_HELD]
    rounding = isinstance(old, Drift) and isinstance(new, Drift) and _is_rounding(old, new)
    differing = []
    for name in names:
        if rounding and name in _BELOW_ROUNDING:
            continue
        then, now = getattr(old, name), getattr(new, name)
        if not figures_agree(name, then, now, samples):
            differing.append(f"{name} {_figure(then)} then, {_figure(now)} now")
    if differing:
        return Agreement(subject, aspect, False, "; ".join(differing))
    exact = all(_same(getattr(old, name), getattr(new, name)) for name in names)
    lead = "sqnr_db" if isinstance(old, Drift) else "top1"
    if getattr(old, lead) is None:
        lead = "mae"
    value = f"{lead} {_figure(getattr(old, lead))}"
    if exact:
        return Agreement(subject, aspect, True, f"every figure is the same ({value})")
    why = "only rounding" if rounding else "within tolerance"
    now = _figure(getattr(new, lead))
    return Agreement(subject, aspect, True, f"{why} ({value} then, {now} now)")


def _is_rounding(old: Drift, new: Drift) -> bool:
    return min(old.sqnr_db, new.sqnr_db) >= ROUNDING_DB  # False where one is NaN


def figures_agree(name: str, then: float | None, now: float | None, samples: int) -> bool:
    """Whether a figure is equal within the tolerance that `TOLERANCE` states.

    Args:
        name: A field of `Drift` or `Accuracy`.
        then: What it was; None where it was not measured.
        now: What it is.
        samples: Evaluation samples, of which one may go the other way.
    """
    if then is None or now is None:
        return then is now
    if _same(then, now):
        return True
    if not (math.isfinite(then) and math.isfinite(now)):
        return False
    allowed = _ABSOLUTE.get(name, 0.0) + _RELATIVE.get(name, 0.0) * max(abs(then), abs(now))
    if name in _ONE_SAMPLE:
        allowed = 1 / max(samples, 1)
    return abs(then - now) <= allowed + _SLACK


def _same(then: object, now: object) -> bool:
    nan = isinstance(then, float) and isinstance(now, float) and then != then and now != now
    return nan or then == now


def _figure(value: float | None) -> str:
    if value is None:
        return "not measured"
    encoded = encode_figures(value)
    return "NaN" if encoded is None else f"{value:.6g}"


_Measured = tuple[LatencyStats | None, Comparison]


def _latency(subject: str, old: _Measured, new: _Measured) -> Agreement:
    """Show two latencies with their conditions; machines differ, so neither is held to the other.

    A ratio above 1 means that it takes longer now.
    """
    text = f"{_timing(*old)} then; {_timing(*new)} now"
    if old[0] is not None and new[0] is not None and old[0].p50_ms > 0:
        text += f"; now / then {new[0].p50_ms / old[0].p50_ms:.2f}"
    return Agreement(subject, "latency", None, text)


def _timing(latency: LatencyStats | None, comparison: Comparison) -> str:
    if latency is None:
        return "not measured"
    cpu = str(comparison.environment.get("cpu", "unknown processor"))[:80]
    return (
        f"p50 {latency.p50_ms:.4g} ms ({cpu}, {latency.threads} thread(s), batch "
        f"{comparison.settings.get('batch')}, {latency.runs} runs)"
    )
