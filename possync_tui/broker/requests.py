"""The only requests that this program may send to TWS or IB Gateway (design promise 10).

There is no order message among them, and nothing else leaves: the gate stands directly before the
socket (`wire.py`), so that a mistake anywhere above it raises instead of sending.
"""

from typing import Final

ALLOWED_REQUESTS: Final[dict[int, str]] = {
    6: "reqAccountUpdates",
    7: "reqExecutions",
    9: "reqContractDetails",
    49: "reqCurrentTime",
    61: "reqPositions",
    71: "startApi",
    94: "reqPnLSingle",
    95: "cancelPnLSingle",
}
"""Message ids of the TWS API with their names, all that may ever be sent."""

ALLOWED_IDS: Final = frozenset(str(number) for number in ALLOWED_REQUESTS)

_LENGTH_BYTES: Final = 4
_GREETING: Final = b"API\0"


class ForbiddenRequest(RuntimeError):
    """A message that is not on the list; nothing of it was sent."""


def check_request(message: str) -> None:
    """Raise `ForbiddenRequest` unless `message` (fields ended by NUL) is on the list."""
    request_id, _, _ = message.partition("\0")
    if request_id not in ALLOWED_IDS:
        raise ForbiddenRequest(f"request {request_id!r} is not one this program may send")


def check_frame(frame: bytes) -> None:
    """Raise `ForbiddenRequest` unless the bytes are the greeting or exactly one allowed request."""
    body = frame.removeprefix(_GREETING)
    length, message = body[:_LENGTH_BYTES], body[_LENGTH_BYTES:]
    if int.from_bytes(length) != len(message):
        raise ForbiddenRequest("not exactly one message")
    if len(body) == len(frame):
        check_request(message.decode(errors="replace"))
