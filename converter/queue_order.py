"""In which order waiting runs come to their turn: fair between those who submitted them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NOT_WAITING = -1


@dataclass(frozen=True)
class Waiting:
    """A run that waits.

    Attributes:
        run_id: The run.
        owner: Who submitted it.
        queued: When, as Unix time.
    """

    run_id: str
    owner: str
    queued: float


@dataclass(frozen=True)
class Turn:
    """Where a run stands.

    Attributes:
        position: 1 for the next in line; 0 for one that may run now; `NOT_WAITING` for one that
            has ended or runs already.
        waiting: How many wait.
    """

    position: int
    waiting: int


def fair_order(
    waiting: Iterable[Waiting], running: Iterable[str], last_served: Mapping[str, float]
) -> list[str]:
    """Return the waiting runs in the order of their turns.

    Of the owners who wait, the one with the fewest running runs is next, then the one who was
    served longest ago, then the one who came first; of one owner's runs, the one that came first.

    Args:
        waiting: Runs that wait, in any order.
        running: The owner of each running run.
        last_served: When a run of each owner began last, Unix time; missing for none.
    """
    lines: dict[str, list[Waiting]] = {}
    for run in sorted(waiting, key=lambda run: (run.queued, run.run_id)):
        lines.setdefault(run.owner, []).append(run)
    busy = Counter(running)
    served = dict(last_served)
    latest = max(served.values(), default=0.0)
    order: list[str] = []
    while lines:
        owner = min(
            lines, key=lambda name: (busy[name], served.get(name, -1.0), lines[name][0].queued)
        )
        order.append(lines[owner].pop(0).run_id)
        if not lines[owner]:
            del lines[owner]
        # As if it ran now: whoever is served goes to the end of the line.
        busy[owner] += 1
        latest += 1.0
        served[owner] = latest
    return order
