"""The ledger's schema: numbered SQL files, each applied once and whole."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

APPLICATION_ID = 0x50535954
"""`PSYT` at byte 68 of the file: an SQLite file without it is not ours."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; the file's number is the version that it leads to."""

    version: int
    sql: str


def migrations() -> tuple[Migration, ...]:
    """All steps, oldest first, from the `.sql` files beside this module."""
    folder = resources.files("possync_tui.ledger") / "migrations"
    found = [
        Migration(int(file.name.split("_", 1)[0]), file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    ]
    return tuple(sorted(found, key=lambda migration: migration.version))


def newest(steps: Sequence[Migration]) -> int:
    return steps[-1].version


def version_of(db: sqlite3.Connection) -> int:
    row: tuple[int] = db.execute("PRAGMA user_version").fetchone()
    return row[0]


def migrate(db: sqlite3.Connection, steps: Sequence[Migration]) -> None:
    """Apply what is missing. Each step is one transaction, its version number included.

    Raises `sqlite3.Error`; the steps before the failed one stay, nothing of it does.
    """
    for step in steps:
        if step.version <= version_of(db):
            continue
        try:
            db.executescript(
                "BEGIN IMMEDIATE;\n"
                f"PRAGMA application_id = {APPLICATION_ID};\n"
                f"{step.sql}\n"
                f"PRAGMA user_version = {step.version};\n"
                "COMMIT;"
            )
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
