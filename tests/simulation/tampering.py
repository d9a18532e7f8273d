"""What a wire to TWS can do to messages on their way: come twice, late, in another order, never.

Left out is what TWS cannot do over TCP: an answer's rows cannot get lost alone (`omit_row` and
`empty` are faults of the broker itself), its end cannot overtake its rows or come twice, two rows
of one position keep their order, and so do the revisions of one execution.
"""

from collections.abc import Callable
from random import Random
from typing import Final

EXECUTION: Final = b"11"
_POSITION: Final = b"61"
_COMMISSION: Final = b"59"
_ENDS: Final = (b"62", b"55")
# Fills, their commissions, portfolio rows and P&L of a position, where nobody asked for them.
_SPOILABLE: Final = (b"59", b"7", b"95")
# Where the conId and the account (or what stands for the identity) are in a message.
_CON_ID, _ACCOUNT = 3, 2

WAYS: Final = ("double", "swap", "lose", "shuffle", "")


def frames_in(data: bytes) -> list[bytes] | None:
    """The whole frames in `data`, each with its length; `None` if it is anything else."""
    frames: list[bytes] = []
    while data:
        size = 4 + int.from_bytes(data[:4], "big")
        if len(data) < size:
            return None
        frames.append(data[:size])
        data = data[size:]
    return frames


def message_id(frame: bytes) -> bytes:
    return frame[4:].split(b"\0", 1)[0]


def _fields(frame: bytes) -> list[bytes]:
    return frame[4:].split(b"\0")


def _is_pushed(frame: bytes) -> bool:
    """Whether a message may come late or never: a fill that answers a request may not."""
    if message_id(frame) == EXECUTION:
        return frame[4:].split(b"\0", 2)[1] == b"-1"
    return message_id(frame) in _SPOILABLE


class Tampering:
    """Stands in the way from TWS to the program."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.way = ""
        self._held_back = b""
        self._bytes_left: int | None = None
        self._then: Callable[[], None] = lambda: None

    def cut_after(self, count: int, then: Callable[[], None]) -> None:
        """Let `count` bytes more through, then break the connection: in the middle of anything."""
        self._bytes_left, self._then = count, then

    def mend(self) -> None:
        self.way, self._bytes_left = "", None

    def __call__(self, data: bytes) -> bytes:
        return self._limited(self._spoiled(data))

    def _limited(self, data: bytes) -> bytes:
        if self._bytes_left is None:
            return data
        if len(data) < self._bytes_left:
            self._bytes_left -= len(data)
            return data
        data, self._bytes_left = data[: self._bytes_left], None
        self._then()
        return data

    def _spoiled(self, data: bytes) -> bytes:
        frames = frames_in(data)
        if frames is None:
            return data
        if self.way == "shuffle":
            return self._late() + b"".join(self._shuffled(frames))
        if not self.way or any(message_id(f) in (_POSITION, *_ENDS) for f in frames):
            return self._late() + data
        return self._pushes_spoiled(frames)

    def _late(self) -> bytes:
        late, self._held_back = self._held_back, b""
        return late

    def _pushes_spoiled(self, frames: list[bytes]) -> bytes:
        said = b""
        for frame in frames:
            spoil = self._rng.random() < 0.3 and _is_pushed(frame)
            if not spoil:
                said += frame + self._late()
            elif self.way == "double":
                said += frame + frame
            elif self.way == "swap":
                said += self._late()
                self._held_back = frame
            elif self.way != "lose":
                said += frame
        return said

    def _shuffled(self, frames: list[bytes]) -> list[bytes]:
        """Answers with their rows in another order and some of them twice, up to their end.

        Commission reports come ahead of their fills that way, too.
        """
        said: list[bytes] = []
        run: list[bytes] = []
        for frame in frames:
            if message_id(frame) in (_POSITION, EXECUTION, _COMMISSION):
                run += [frame, frame] if self._rng.random() < 0.2 else [frame]
                continue
            said += [*self._mixed(run), frame]
            run = []
        return said + self._mixed(run)

    def _mixed(self, frames: list[bytes]) -> list[bytes]:
        """In another order, but for what is told of one and the same thing."""
        queues: dict[bytes, list[bytes]] = {}
        for frame in frames:
            queues.setdefault(_subject(frame), []).append(frame)
        mixed: list[bytes] = []
        while queues:
            subject = self._rng.choice(list(queues))
            mixed.append(queues[subject].pop(0))
            if not queues[subject]:
                del queues[subject]
        return mixed


def _subject(frame: bytes) -> bytes:
    fields = _fields(frame)
    if fields[0] == _POSITION:
        return b"row " + b" ".join(fields[_ACCOUNT : _CON_ID + 1])
    if fields[0] == _COMMISSION:
        return b"report " + fields[2].rpartition(b".")[0]
    exec_id = next((f for f in fields if f.startswith(b"0000e0d5.")), b"")
    return b"fill " + exec_id.rpartition(b".")[0]
