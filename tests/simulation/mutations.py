"""Spoiling bytes, messages and texts, the same way for the same random source."""

from collections.abc import Sequence
from random import Random

NASTY: tuple[bytes, ...] = (
    b"",
    b" ",
    b"0",
    b"-0",
    b"-1",
    b"1",
    b"nan",
    b"-NaN",
    b"sNaN",
    b"inf",
    b"-Infinity",
    b"1.7976931348623157E308",
    b"2147483647",
    b"2147483648",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"1e15",
    b"1e16",
    b"1e400",
    b"1E-400",
    b"1E+9999999",
    b"1E-9999999",
    b"1E+99999999999999999999",
    b"1e-39",
    b"9" * 400,
    b"0" * 14 + b"9" * 400,
    b"0." + b"1" * 60,
    b"1_000",
    b"1,000",
    b"+5",
    b" 5",
    b"5\n",
    b"0x10",
    b"--",
    b".",
    "٣".encode(),
    "１２".encode(),
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",
    "\u202eevil\u2069\u0301".encode(),
    "💥".encode(),
    b"\x1b]0;title\x07\x1b[2J",
    b"[bold]x[/]",
    b"'; DROP TABLE inbox; --",
    b"=cmd|' /C calc'!A0",
    b"../../../etc/passwd",
    b"a" * 5000,
    b"DU1000001",
    b"All",
    b"BOT",
    b"SLD",
    b"BAG",
    b"00010101",
    b"99991231",
    b"20260230",
    b"99991231 23:59:59 US/Eastern",
    b"00010101-00:00:00",
    b"20261101 01:30:00 Mars/Phobos",
    b"20261101 25:61:61 US/Eastern",
)

NO_NUMBERS = (
    b"",
    b"nan",
    b"inf",
    b"1.7976931348623157E308",
    b"1e16",
    b"1E+9999999",
    b"\x1d5",
    b"-",
)
"""What stands where TWS has no number, or might stand there: tried more often than the rest."""

LENGTHS = (0, 1, 3, 4, 5, 0x7F, 0x80, 0xFFFF, 0xFFFFF, 0xFFFFFF, 0x1000000, 0x7FFFFFFF, 0xFFFFFFFF)


def spoil_bytes(data: bytes, rng: Random, remembered: Sequence[bytes] = ()) -> bytes:
    """One thing wrong with some bytes: flipped, cut, repeated, or others in their place."""
    if not data:
        return rng.choice(NASTY)
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((1, 1, 2, 4, 9, 40, 300)))
    match rng.choice(("flip", "flip", "flip", "drop", "cut", "repeat", "insert", "splice")):
        case "flip":
            spoilt = bytearray(data)
            for _ in range(rng.choice((1, 1, 2, 5))):
                spoilt[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            return bytes(spoilt)
        case "drop":
            return data[:start] + data[end:]
        case "cut":
            return data[:start]
        case "repeat":
            return data[:end] + data[start:end] * rng.choice((1, 2, 30)) + data[end:]
        case "insert":
            return data[:start] + rng.choice(NASTY) + data[start:]
        case _:
            other = rng.choice(remembered) if remembered else rng.randbytes(end - start)
            at = rng.randrange(len(other) + 1)
            return data[:start] + other[at : at + end - start + 20] + data[end:]


def spoil_fields(fields: Sequence[bytes], rng: Random, others: Sequence[Sequence[bytes]]) -> bytes:
    """A message with a field nasty, gone, doubled, in another's place, or of another message."""
    spoilt = list(fields)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not spoilt:
            break
        at = rng.randrange(len(spoilt))
        match rng.choice(("nasty", "nasty", "nasty", "swap", "gone", "double", "borrow", "bytes")):
            case "nasty":
                spoilt[at] = rng.choice(NO_NUMBERS if rng.random() < 0.4 else NASTY)
            case "swap":
                to = rng.randrange(len(spoilt))
                spoilt[at], spoilt[to] = spoilt[to], spoilt[at]
            case "gone":
                del spoilt[at]
            case "double":
                spoilt.insert(at, spoilt[at])
            case "borrow" if others:
                other = rng.choice(others)
                spoilt[at] = rng.choice(other) if other else b""
            case _:
                spoilt[at] = spoil_bytes(spoilt[at], rng)
    return b"".join(field + b"\0" for field in spoilt)
