"""The ledger file as another program sees it."""

import sqlite3
from contextlib import closing
from pathlib import Path


def rows_of(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What a query gives on a connection of its own."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def columns_of(path: Path, table: str) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [column[0] for column in db.execute(f"SELECT * FROM {table}").description]


def everything_in(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(path)) as db:
        names = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {name: db.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}


def tamper(path: Path, *statements: str) -> None:
    """Edit as a curious user with the sqlite3 shell would, past the triggers if told to."""
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def put_content(path: Path, content: bytes | bytearray) -> None:
    """Overwrite the file in place."""
    path.write_bytes(content)


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}
