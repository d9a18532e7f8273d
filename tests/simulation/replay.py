"""Real sessions, replayed: what a TWS said, answer by answer, as a file of recordings holds it.

The file is JSON: `{"recorded": {"sets": {NAME: {"bootstrap": [...], "answers": {REQUEST: [...]},
"push": [...], "messages": [{"name", "raw", "req_id_field", "versions"}]}}}}`. `raw` is a message
without its length, its fields ended by NUL; the field `req_id_field` is replaced by the id of the
request that it answers; a message is sent where the session's version is in `versions`. Recordings
are other people's: they are read from where the user keeps them and are not kept here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final, NotRequired, TypedDict

from possync_tui.demo import AccountSetup, Desk, DeskError, GatewayOptions
from possync_tui.demo.answers import Answers
from possync_tui.demo.faults import ActiveFaults
from possync_tui.demo.requests import Request
from possync_tui.demo.session import Session
from possync_tui.domain.plan import HoldKind
from possync_tui.domain.position import Status
from tests.simulation.broken import InvariantBroken
from tests.simulation.virtual_loop import VirtualLoop
from tests.simulation.world import World

_MANAGED_ACCOUNTS: Final = "15"
_POSITION: Final = "61"
_UNSUBSCRIBED: Final = "0"


class _Told(TypedDict):
    name: str
    raw: str
    versions: tuple[int, int]
    req_id_field: NotRequired[int | None]


class _Set(TypedDict):
    bootstrap: list[str]
    answers: dict[str, list[str]]
    push: list[str]
    messages: list[_Told]


@dataclass(frozen=True)
class Message:
    """One message as it was on the wire, but for whose request it answers."""

    fields: tuple[str, ...]
    req_id_field: int | None

    def framed(self, req_id: int = -1) -> bytes:
        fields = list(self.fields)
        if self.req_id_field is not None:
            fields[self.req_id_field] = str(req_id)
        body = "".join(f"{text}\0" for text in fields).encode()
        return len(body).to_bytes(4, "big") + body


@dataclass(frozen=True)
class Recording:
    """A session: what was said at login, to each request, and unasked."""

    name: str
    bootstrap: tuple[Message, ...]
    answers: Mapping[str, tuple[Message, ...]]
    pushes: tuple[Message, ...]

    @property
    def accounts(self) -> tuple[str, ...]:
        said = [one.fields[2] for one in self.bootstrap if one.fields[0] == _MANAGED_ACCOUNTS]
        return tuple(code for text in said for code in text.split(",") if code)

    def rows(self) -> dict[tuple[str, int], tuple[Decimal, Decimal]]:
        """Quantity and average cost that the session told of each position."""
        told = [m.fields for m in self.answers["reqPositions"] if m.fields[0] == _POSITION]
        return {(f[2], int(f[3])): (Decimal(f[14]), Decimal(f[15])) for f in told}


def read_recordings(path: Path) -> list[Recording]:
    """The sessions in a file. `KeyError` where something that is named is not in it."""
    sets: dict[str, _Set] = json.loads(path.read_text())["recorded"]["sets"]
    return [_recording(name, told) for name, told in sets.items()]


def _recording(name: str, told: _Set) -> Recording:
    version = GatewayOptions().server_version
    by_name = {one["name"]: one for one in told["messages"]}

    def said(names: Sequence[str]) -> tuple[Message, ...]:
        known = [by_name[each] for each in names]
        return tuple(
            Message(tuple(one["raw"].split("\0")[:-1]), one.get("req_id_field"))
            for one in known
            if one["versions"][0] <= version <= one["versions"][1]
        )

    answers = {request: said(names) for request, names in told["answers"].items()}
    return Recording(name, said(told["bootstrap"]), answers, said(told["push"]))


class ReplayedAnswers(Answers):
    """Says what was recorded; what was not is answered by a desk without positions."""

    def __init__(self, recording: Recording, desk: Desk, options: GatewayOptions) -> None:
        super().__init__(desk, options, ActiveFaults())
        self._recording = recording

    def welcome(self, session: Session) -> None:
        session.send(*(one.framed() for one in self._recording.bootstrap))

    def answer(self, session: Session, request: Request) -> None:
        recorded = self._recording.answers.get(request.name)
        is_end = request.name == "reqAccountUpdates" and request.fields[2] == _UNSUBSCRIBED
        if not recorded or is_end:
            super().answer(session, request)
            return
        session.send(*(one.framed(request.req_id) for one in recorded))


class ReplayedWorld(World):
    """A trader whose TWS says what a recorded one said."""

    def __init__(self, seed: int, folder: Path, loop: VirtualLoop, recording: Recording) -> None:
        self.recording = recording
        super().__init__(seed, folder, loop)
        self.gateway._answers = ReplayedAnswers(recording, self.desk, self.gateway.options)

    def _make_desk(self) -> Desk:
        accounts = [AccountSetup(code, {}) for code in self.recording.accounts]
        return Desk(accounts, clock=self.broker_clock)

    def push(self) -> None:
        """What the session heard unasked is said again to who is connected."""
        for session in self.gateway._started():
            session.send(*(one.framed() for one in self.recording.pushes))

    async def check_told(self) -> None:
        """After a good sync each recorded row is in the ledger as it was told.

        Not so where the first login of all was garbled: then the session's account is another one
        than the ledger was begun with, and the user is asked.
        """
        views = await self.running().reads.positions()
        holds = await self.running().reads.holds()
        asked = {hold.account for hold in holds if hold.kind == HoldKind.NEW_ACCOUNT}
        known = {(v.account, v.con_id): (v.quantity, v.average_cost) for v in views
                 if v.status == Status.OPEN}  # fmt: skip
        for key, told in self.recording.rows().items():
            if known.get(key) != told and key[0] not in asked:
                raise InvariantBroken(f"{key} is {known.get(key)}, the session told {told}")


async def push_recorded(world: World, rng: Random) -> str:
    if not isinstance(world, ReplayedWorld):
        raise DeskError("nothing is recorded")
    world.push()
    return f"{len(world.recording.pushes)} messages of {world.recording.name}"
