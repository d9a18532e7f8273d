"""Copies of a ledger's files as crashes leave them, each of a kind that SQLite promises to recover.

A ledger is three files. The log (`-wal`) is a chain of checksums: what is behind a tear does not
count. The shared memory (`-shm`) is made anew by the first who opens the ledger. A log that was
begun again after its pages went into the main file is another log, told by the salt in its header:
no promise covers a main file that is older than that.
"""

import shutil
import struct
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random

_WAL_HEADER = 32
_FRAME_HEADER = 24
_LAST_FRAME, _SALT, _ATTEMPTED = 16, 32, 128
"""Where the shared memory has the number of frames that count, the log's salt, and how many frames
a checkpoint has begun to copy."""


class Kind(StrEnum):
    """How the copy is made."""

    ALL = "all three files"
    WITHOUT_SHM = "no shared memory"
    STALE_SHM = "shared memory of an earlier moment"
    TORN_SHM = "shared memory full of nonsense"
    EARLY_DB = "main file of an earlier moment"
    EARLY_WAL = "log of an earlier moment"
    CUT_WAL = "log cut at any byte"
    TORN_WAL = "log with a torn end"


@dataclass(frozen=True)
class Copied:
    """A copy; `is_whole` where all that was durable before it must be in it."""

    kind: Kind
    is_whole: bool = True


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@dataclass(frozen=True)
class Earlier:
    """What was read while the process ran on."""

    kind: Kind
    file: bytes | None
    salt: bytes | None
    main: bytes | None


def look_earlier(ledger: Path, kind: Kind) -> Earlier:
    """Begin a copy: read the file that this kind has of an earlier moment."""
    suffix = {Kind.STALE_SHM: "-shm", Kind.EARLY_DB: "", Kind.EARLY_WAL: "-wal"}.get(kind)
    if suffix is None:
        return Earlier(kind, None, None, None)
    salt, main = _salt(ledger), _content(ledger)
    return Earlier(kind, _content(beside(ledger, suffix)), salt, main)


def copy_ledger(ledger: Path, to: Path, earlier: Earlier, rng: Random) -> Copied:
    """Copy the files of a ledger that nobody writes just now.

    Where the earlier file and the others make no state that SQLite would recover, all are of now.
    """
    for part in ("", "-wal", "-shm"):
        if beside(ledger, part).exists():
            shutil.copyfile(beside(ledger, part), beside(to, part))
    kind, file = earlier.kind, earlier.file
    is_same_log = earlier.salt is not None and earlier.salt == _salt(ledger)
    match kind:
        case Kind.WITHOUT_SHM:
            beside(to, "-shm").unlink(missing_ok=True)
        case Kind.TORN_SHM if beside(to, "-shm").exists():
            beside(to, "-shm").write_bytes(rng.randbytes(beside(to, "-shm").stat().st_size))
        case Kind.STALE_SHM if file is not None:
            beside(to, "-shm").write_bytes(file)
        case Kind.EARLY_DB if file is not None and is_same_log:
            to.write_bytes(file)
        case Kind.EARLY_WAL if file is not None and is_same_log and earlier.main == _content(to):
            beside(to, "-wal").write_bytes(file)
        case Kind.CUT_WAL | Kind.TORN_WAL if (loose := _loose_bytes(to)) is not None:
            wal = beside(to, "-wal")
            whole = wal.read_bytes()
            at = rng.randint(*loose)
            rest = rng.randbytes(len(whole) - at) if kind is Kind.TORN_WAL else b""
            wal.write_bytes(whole[:at] + rest)
            return Copied(kind, is_whole=at == loose[1])
        case Kind.ALL:
            pass
        case _:
            return Copied(Kind.ALL)
    return Copied(kind)


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def _salt(ledger: Path) -> bytes | None:
    wal = beside(ledger, "-wal")
    if not wal.exists() or wal.stat().st_size < _WAL_HEADER:
        return None
    with wal.open("rb") as file:
        return file.read(_WAL_HEADER)[16:24]


def _loose_bytes(copy: Path) -> tuple[int, int] | None:
    """The part of the log that counts and is not on its way into the main file yet.

    A checkpoint makes the log durable before it copies a page, so no crash can lose that part.
    """
    wal, shm, salt = beside(copy, "-wal"), beside(copy, "-shm"), _salt(copy)
    if salt is None or not shm.exists():
        return None
    index = shm.read_bytes()
    if index[_SALT : _SALT + 8] != salt:
        # Begun again, with nothing in it so far: what the file holds is all in the main file.
        return None
    (page,) = struct.unpack(">I", wal.read_bytes()[8:12])
    (last,) = struct.unpack_from("=I", index, _LAST_FRAME)
    (attempted,) = struct.unpack_from("=I", index, _ATTEMPTED)
    size = _FRAME_HEADER + page
    return _WAL_HEADER + attempted * size, _WAL_HEADER + last * size
