"""What a search of mixed precision has to beat at equal evaluations."""

from converter.candidate_search import CandidateSearch, choice_of, noise_of
from converter.precision import FLOAT32


class RandomSearch(CandidateSearch):
    """Draws a precision for every operator at random: what a search has to beat."""

    def run(self):
        """Yield each distinct candidate as it is measured."""
        misses = 0
        while not self.is_exhausted and misses < 20 * self._most:  # noqa: PLR2004
            made = list(self._measure({
                number: self._random.choice(offers) for number, offers in self._offers.items()
            }))  # fmt: skip
            misses += not made
            yield from made


class GreedySearch(CandidateSearch):
    """From float32, again and again the one step that saves most for its measured error."""

    def run(self):
        """Yield each distinct candidate as it is measured."""
        current = {}
        while not self.is_exhausted:
            best = None
            for number, offers in self._offers.items():
                for name in offers:
                    changed = {**current, number: name}
                    saved = self._saved(current, number, name)
                    if saved <= 0:
                        continue
                    yield from self._measure(changed)
                    known = self._known.get(choice_of(changed))
                    if known is None or not self.state.holds(known):
                        continue
                    rate = saved / (noise_of(known.figures) + 1e-12)
                    if best is None or rate > best[0]:
                        best = (rate, changed)
            if best is None:
                return
            current = best[1]

    def _saved(self, current, number, name):
        return self._cost(number, current.get(number, FLOAT32.name)) - self._cost(number, name)
