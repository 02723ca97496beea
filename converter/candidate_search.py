"""Searches mixed precision, operator by operator, for candidates that hold a budget.

The search measures what each precision of each operator alone costs at the output, takes these
errors for independent (their powers add), and so knows for each price of an error the best
precision of every operator at once: the frontier of the additive model is walked by its price, as
in the Lagrangian relaxation of a multiple-choice knapsack (Shoham and Gersho, 1988). Each point is
then measured for what it is, and the best are improved by single steps and exchanges. What the
model gets wrong costs evaluations, never truth.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from converter.budget import Budget, Figures, closeness_db, objective, violations
from converter.candidate_layers import CandidateLayer
from converter.precision import FLOAT32, PRECISIONS

Choice = tuple[tuple[int, str], ...]
"""Chosen precisions by operator number, sorted; float32 left out."""
Judge = Callable[[Mapping[int, str]], tuple[str, Figures]]
"""Measures choices; returns the file's SHA-256 and its figures."""
_MOST_PAIRS = 4000
_PRICES = 24
"""Points of the additive frontier that are measured first."""


@dataclass(frozen=True)
class Evaluation:
    """One distinct candidate.

    Attributes:
        choice: What was chosen.
        sha256: Of its file.
        figures: On the search split.
        number: How many distinct ones had been measured when it was, itself included.
    """

    choice: Choice
    sha256: str
    figures: Figures
    number: int


@dataclass
class SearchState:
    """All that a search has measured.

    Attributes:
        budget: What must hold.
        original: The float file's figures.
        found: Distinct candidates, in order.
        repeats: Candidates whose file was known already; they count nowhere.
    """

    budget: Budget
    original: Figures
    found: list[Evaluation] = field(default_factory=list)
    repeats: int = 0

    def holds(self, evaluation: Evaluation) -> bool:
        """Whether the budget holds on the search split."""
        return not violations(self.budget, evaluation.figures, self.original)

    def best(self) -> Evaluation | None:
        """Return the best candidate that holds the budget; None where none does."""
        holding = [e for e in self.found if self.holds(e)]
        return min(holding, key=lambda e: objective(self.budget, e.figures), default=None)

    def nearest(self) -> Evaluation | None:
        """Return the candidate that breaks the budget least."""
        return min(
            self.found,
            key=lambda e: (
                sum(violations(self.budget, e.figures, self.original).values()),
                objective(self.budget, e.figures),
            ),
            default=None,
        )


class CandidateSearch:
    """Searches one float file.

    Args:
        layers: Its operators, with what they are offered.
        judge: Measures candidates on the search split.
        budget: What must hold, and what to minimize.
        most_evaluations: Distinct candidates at most.
        seed: Of the random steps.
        precisions: Those that may be chosen; all offered when left out.
        cost_ms: Predicted latency of an operator in a precision; leaves latency out when None.
    """

    def __init__(
        self,
        layers: Sequence[CandidateLayer],
        judge: Judge,
        budget: Budget,
        most_evaluations: int,
        *,
        seed: int = 0,
        precisions: Sequence[str] | None = None,
        cost_ms: Callable[[int, str], float] | None = None,
    ) -> None:
        self._layers = [layer for layer in layers if layer.has_weights]
        self._offers = {
            layer.number: [n for n in layer.offered if precisions is None or n in precisions]
            for layer in self._layers
        }
        self._bytes = {layer.number: layer.bytes_of for layer in self._layers}
        self._judge = judge
        self._most = most_evaluations
        self._random = random.Random(seed)  # noqa: S311 - a search, no secret
        self._cost_ms = cost_ms
        self._known: dict[Choice, Evaluation] = {}
        self._files: dict[str, Evaluation] = {}
        self._noise: dict[tuple[int, str], float] = {}
        self._revived: set[tuple[int, str]] = set()
        _, original = judge({})
        self.state = SearchState(budget, original)

    @property
    def is_exhausted(self) -> bool:
        """Whether no evaluation is left."""
        return len(self.state.found) >= self._most

    def offering(self, name: str) -> int:
        """Return how many operators a precision changes."""
        return sum(name in offers for offers in self._offers.values())

    def smallest_bytes(self) -> int:
        """Return a size below which no candidate is to be expected that is close enough.

        The float file, with what every operator stores exchanged for the least that it stores in
        any precision. Left out are those that alone, beside float32 everywhere else, already break
        a limit of closeness, give NaN or do not run, unless a candidate that was measured holds one
        and is close enough all the same. Bytes of the graph, which grow with each operator that is
        added, are not counted. It rests on what was measured: a candidate that mends by a further
        loss what a first one broke would be below it.
        """
        mended = {pair for e in self.state.found if self._is_close(e.figures) for pair in e.choice}
        total = self.state.original.size_bytes
        for number, offers in self._offers.items():
            stored = [
                self._bytes[number][name]
                for name in offers
                if name in self._bytes[number]
                and ((number, name) in mended or not self._breaks_alone(number, name))
            ]
            total -= max(0, self._bytes[number].get(FLOAT32.name, 0) - min(stored, default=0))
        return total

    def _breaks_alone(self, number: int, name: str) -> bool:
        known = self._known.get(choice_of({number: name}))
        return known is not None and not self._is_close(known.figures)

    def _is_close(self, figures: Figures) -> bool:
        """Whether all limits hold but those on size and latency, which are no matter of values."""
        broken = violations(self.state.budget, figures, self.state.original)
        return not broken.keys() - {"most_size_bytes", "most_predicted_ms"}

    def run(self) -> Iterator[Evaluation]:
        """Yield each distinct candidate as it is measured; may be left at any time."""
        for steps in (self.uniform(), self._alone(), self._priced(), self._improved()):
            yield from steps

    def uniform(self) -> Iterator[Evaluation]:
        """Yield one precision for all operators that take it, each."""
        names = dict.fromkeys(name for offers in self._offers.values() for name in offers)
        for name in names:
            choices = {n: name for n, offers in self._offers.items() if name in offers}
            yield from self._measure(choices)

    def _alone(self) -> Iterator[Evaluation]:
        """Measure each operator alone in each precision: what it adds to the error."""
        for number, name in self._single_changes():
            yield from self._measure({number: name})
            known = self._known.get(choice_of({number: name}))
            if known is not None:
                self._noise[number, name] = noise_of(known.figures)

    def _single_changes(self) -> list[tuple[int, str]]:
        """Return what to measure alone, the largest operators first.

        Where there are more than half of the evaluations, precisions that store weights as
        another does are left out: their error is taken from the first of them.
        """
        pairs = [(n, p) for n, offers in self._offers.items() for p in offers if p != FLOAT32.name]
        if len(pairs) > self._most // 2:
            few = {(n, PRECISIONS[p].stored_alike): (n, p) for n, p in reversed(pairs)}
            pairs = [pair for pair in pairs if pair in set(few.values())]
        size = {layer.number: layer.weights for layer in self._layers}
        pairs.sort(key=lambda pair: -size[pair[0]])
        return pairs[: max(1, self._most // 2)]

    def _priced(self) -> Iterator[Evaluation]:
        """Walk the additive model's frontier by the price of an error, then close in."""
        noises = [v for v in self._noise.values() if 0 < v < math.inf]
        if not noises:
            return
        low, high = math.log(1.0 / max(noises)), math.log(1e7 / min(noises))
        steps = [low + (high - low) * i / (_PRICES - 1) for i in range(_PRICES)]
        for step in steps:
            yield from self._measure(self._at_price(math.exp(step)))
        # Between the dearest error that breaks the budget and the cheapest that holds it.
        for _ in range(_PRICES // 2):
            holds = [s for s in steps if self._price_holds(s)]
            breaks = [s for s in steps if not self._price_holds(s)]
            if not holds or not breaks or self.is_exhausted:
                return
            middle = (min(holds) + max((s for s in breaks if s < min(holds)), default=low)) / 2
            steps.append(middle)
            yield from self._measure(self._at_price(math.exp(middle)))

    def _price_holds(self, step: float) -> bool:
        known = self._known.get(choice_of(self._at_price(math.exp(step))))
        return known is not None and self.state.holds(known)

    def _at_price(self, price: float) -> dict[int, str]:
        """Return, for each operator, the precision of the least cost plus priced error."""
        chosen = {}
        for number, offers in self._offers.items():
            totals = [self._cost(number, n) + price * self._error(number, n) for n in offers]
            chosen[number] = offers[totals.index(min(totals))]
        return chosen

    def _cost(self, number: int, name: str) -> float:
        if self.state.budget.minimize == "latency" and self._cost_ms is not None:
            return self._cost_ms(number, name) * 1e6
        return float(self._bytes[number].get(name, math.inf))

    def _error(self, number: int, name: str) -> float:
        if name == FLOAT32.name:
            return 0.0
        if (number, name) in self._noise:
            return self._noise[number, name]
        kind = PRECISIONS[name].stored_alike
        alike = [
            noise for (n, p), noise in self._noise.items()
            if n == number and PRECISIONS[p].stored_alike == kind
        ]  # fmt: skip
        # An operator that was not measured alone costs what such precisions cost on average.
        others = [v for (_, p), v in self._noise.items() if PRECISIONS[p].stored_alike == kind]
        pool = alike or others
        return sum(pool) / len(pool) if pool else math.inf

    def _improved(self) -> Iterator[Evaluation]:
        """Improve the best candidate by single steps and exchanges until nothing is left."""
        yield from self._exchanged()
        idle = 0
        while not self.is_exhausted and idle < 40 + 4 * len(self._layers):  # noqa: PLR2004
            start = self.state.best() or self.state.nearest()
            if start is None:
                return
            before = len(self.state.found)
            yield from self._measure(self._neighbour(dict(start.choice)))
            idle = 0 if (self.state.best() or self.state.nearest()) is not start else idle + 1
            if len(self.state.found) == before:
                idle += 1

    def _exchanged(self) -> Iterator[Evaluation]:
        """Try what the additive model says is cheaper than the best, the closest first.

        One operator in another precision, or two at once: the price alone cannot find those,
        where the frontier is not convex.
        """
        best = self.state.best()
        while best is not None and not self.is_exhausted:
            for changed in self._cheaper(dict(best.choice)):
                yield from self._measure(changed)
                if self.is_exhausted or self.state.best() is not best:
                    break
            if self.state.best() is best:
                return
            best = self.state.best()

    def _cheaper(self, choices: Mapping[int, str]) -> list[dict[int, str]]:
        """Return single changes and pairs of them that cost less, by what they add to the error."""
        steps = [
            (number, name, self._cost(number, name) - self._cost(number, own),
             self._error(number, name) - self._error(number, own))
            for number, offers in self._offers.items()
            for own in [choices.get(number, FLOAT32.name)]
            for name in offers if name != own and math.isfinite(self._error(number, name))
        ]  # fmt: skip
        pairs = [(a, b) for i, a in enumerate(steps) for b in steps[i + 1 :] if a[0] != b[0]]
        if len(pairs) > _MOST_PAIRS:
            pairs = self._random.sample(pairs, _MOST_PAIRS)
        moves = [*((step,) for step in steps), *pairs]
        saving = [move for move in moves if sum(step[2] for step in move) < 0]
        saving.sort(key=lambda move: sum(step[3] for step in move))
        return [{**choices, **{step[0]: step[1] for step in move}} for move in saving]

    def _neighbour(self, choices: dict[int, str]) -> dict[int, str]:
        """Return choices with one to three operators in another precision."""
        changed = dict(choices)
        for number in self._random.sample(
            list(self._offers), k=min(len(self._offers), self._random.choice((1, 1, 2, 2, 3)))
        ):
            changed[number] = self._random.choice(self._offers[number])
        return changed

    def _measure(self, choices: Mapping[int, str]) -> Iterator[Evaluation]:
        key = choice_of(choices)
        if key in self._known or self.is_exhausted:
            return
        sha256, figures = self._judge(dict(key))
        if sha256 in self._files:
            self._known[key] = self._files[sha256]
            self.state.repeats += 1
            return
        made = Evaluation(key, sha256, figures, len(self.state.found) + 1)
        self._known[key] = self._files[sha256] = made
        self.state.found.append(made)
        yield made


def choice_of(choices: Mapping[int, str]) -> Choice:
    """Return choices in the one form by which they are known."""
    return tuple(sorted((n, p) for n, p in choices.items() if p != FLOAT32.name))


def noise_of(found: Figures) -> float:
    """Return the error's power over the signal's; infinite where the candidate is of no use."""
    if found.problem is not None or math.isnan(found.sqnr_db):
        return math.inf
    if found.sqnr_db == math.inf:
        return 0.0
    return float(10 ** (-closeness_db(found) / 10))
