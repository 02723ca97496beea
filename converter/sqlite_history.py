"""The history in SQLite, with one writer at a time and artifacts beside it.

The journal is a rollback journal with full syncs: write-ahead logging has a defect in the SQLite
of current systems (fixed in 3.51.3). A connection lives for one transaction, so threads and
processes share nothing.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from converter.artifact_store import ArtifactStore, Staged
from converter.errors import StoreError
from converter.history import (
    ACTIVE,
    QUEUED,
    RUNNING,
    KeptFile,
    KeptResult,
    Measurement,
    RunRecord,
)
from converter.queue_order import NOT_WAITING, Turn, Waiting, fair_order

_BUSY_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs(
  run_id TEXT PRIMARY KEY, name TEXT NOT NULL, model_name TEXT NOT NULL,
  model_sha256 TEXT NOT NULL, data_name TEXT, request TEXT NOT NULL, owner TEXT NOT NULL,
  status TEXT NOT NULL, error TEXT, created REAL NOT NULL, queued REAL NOT NULL, started REAL,
  finished REAL, tags TEXT NOT NULL, note TEXT NOT NULL, pinned INTEGER NOT NULL, deleted REAL,
  cancel_asked INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS runs_by_status ON runs(status);
CREATE TABLE IF NOT EXISTS run_files(
  run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL,
  sha256 TEXT NOT NULL, size_bytes INTEGER NOT NULL, PRIMARY KEY(run_id, name));
CREATE TABLE IF NOT EXISTS results(
  key TEXT PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS result_files(
  key TEXT NOT NULL REFERENCES results ON DELETE CASCADE, name TEXT NOT NULL,
  sha256 TEXT NOT NULL, size_bytes INTEGER NOT NULL, PRIMARY KEY(key, name));
CREATE TABLE IF NOT EXISTS run_results(
  run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
  key TEXT NOT NULL REFERENCES results ON DELETE CASCADE, PRIMARY KEY(run_id, key));
CREATE INDEX IF NOT EXISTS run_results_by_key ON run_results(key);
CREATE TABLE IF NOT EXISTS measurements(
  measurement_id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, key TEXT NOT NULL,
  created REAL NOT NULL, conditions TEXT NOT NULL, figures TEXT NOT NULL,
  sha256 TEXT NOT NULL, size_bytes INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS measurements_by_key ON measurements(key);
"""
_REFERRED = """
SELECT sha256, size_bytes FROM run_files UNION SELECT sha256, size_bytes FROM result_files
UNION SELECT sha256, size_bytes FROM measurements
"""
_SIZE = """
SELECT COALESCE(SUM(size_bytes), 0) FROM (
  SELECT sha256, size_bytes FROM run_files WHERE run_id = runs.run_id
  UNION SELECT sha256, size_bytes FROM result_files
        WHERE key IN (SELECT key FROM run_results WHERE run_id = runs.run_id)
  UNION SELECT sha256, size_bytes FROM measurements WHERE run_id = runs.run_id)
"""
_CHANGEABLE = {
    *("name", "tags", "note", "pinned", "deleted", "cancel_asked", "owner"),
}


class SqliteHistory:
    """See `History`.

    Args:
        path: The database file; made where it is missing.
        artifacts: Where the content of files lies.
    """

    def __init__(self, path: Path, artifacts: ArtifactStore) -> None:
        self._path = path
        self._artifacts = artifacts
        if not path.is_file() or path.stat().st_size == 0:
            with self._writing() as database:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)

    def add_run(self, record: RunRecord) -> bool:
        """See `History`."""
        values = {name: getattr(record, name) for name in vars(record) if name != "size_bytes"}
        values["request"] = json.dumps(values["request"])
        values["tags"] = json.dumps(values["tags"])
        with self._writing() as database:
            marks = ", ".join(f":{name}" for name in values)
            added = database.execute(
                f"INSERT INTO runs({', '.join(values)}) VALUES({marks}) "  # noqa: S608 - our names
                "ON CONFLICT(run_id) DO NOTHING",
                values,
            )
            return added.rowcount > 0

    def run(self, run_id: str) -> RunRecord:
        """See `History`."""
        with self._reading() as database:
            row = database.execute(
                f"SELECT *, ({_SIZE}) AS size_bytes FROM runs WHERE run_id = ?",  # noqa: S608
                (run_id,),
            ).fetchone()
        if row is None:
            raise StoreError(f"There is no run {run_id[:40]!r} here; it may have been deleted.")
        return _record(row)

    def runs(self) -> list[RunRecord]:
        """See `History`."""
        with self._reading() as database:
            rows = database.execute(
                f"SELECT *, ({_SIZE}) AS size_bytes FROM runs "  # noqa: S608
                "ORDER BY created DESC, run_id"
            ).fetchall()
        return [_record(row) for row in rows]

    def change(self, run_id: str, **fields: Any) -> None:  # noqa: ANN401 - a record's fields
        """See `History`."""
        unknown = set(fields) - _CHANGEABLE
        if unknown:
            raise ValueError(f"expected fields of a run, found {sorted(unknown)}")
        if "tags" in fields:
            fields["tags"] = json.dumps(fields["tags"])
        settings = ", ".join(f"{name} = :{name}" for name in fields)
        with self._writing() as database:
            changed = database.execute(
                f"UPDATE runs SET {settings} WHERE run_id = :run_id",  # noqa: S608 - our names
                {**fields, "run_id": run_id},
            )
            if not changed.rowcount:
                raise StoreError(f"There is no run {run_id[:40]!r} here; it may have been deleted.")

    def claim(self, run_id: str, slots: int, now: float) -> Turn:
        """See `History`."""
        with self._writing() as database:
            turn, running = _turn(database, run_id)
            if turn.position != 1 or running >= slots:
                return turn
            database.execute(
                "UPDATE runs SET status = ?, started = ? WHERE run_id = ?", (RUNNING, now, run_id)
            )
            return Turn(0, turn.waiting - 1)

    def turn(self, run_id: str) -> Turn:
        """See `History`."""
        with self._reading() as database:
            return _turn(database, run_id)[0]

    def end_if_active(self, run_id: str, status: str, error: str | None, now: float) -> bool:
        """See `History`."""
        with self._writing() as database:
            changed = database.execute(
                "UPDATE runs SET status = ?, error = ?, finished = ? "
                "WHERE run_id = ? AND status IN (?, ?)",
                (status, error, now, run_id, *ACTIVE),
            )
            return changed.rowcount > 0

    def requeue(self, run_id: str, owner: str, request: Mapping[str, Any], now: float) -> bool:
        """See `History`."""
        with self._writing() as database:
            changed = database.execute(
                "UPDATE runs SET status = ?, owner = ?, request = ?, queued = ?, started = NULL, "
                "finished = NULL, error = NULL, cancel_asked = 0 "
                "WHERE run_id = ? AND status NOT IN (?, ?)",
                (QUEUED, owner, json.dumps(request), now, run_id, *ACTIVE),
            )
            return changed.rowcount > 0

    def add_file(self, run_id: str, name: str, staged: Staged) -> None:
        """See `History`."""
        with self._keeping(staged) as database:
            database.execute(
                "INSERT OR REPLACE INTO run_files VALUES(?, ?, ?, ?)",
                (run_id, name, staged.sha256, staged.size_bytes),
            )

    def files(self, run_id: str) -> dict[str, KeptFile]:
        """See `History`."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT name, sha256, size_bytes FROM run_files WHERE run_id = ?", (run_id,)
            )
            return {name: KeptFile(sha256, size) for name, sha256, size in rows}

    def add_result(
        self,
        run_id: str,
        key: str,
        kind: str,
        value: Mapping[str, Any],
        files: Mapping[str, Staged],
    ) -> None:
        """See `History`."""
        with self._keeping(*files.values()) as database:
            database.execute(
                "INSERT INTO results VALUES(?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET "
                "kind = excluded.kind, value = excluded.value, created = excluded.created",
                (key, kind, json.dumps(value), time.time()),
            )
            database.execute("DELETE FROM result_files WHERE key = ?", (key,))
            database.executemany(
                "INSERT INTO result_files VALUES(?, ?, ?, ?)",
                [(key, name, item.sha256, item.size_bytes) for name, item in files.items()],
            )
            database.execute("INSERT OR IGNORE INTO run_results VALUES(?, ?)", (run_id, key))

    def find_result(self, run_id: str, key: str) -> KeptResult | None:
        """See `History`."""
        with self._writing() as database:
            row = database.execute(
                "SELECT value, created FROM results WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                return None
            files = database.execute(
                "SELECT name, sha256, size_bytes FROM result_files WHERE key = ?", (key,)
            ).fetchall()
            database.execute("INSERT OR IGNORE INTO run_results VALUES(?, ?)", (run_id, key))
        return KeptResult(
            value=json.loads(row[0]),
            created=row[1],
            files={name: KeptFile(sha256, size) for name, sha256, size in files},
        )

    def results_of(self, run_id: str, kind: str) -> int:
        """See `History`."""
        with self._reading() as database:
            found = database.execute(
                "SELECT COUNT(*) FROM run_results JOIN results USING(key) "
                "WHERE run_id = ? AND kind = ?",
                (run_id, kind),
            ).fetchone()
        return int(found[0])

    def knows_model(self, sha256: str) -> bool:
        """See `History`."""
        with self._reading() as database:
            found = database.execute(
                "SELECT 1 FROM runs JOIN run_results USING(run_id) WHERE model_sha256 = ? LIMIT 1",
                (sha256,),
            ).fetchone()
        return found is not None

    def add_measurement(
        self,
        run_id: str,
        key: str,
        conditions: Mapping[str, Any],
        figures: Mapping[str, Any],
        samples: Staged,
    ) -> None:
        """See `History`."""
        with self._keeping(samples) as database:
            database.execute(
                "INSERT INTO measurements(run_id, key, created, conditions, figures, sha256, "
                "size_bytes) VALUES(?, ?, ?, ?, ?, ?, ?)",
                (
                    *(run_id, key, time.time(), json.dumps(conditions), json.dumps(figures)),
                    *(samples.sha256, samples.size_bytes),
                ),
            )

    def measurements(self, run_id: str) -> list[Measurement]:
        """See `History`."""
        with self._reading() as database:
            return [
                _measurement(row)
                for row in database.execute(
                    "SELECT * FROM measurements WHERE run_id = ? ORDER BY measurement_id DESC",
                    (run_id,),
                )
            ]

    def find_measurement(self, key: str) -> Measurement | None:
        """See `History`."""
        with self._reading() as database:
            row = database.execute(
                "SELECT * FROM measurements WHERE key = ? ORDER BY measurement_id DESC LIMIT 1",
                (key,),
            ).fetchone()
        return None if row is None else _measurement(row)

    def purge(self, run_ids: Sequence[str]) -> None:
        """See `History`."""
        with self._writing() as database:
            database.executemany("DELETE FROM runs WHERE run_id = ?", [(id_,) for id_ in run_ids])
            database.execute(
                "DELETE FROM results WHERE key NOT IN (SELECT key FROM run_results)"
            )
        # Rows first, files after: a crash in between leaves a file without a row, which the next
        # purge finds. Within a transaction, so that nobody keeps the same content meanwhile.
        with self._writing() as database:
            referred = {row[0] for row in database.execute(_REFERRED)}
            for sha256, _ in list(self._artifacts.stored()):
                if sha256 not in referred:
                    self._artifacts.forget(sha256)

    def artifact_bytes(self) -> int:
        """See `History`."""
        with self._reading() as database:
            total = database.execute(
                f"SELECT COALESCE(SUM(size_bytes), 0) FROM ({_REFERRED})"  # noqa: S608
            ).fetchone()
        return int(total[0])

    def artifact_path(self, file: KeptFile) -> Path:
        """See `History`."""
        return self._artifacts.path(file.sha256)

    @contextlib.contextmanager
    def _keeping(self, *staged: Staged) -> Iterator[sqlite3.Connection]:
        """Keep staged content in the transaction that writes its rows, or not at all."""
        try:
            with self._writing() as database:
                for item in staged:
                    self._artifacts.keep(item)
                yield database
        except BaseException:
            for item in staged:
                self._artifacts.drop(item)
            raise

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as database:
            yield database

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            database = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                database.row_factory = sqlite3.Row
                database.execute("PRAGMA synchronous = FULL")
                database.execute("PRAGMA foreign_keys = ON")
                yield database
            finally:
                database.close()
        except (sqlite3.Error, OSError) as broken:
            reason = getattr(broken, "strerror", None) or str(broken)
            raise StoreError(
                f"{self._path.name}: the history of runs could not be read or written ({reason}); "
                "free some disk space, check the data folder's permissions and try again: what was "
                "kept before is safe."
            ) from broken


def _turn(database: sqlite3.Connection, run_id: str) -> tuple[Turn, int]:
    """Return where a run stands, and how many run."""
    rows = database.execute(
        "SELECT run_id, owner, status, queued FROM runs WHERE status IN (?, ?)", ACTIVE
    ).fetchall()
    served = database.execute(
        "SELECT owner, MAX(started) FROM runs WHERE started IS NOT NULL GROUP BY owner"
    )
    running = [row["owner"] for row in rows if row["status"] == RUNNING]
    waiting = [
        Waiting(row["run_id"], row["owner"], row["queued"])
        for row in rows
        if row["status"] == QUEUED
    ]
    order = fair_order(waiting, running, {row[0]: row[1] for row in served})
    position = order.index(run_id) + 1 if run_id in order else NOT_WAITING
    return Turn(position, len(order)), len(running)


def _record(row: sqlite3.Row) -> RunRecord:
    values = dict(row)
    values["request"] = json.loads(values["request"])
    values["tags"] = tuple(json.loads(values["tags"]))
    values["pinned"] = bool(values["pinned"])
    values["cancel_asked"] = bool(values["cancel_asked"])
    return RunRecord(**values)


def _measurement(row: sqlite3.Row) -> Measurement:
    return Measurement(
        key=row["key"],
        created=row["created"],
        conditions=json.loads(row["conditions"]),
        figures=json.loads(row["figures"]),
        samples=KeptFile(row["sha256"], row["size_bytes"]),
    )
