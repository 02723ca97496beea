"""`make fuzz`: sound, hostile and damaged files of every format against LiteDrift's promises.

Bounded and seeded; ends with 1 where a promise is broken, and keeps the file that broke it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

from tests.fuzz.attack import Attacker, Case
from tests.fuzz.corpus import build_corpus, read_corpus
from tests.fuzz.mutate import mutate
from tests.fuzz.promises import Outcome
from tests.fuzz.report import Report

CANCELLED_SHARE = 0.05
_HOSTILE_EACH = 3
"""One of so many inputs is a hostile one until all have been tried."""


def main() -> int:
    """Attack until the seconds or the inputs are used up, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=300.0, help="of attacking, at most")
    parser.add_argument("--inputs", type=int, default=100_000, help="files to try, at most")
    parser.add_argument(
        "--run-share", type=float, default=0.15, help="of refused inputs, also run (0 to 1)"
    )
    parser.add_argument("--hostile-only", action="store_true", help="no damaged files")
    parser.add_argument(
        "--keep", type=Path, default=Path(tempfile.gettempdir()) / "litedrift-fuzz-broken",
        help="folder for inputs that broke a promise",
    )  # fmt: skip
    parser.add_argument("--file", type=Path, help="try this file alone, as it is")
    parser.add_argument("--name", help="of --file: the name to upload it under")
    parser.add_argument("--as-data-for", type=Path, metavar="MODEL", help="--file holds samples")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="litedrift-fuzz-") as name, _attacker(Path(name)) as a:
        if options.file:
            return _try_file(a, options)
        print("building the corpus ...", flush=True)
        folder = Path(name) / "corpus"
        build_corpus(folder, a.person)
        report = Report(options.keep, options.seed)
        end = time.monotonic() + options.seconds
        for case in _cases(folder, options.seed, hostile_only=options.hostile_only):
            if time.monotonic() > end or report.tried >= options.inputs:
                break
            random = Random(f"run {options.seed} {report.tried}")
            report.add(case, *_attack(a, case, random, options.run_share))
        print(report.table())
        return 1 if report.broken else 0


@contextmanager
def _attacker(folder: Path) -> Iterator[Attacker]:
    attacker = Attacker(folder)
    before = dict(os.environ)
    os.environ.update(attacker.environment())
    try:
        yield attacker
    finally:
        os.environ.clear()
        os.environ.update(before)


def _cases(folder: Path, seed: int, *, hostile_only: bool) -> Iterator[Case]:
    """Yield the sound files, then damaged ones in turn by format, hostile ones between them."""
    usual, hostile = read_corpus(folder)
    random = Random(f"cases {seed}")
    random.shuffle(hostile)
    yield from usual
    if hostile_only:
        yield from hostile
        return
    contents = [case.path.read_bytes() for case in usual]
    count = 0
    while True:
        for case in usual:
            count += 1
            if count % _HOSTILE_EACH == 0 and hostile:
                yield hostile.pop()
            yield _damaged(case, contents, Random(f"damage {seed} {count}"), folder)


def _damaged(case: Case, others: list[bytes], random: Random, folder: Path) -> Case:
    content, what = mutate(case.path.read_bytes(), others, random)
    path = folder / f"damaged{''.join(case.path.suffixes)}"
    path.write_bytes(content)
    return replace(case, label=what, path=path)


def _attack(attacker: Attacker, case: Case, random: Random, share: float) -> list[Outcome]:
    """Inspect a file, and run it where it passes; of those that do not, a share."""
    outcomes = [attacker.inspect(case)]
    luck, moment = random.random(), random.uniform(0, 8)
    if outcomes[0].status == "done" or luck < share:
        cancel_after = moment if random.random() < CANCELLED_SHARE else None
        outcomes.append(attacker.run(case, cancel_after=cancel_after))
    attacker.forget()
    return outcomes


def _try_file(attacker: Attacker, options: argparse.Namespace) -> int:
    given = Path(attacker.home.parent) / "given"
    shutil.copyfile(options.file, given)
    case = Case(
        format="", label="", path=given, name=options.name or options.file.name,
        is_data=options.as_data_for is not None, model=options.as_data_for,
    )  # fmt: skip
    outcomes = _attack(attacker, case, Random(0), 1.0)
    for outcome in outcomes:
        print(f"{outcome.status} after {outcome.seconds:.1f} s: {outcome.message or 'no message'}")
        for line in [*outcome.contained, *outcome.broken]:
            print(f"  {line}")
    return 1 if any(outcome.broken for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
