"""How a ledger is known. Loads nothing but `os`: the first look asks for it, too."""

import os

APPLICATION_ID = 0x50535954
"""`PSYT` at byte 68 of the file: an SQLite file without it is not ours."""


def newest_by_name() -> int:
    """The newest version of the schema, by the names of its steps. Raises `OSError`."""
    names = os.listdir(os.path.join(os.path.dirname(__file__), "migrations"))
    return max(int(name.split("_", 1)[0]) for name in names if name.endswith(".sql"))
