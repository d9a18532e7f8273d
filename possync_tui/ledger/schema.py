"""The ledger's schema: numbered SQL files, each applied once and whole."""

import sqlite3
from collections.abc import Callable, Sequence

from possync_tui.domain.values import dataclass
from possync_tui.ledger.identity import APPLICATION_ID as APPLICATION_ID
from possync_tui.ledger.identity import newest_by_name as newest_by_name


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; the file's number is the version that it leads to."""

    version: int
    sql: str


def migrations() -> tuple[Migration, ...]:
    """All steps, oldest first, from the `.sql` files beside this module."""
    from importlib import resources  # it takes a while to load

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


def migrate(
    db: sqlite3.Connection,
    steps: Sequence[Migration],
    also: Callable[[sqlite3.Connection], None] | None = None,
) -> None:
    """Apply all that is missing, and what `also` adds, as one transaction: whole or not at all.

    Foreign keys rest meanwhile, so that a step may build a table anew, and are checked at the end.
    Raises `sqlite3.Error`; the schema is as it was then.
    """
    missing = [step for step in steps if step.version > version_of(db)]
    if not missing:
        return
    (enforced,) = db.execute("PRAGMA foreign_keys").fetchone()
    db.execute("PRAGMA foreign_keys = OFF")
    try:
        # One script, since `executescript` commits whatever stands open before it.
        db.executescript("BEGIN IMMEDIATE;\n" + "\n".join(step.sql for step in missing))
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {newest(missing)}")
        for table, _, parent, _ in db.execute("PRAGMA foreign_key_check"):
            raise sqlite3.IntegrityError(f"rows of {table} would refer to no row of {parent}")
        if also is not None:
            also(db)
        db.execute("COMMIT")
    except BaseException:
        # After some errors (disk full, I/O) SQLite has rolled back by itself.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    finally:
        db.execute(f"PRAGMA foreign_keys = {enforced}")
