"""What came of the attack: a table by format, and the inputs that broke a promise."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.attack import Case
from tests.fuzz.promises import ENDS, Outcome

_COLUMNS = ("inputs", "runs", *ENDS, "contained", "broken")


class Report:
    """Counts outcomes and keeps what broke a promise.

    Args:
        folder: Gets each input that broke one, with how to try it again.
        seed: Of the attack.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.tried = 0
        self.broken = 0
        self._contained = 0
        self._folder = folder
        self._seed = seed
        self._began = time.monotonic()
        self._rows: dict[str, Counter[str]] = {}

    def add(self, case: Case, *outcomes: Outcome) -> None:
        """Count an input by how it ended: its run, or its inspection where it was not run."""
        self.tried += 1
        row = self._rows.setdefault(case.format, Counter())
        row["inputs"] += 1
        row["runs"] += len(outcomes) - 1
        row[outcomes[-1].status] += 1
        contained = sum(len(outcome.contained) + outcome.is_contained for outcome in outcomes)
        row["contained"] += contained
        self._contained += contained
        faults = [fault for outcome in outcomes for fault in outcome.broken]
        row["broken"] += len(faults)
        self.broken += len(faults)
        if faults:
            self._keep(case, faults)

    def _keep(self, case: Case, faults: list[str]) -> None:
        place = self._folder / f"seed-{self._seed}" / f"{self.tried:05d}"
        place.mkdir(parents=True, exist_ok=True)
        kept = place / f"input{case.path.suffix}"
        shutil.copyfile(case.path, kept)
        command = f"python -m tests.fuzz --file {kept} --name {case.name[:100]!r}"
        if case.model:
            model = place / f"model{case.model.suffix}"
            shutil.copyfile(case.model, model)
            command += f" --as-data-for {model}"
        about = [f"{case.format}: {case.label}", *faults, f"again: {command}"]
        (place / "about.txt").write_text("\n".join(about) + "\n", "utf-8", "replace")
        print(f"BROKEN, input {self.tried}, kept in {place}:", *about, sep="\n  ", flush=True)

    def table(self) -> str:
        """Return the table, and in its last line the sums."""
        width = max(map(len, self._rows), default=0)
        heads = "  ".join(f"{name:>9}" for name in _COLUMNS)
        lines = [f"{'format':<{width}}  {heads}"]
        total: Counter[str] = Counter()
        for name, row in self._rows.items():
            total.update(row)
            lines.append(_line(name, row, width))
        lines.append(_line("all", total, width))
        seconds = time.monotonic() - self._began
        lines += [
            f"seed {self._seed}, {seconds:.0f} s",
            f"inputs tried {self.tried}, crashes contained {self._contained}, "
            f"promises broken {self.broken}",
        ]
        return "\n".join(lines)


def _line(name: str, row: Counter[str], width: int) -> str:
    figures = "  ".join(f"{row[column]:>9}" for column in _COLUMNS)
    return f"{name:<{width}}  {figures}"
