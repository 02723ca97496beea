"""What it costs to start: importing TensorFlow against LiteRT, and each file's first inference.

Every figure comes from a process that was started for it, one at a time with the machine alone.
"""

from __future__ import annotations

import datetime
import json
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from converter.child_process import Worker
from converter.comparison import Comparison, write_whole
from converter.environment import read_environment
from converter.errors import DataError, LiteDriftError
from converter.limits import current_limits
from converter.measurement_lock import measuring_alone
from converter.sandbox import Permissions

START_COST_FILE = "start_cost.json"
ROUNDS = 3
TENSORFLOW, LITERT = "tensorflow", "ai_edge_litert.interpreter"
Listener = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class ImportCost:
    """Importing a package in a process that has Python and NumPy.

    Attributes:
        package: Its name.
        seconds: Of each process.
        resident_bytes: By how much its resident memory grew.
    """

    package: str
    seconds: list[float]
    resident_bytes: list[int]

    @property
    def median_seconds(self) -> float:
        """Median over the processes."""
        return statistics.median(self.seconds)

    @property
    def median_bytes(self) -> float:
        """Median over the processes."""
        return statistics.median(self.resident_bytes)


@dataclass(frozen=True, kw_only=True)
class FileStart:
    """A file's way from an imported LiteRT to its first answer.

    Attributes:
        recipe: The variant.
        load_ms: Loading and allocating, of each process.
        first_ms: The first inference.
        warm_ms: Median of 20 further ones.
        resident_bytes: By how much resident memory grew until the first answer.
        error: Why there are no figures; None where there are.
    """

    recipe: str
    load_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    warm_ms: list[float] = field(default_factory=list)
    resident_bytes: list[int] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class StartCosts:
    """All that was measured, with its conditions.

    Attributes:
        imports: TensorFlow and LiteRT.
        files: Each variant.
        created: When, UTC.
        cpu: On what.
    """

    imports: list[ImportCost]
    files: list[FileStart]
    created: str
    cpu: str

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        return cls(
            imports=[ImportCost(**each) for each in values["imports"]],
            files=[FileStart(**each) for each in values["files"]],
            created=values["created"],
            cpu=values["cpu"],
        )

    def save(self, folder: Path) -> Path:
        """Write `START_COST_FILE` and return its path."""
        path = folder / START_COST_FILE
        write_whole(path, json.dumps(self.to_json()).encode())
        return path


def load_start_costs(path: Path) -> StartCosts:
    """Read what `save` wrote.

    Raises:
        DataError: When the file is damaged.
    """
    try:
        return StartCosts.from_json(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as broken:
        raise DataError(
            f"{path.name}: expected the cost of starting, found a damaged file "
            f"({type(broken).__name__}); measure it again."
        ) from broken


def files_to_start(comparison: Comparison, files: Mapping[str, Path]) -> dict[str, Path]:
    """Return the `.tflite` of each variant of a run that runs here.

    Args:
        comparison: The run's result.
        files: The run's, by name.
    """
    return {
        v.recipe: files[v.file]
        for v in comparison.usable
        if v.runnable and v.file is not None and v.file in files
    }


def measure_start_costs(
    files: Mapping[str, Path],
    rounds: int = ROUNDS,
    listener: Listener = lambda _stage, _share: None,
) -> StartCosts:
    """Measure imports and first inferences, in turn, each in a fresh process.

    Args:
        files: The `.tflite` of each variant.
        rounds: Processes for each figure.
        listener: Told what is measured, and the share that is done; what it raises ends it all.

    Raises:
        WorkerError: When a package cannot be imported.
    """
    imports = {name: ImportCost(package=name, seconds=[], resident_bytes=[])
               for name in (LITERT, TENSORFLOW)}  # fmt: skip
    starts = {recipe: FileStart(recipe=recipe) for recipe in files}
    steps = rounds * (len(imports) + len(starts))
    done = 0
    listener("waiting for the machine", 0.0)
    with measuring_alone(lambda: listener("waiting for the machine", 0.0)):
        for _ in range(rounds):
            for package, cost in imports.items():
                listener(f"importing {package.split('.')[0]}", done / steps)
                answer = _ask((), "import_package", package=package)
                cost.seconds.append(answer["seconds"])
                cost.resident_bytes.append(answer["resident_bytes"])
                done += 1
            for recipe, path in files.items():
                listener(f"starting {recipe}", done / steps)
                starts[recipe] = _start(starts[recipe], path)
                done += 1
    return StartCosts(
        imports=list(imports.values()),
        files=list(starts.values()),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        cpu=read_environment(1).cpu,
    )


def _start(known: FileStart, path: Path) -> FileStart:
    if known.error is not None:
        return known
    resolved = path.resolve()
    try:
        answer = _ask((resolved,), "start_file", path=str(resolved))
    except LiteDriftError as error:
        return FileStart(recipe=known.recipe, error=str(error))
    for name in ("load_ms", "first_ms", "warm_ms", "resident_bytes"):
        getattr(known, name).append(answer[name])
    return known


def _ask(read: tuple[Path, ...], operation: str, /, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    # TensorFlow looks for a folder to write into as soon as it is imported.
    with (
        tempfile.TemporaryDirectory() as scratch,
        Worker(
            "converter.workers.start_cost", "a fresh process", task="while it started",
            permissions=Permissions(read=read, write=(Path(scratch).resolve(),)),
        ) as worker,
    ):  # fmt: skip
        return worker.ask(operation, current_limits().load_seconds, **fields)
