"""Position rows: complete snapshots that were asked for, and pushes outside of them.

The API gives rows no request id, so order is all there is: what comes between our request and the
end marker is the snapshot, whatever comes outside is a push. A request that was not answered to its
end would let its tail end the next one, so then the session is over (shared IBKR facts, section 2).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from possync_tui.broker.context import SessionContext
from possync_tui.broker.endings import Ending
from possync_tui.broker.port import (
    BrokerError,
    BrokerTimeout,
    BrokerUnavailable,
    Notice,
    SnapshotRefused,
)
from possync_tui.broker.rows import RowReader, UnreadableRow
from possync_tui.domain.observations import PositionRow, RowPushed, Snapshot

_REPORTED_ROWS: Final = 5
_REMEMBERED: Final = 1000


@dataclass(slots=True)
class _Flight:
    """A request for positions that is not answered to its end yet."""

    started_at: datetime
    done: asyncio.Future[Snapshot]
    rows: dict[object, PositionRow] = field(default_factory=dict)
    taints: list[str] = field(default_factory=list)
    link_doubt: str = ""


class Positions:
    """Receives the position rows of one session. One snapshot is in flight at a time."""

    def __init__(
        self,
        context: SessionContext,
        reader: RowReader,
        request: Callable[[], None],
        clock_doubt: Callable[[], str],
        saw: Callable[[PositionRow], None],
    ) -> None:
        self._context = context
        self._reader = reader
        self._request = request
        self._lock = asyncio.Lock()
        self._flight: _Flight | None = None
        self._accounts: frozenset[str] = frozenset()
        self._strangers: set[str] = set()
        self._clock_doubt = clock_doubt
        self._saw = saw

    async def until_idle(self) -> None:
        """Wait for the requests that are in the queue now."""
        async with self._lock:
            return

    def admit(self, accounts: tuple[str, ...]) -> None:
        """Only rows of these accounts count: aggregates such as `All` hold nothing."""
        self._accounts = frozenset(accounts)

    async def snapshot(self, timeout: float) -> Snapshot:
        """Ask for all positions. `timeout` covers the wait for a request before this one too.

        Raises `SnapshotRefused`, `BrokerTimeout` or `BrokerUnavailable`. The session goes on only
        where the answer came to its end and nothing but the link of TWS to IBKR was in doubt.
        """
        try:
            async with asyncio.timeout(timeout), self._lock:
                self._context.check_usable()
                return await self._fly()
        except TimeoutError:
            raise BrokerTimeout(
                f"TWS did not send all positions within {timeout:g} s; the snapshot was dropped."
            ) from None

    async def _fly(self) -> Snapshot:
        done: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        flight = self._flight = _Flight(self._context.broker_now(), done)
        try:
            self._request()
            return await done
        except ConnectionError as error:
            raise BrokerUnavailable(f"The connection to TWS ended: {error}.") from error
        finally:
            if self._flight is flight:
                # Given up before the end marker: what is still to come must not end another one.
                self._flight = None
                self._context.end(
                    Ending("TWS did not send all positions in time; a new session is opened.")
                )

    def on_row(self, message: bytes) -> None:
        """Message 61."""
        try:
            row = self._reader.position(message)
        except UnreadableRow as bad:
            self._report(bad)
            return
        if row.account not in self._accounts:
            self._ignore_stranger(row.account)
            return
        self._saw(row)
        flight = self._flight
        if flight is None:
            self._push(row)
            return
        # The last row of a position wins. Without a contract id its contract tells rows apart.
        key = row.key
        flight.rows[key if key.con_id else (row.account, row.instrument)] = row

    def _push(self, row: PositionRow) -> None:
        doubt = "" if row.quantity else self._clock_doubt()
        if doubt:
            # It ends what was held when it came, and that is not known: the next snapshot shows it.
            self._context.end(Ending(f"{doubt} A new session is opened."))
            return
        received_at = self._context.broker_now()
        self._context.emit(RowPushed(row, self._context.session_id, received_at))

    def _report(self, bad: UnreadableRow) -> None:
        self.taint(str(bad))
        # One spoiled snapshot must not flood the log; the refusal counts them all.
        if self._flight is None or len(self._flight.taints) <= _REPORTED_ROWS:
            self._context.emit(Notice(None, f"{bad}.", is_problem=True))

    def _ignore_stranger(self, account: str) -> None:
        if account in self._strangers or len(self._strangers) >= _REMEMBERED:
            return
        self._strangers.add(account)
        text = f"Positions of {account[:20]!r}, which is no account of this login, are left out."
        self._context.emit(Notice(None, text, is_problem=False))

    def on_end(self, _fields: list[str]) -> None:
        """Message 62. The snapshot is taken here, so that the next row in line is a push."""
        flight = self._flight
        if flight is None or flight.done.done():
            return
        doubt = self._clock_doubt()
        if doubt:
            flight.taints.append(doubt)
        self._flight = None
        if flight.taints:
            self._give_up(flight, _refusal(flight.taints))
            return
        if flight.link_doubt:
            # The answer came to its end, so the session is in order; only its truth is in doubt.
            flight.done.set_exception(SnapshotRefused(_refusal([flight.link_doubt])))
            return
        flight.done.set_result(
            Snapshot(
                session_id=self._context.session_id,
                accounts=tuple(sorted(self._accounts)),
                rows=tuple(flight.rows.values()),
                started_at=flight.started_at,
                as_of=self._context.broker_now(),
            )
        )

    def taint(self, why: str) -> None:
        """Whatever comes, the snapshot in flight does not count."""
        if self._flight is not None and len(self._flight.taints) < _REMEMBERED:
            self._flight.taints.append(why)

    def doubt_link(self, why: str) -> None:
        """TWS lost or regained IBKR: the snapshot in flight does not count."""
        if self._flight is not None:
            self._flight.link_doubt = why

    def refuse(self, why: str) -> None:
        """The snapshot in flight will not come."""
        flight, self._flight = self._flight, None
        if flight is not None:
            self._give_up(flight, _refusal([why]))

    def _give_up(self, flight: _Flight, why: str) -> None:
        if not flight.done.done():
            flight.done.set_exception(SnapshotRefused(why))
        self._context.end(Ending(f"{why} A new session is opened."))

    def fail(self, error: BrokerError) -> None:
        """End the request in flight, if there is one, with `error`."""
        flight, self._flight = self._flight, None
        if flight is not None and not flight.done.done():
            flight.done.set_exception(error)


def _refusal(taints: list[str]) -> str:
    more = f" (and {len(taints) - 1} more)" if len(taints) > 1 else ""
    return f"The snapshot was refused, nothing changes: {taints[0]}{more}."
