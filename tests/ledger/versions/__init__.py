"""Ledgers of every released schema version, each made by the program of that version."""

import gzip
from pathlib import Path

FOLDER = Path(__file__).parent


def kept() -> list[int]:
    """The versions that there is a file of."""
    return sorted(int(file.name.split(".")[0][1:]) for file in FOLDER.glob("v*.sqlite3.gz"))


def kept_file(version: int) -> Path:
    return FOLDER / f"v{version}.sqlite3.gz"


def unpack(version: int, path: Path) -> Path:
    """Put the ledger of `version` at `path`, as that program left it."""
    path.write_bytes(gzip.decompress(kept_file(version).read_bytes()))
    return path
