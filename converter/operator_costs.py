"""What each operator of a file costs, as measured: totals by type, and what two files differ in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converter.json_figures import known_fields
from converter.tensor_names import name_stem, pair_by_stem

GOOD_COVERAGE = (0.85, 1.15)
"""Where the parts sum to between these shares of the whole, they explain it."""


def is_about_whole(coverage: float | None) -> bool:
    """Whether parts that sum to this share of the whole explain it."""
    low, high = GOOD_COVERAGE
    return coverage is not None and low <= coverage <= high


@dataclass(frozen=True, kw_only=True)
class OperatorCost:
    """One operator.

    Attributes:
        number: Its place in the order of execution.
        operator: Its name (`CONV_2D`).
        tensor: The name of what it gives: the layer.
        median_ms: Median of its runs alone, through the default interpreter.
        fastest_ms: The fastest of them.
        runs: How many.
        absence: Why it was not timed; None where it was.
    """

    number: int
    operator: str
    tensor: str
    median_ms: float | None = None
    fastest_ms: float | None = None
    runs: int = 0
    absence: str | None = None


@dataclass(frozen=True, kw_only=True)
class OperatorCosts:
    """All operators of a file's main graph beside the file as a whole.

    Attributes:
        operators: In order of execution, those not timed with their reason.
        whole_ms: Median of the whole file, timed in turn with the parts.
        whole_fastest_ms: Its fastest run.
        whole_runs: How many runs.
        empty_call_ms: Median of a call that computes next to nothing. Every part holds one, the
            whole only one, so it is taken off each part (`net_ms`).
        threads: For the kernels.
    """

    operators: list[OperatorCost]
    whole_ms: float
    whole_fastest_ms: float
    whole_runs: int
    empty_call_ms: float
    threads: int
    notes: list[str] = field(default_factory=list)

    @property
    def timed(self) -> list[OperatorCost]:
        """The operators that were timed."""
        return [item for item in self.operators if item.median_ms is not None]

    @property
    def not_timed(self) -> list[OperatorCost]:
        """The others, with their reasons."""
        return [item for item in self.operators if item.median_ms is None]

    def net_ms(self, item: OperatorCost) -> float:
        """Return an operator's median without the call itself, at least 0."""
        return max(0.0, (item.median_ms or 0.0) - self.empty_call_ms)

    @property
    def parts_ms(self) -> float:
        """The sum of all parts without their calls, and one call, which the whole has as well."""
        return self.empty_call_ms + sum(self.net_ms(item) for item in self.timed)

    @property
    def gross_ms(self) -> float:
        """The sum of all parts as they were timed, each with its call."""
        return sum(item.median_ms or 0.0 for item in self.timed)

    @property
    def coverage(self) -> float | None:
        """`parts_ms` over the whole; None where the whole took no time."""
        return self.parts_ms / self.whole_ms if self.whole_ms > 0 else None

    @property
    def gross_coverage(self) -> float | None:
        """`gross_ms` over the whole; far above `coverage` where operators are short."""
        return self.gross_ms / self.whole_ms if self.whole_ms > 0 else None

    @property
    def fastest_coverage(self) -> float | None:
        """As `coverage`, of the fastest runs, which other programs disturb least."""
        parts = sum(max(0.0, (i.fastest_ms or 0.0) - self.empty_call_ms) for i in self.timed)
        whole = self.whole_fastest_ms
        return (parts + self.empty_call_ms) / whole if whole > 0 else None

    @property
    def is_explained(self) -> bool:
        """Whether the parts sum to about the whole."""
        return is_about_whole(self.coverage)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> OperatorCosts:
        """Read the form that `encode_figures` writes."""
        fields = known_fields(cls, values)
        fields["operators"] = [OperatorCost(**item) for item in values["operators"]]
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class TypeCost:
    """All operators of one type."""

    operator: str
    count: int
    total_ms: float
    share: float


def cost_by_type(costs: OperatorCosts) -> list[TypeCost]:
    """Return the totals by operator type without the calls, the most costly first.

    Shares are of the sum of these totals.
    """
    totals: dict[str, list[float]] = defaultdict(list)
    for item in costs.timed:
        totals[item.operator].append(costs.net_ms(item))
    whole = sum(map(sum, totals.values())) or 1.0
    found = [
        TypeCost(operator=name, count=len(ms), total_ms=sum(ms), share=sum(ms) / whole)
        for name, ms in totals.items()
    ]
    return sorted(found, key=lambda item: (-item.total_ms, item.operator))


@dataclass(frozen=True, kw_only=True)
class CostChange:
    """One layer, or one operator type, in two files; None where a file has none.

    Attributes:
        name: The layer's tensor, or the operator's name.
        operator: Its type.
        before_ms: In the first file.
        after_ms: In the second.
    """

    name: str
    operator: str
    before_ms: float | None
    after_ms: float | None

    @property
    def change_ms(self) -> float:
        """What the second takes more; negative: less."""
        return (self.after_ms or 0.0) - (self.before_ms or 0.0)


def compare_costs(before: OperatorCosts, after: OperatorCosts) -> list[CostChange]:
    """Return what changed for each layer without the calls, the largest change first.

    Layers are paired by tensor name, else by what is left without the number at its end. An
    operator that only one file has (a QUANTIZE, a fused activation) stands with the other side
    None, so that the changes sum to the change of the sums.
    """
    old, new = _by_name(before), _by_name(after)
    partners = {name: name for name in new if name in old}
    free_new = [("after", *name) for name in new if name not in partners]
    free_old = [("before", *name) for name in old if name not in partners]
    kinds = {
        key: (name_stem(key[1]), (new if key[0] == "after" else old)[key[1:]].operator)
        for key in (*free_new, *free_old)
    }
    stems = pair_by_stem(free_new, free_old, kinds)
    partners.update({one[1:]: other[1:] for one, other in stems.items()})
    changes = [
        _change(before, old.get(partners[name]) if name in partners else None, after, item)
        for name, item in new.items()
    ]
    taken = set(partners.values())
    changes += [
        _change(before, item, after, None) for name, item in old.items() if name not in taken
    ]
    return sorted(changes, key=lambda item: (-abs(item.change_ms), item.name))


def _change(
    before: OperatorCosts, old: OperatorCost | None, after: OperatorCosts, new: OperatorCost | None
) -> CostChange:
    either = new or old
    if either is None:
        raise ValueError("expected an operator of at least one file")
    return CostChange(
        name=either.tensor,
        operator=either.operator,
        before_ms=None if old is None else before.net_ms(old),
        after_ms=None if new is None else after.net_ms(new),
    )


def compare_types(before: OperatorCosts, after: OperatorCosts) -> list[CostChange]:
    """Return what changed for each operator type, the largest change first."""
    old = {item.operator: item.total_ms for item in cost_by_type(before)}
    new = {item.operator: item.total_ms for item in cost_by_type(after)}
    changes = [
        CostChange(name=name, operator=name, before_ms=old.get(name), after_ms=new.get(name))
        for name in dict.fromkeys([*old, *new])
    ]
    return sorted(changes, key=lambda item: (-abs(item.change_ms), item.name))


def _by_name(costs: OperatorCosts) -> dict[tuple[str, int], OperatorCost]:
    """Return the timed operators by tensor name; of a name that repeats, each by its turn."""
    seen: dict[str, int] = defaultdict(int)
    found = {}
    for item in costs.timed:
        found[item.tensor, seen[item.tensor]] = item
        seen[item.tensor] += 1
    return found
