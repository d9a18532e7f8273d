"""Framing and number texts of the TWS socket protocol.

A frame is a big-endian 4-byte length and then fields, each ended by NUL; the field count per
message and the texts below are those of recorded sessions (TWS at server version 173, Gateway
at 200).
"""

import asyncio
import struct
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

UNSET_DOUBLE: Final = "1.7976931348623157E308"
UNSET_INTEGER: Final = "2147483647"
#: A request longer than this is no request (the official client refuses above 0xFFFFFF too).
MAX_REQUEST_BYTES: Final = 1_000_000
DESK_ZONE: Final = "US/Eastern"

Field: TypeAlias = str | int | Decimal


class WireError(Exception):
    """The peer sent something that is not the TWS protocol."""


class TimeForm(StrEnum):
    """How execution times are written; TWS versions and settings differ."""

    ZONED = "zoned"  # 20250415 09:38:31 US/Eastern
    ZONELESS = "zoneless"  # 20250415  09:38:31, in the zone of the machine that TWS runs on
    UTC = "utc"  # 20250415-13:38:31


def frame(payload: bytes) -> bytes:
    """The payload with its length in front."""
    return struct.pack(">I", len(payload)) + payload


def message(*fields: Field) -> bytes:
    """One framed message; every field is ended by NUL, so none can hold one."""
    text = "".join(f"{_text(field)}\0" for field in fields)
    return frame(text.encode("utf-8", errors="surrogatepass"))


def _text(field: Field) -> str:
    text = plain(field) if isinstance(field, Decimal) else str(field)
    return text.replace("\0", "")


def plain(number: Decimal) -> str:
    """Shortest positional text: no exponent, no trailing zeros, no minus zero."""
    if not number.is_finite():
        raise ValueError(f"not a finite number: {number}")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def double(number: Decimal) -> str:
    """A double as Java prints it: always with a decimal point (``0.0``, ``450.0``)."""
    text = plain(number)
    return text if "." in text else f"{text}.0"


def cents(number: Decimal) -> str:
    """An amount with two decimals, as account and portfolio values have it."""
    return format(number.quantize(Decimal("0.01")) + 0, "f")


def rounded(number: Decimal, places: int) -> str:
    """A number with at most ``places`` decimals."""
    return plain(number.quantize(Decimal(1).scaleb(-places)))


def time_text(moment: datetime, form: TimeForm, zone: str) -> str:
    """An execution time, to the second, as TWS writes it in that form."""
    if form is TimeForm.UTC:
        return moment.astimezone(UTC).strftime("%Y%m%d-%H:%M:%S")
    local = moment.astimezone(ZoneInfo(zone))
    if form is TimeForm.ZONELESS:
        return local.strftime("%Y%m%d  %H:%M:%S")
    return f"{local.strftime('%Y%m%d %H:%M:%S')} {zone}"


def parse_filter_time(text: str, zone: str) -> datetime:
    """The time of an execution filter: the three forms above, blank zone meaning ``zone``.

    Raises ``WireError`` for anything else.
    """
    try:
        if "-" in text:
            return datetime.strptime(text, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
        day, clock, *rest = text.split()
        named = ZoneInfo(rest[0]) if rest else ZoneInfo(zone)
        return datetime.strptime(f"{day} {clock}", "%Y%m%d %H:%M:%S").replace(tzinfo=named)
    except (ValueError, KeyError, OSError) as error:
        raise WireError(f"not a time: {text!r}") from error


async def read_frame(reader: asyncio.StreamReader) -> list[str]:
    """The fields of the next frame; ``IncompleteReadError`` when the peer is gone."""
    (size,) = struct.unpack(">I", await reader.readexactly(4))
    if size > MAX_REQUEST_BYTES:
        raise WireError(f"frame of {size} bytes")
    text = (await reader.readexactly(size)).decode("utf-8", errors="backslashreplace")
    fields = text.split("\0")
    if fields[-1] == "":
        fields.pop()
    return fields
