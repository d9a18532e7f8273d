"""What every screen shares: the engine, the clock, and the ledger as it was last read."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from possync_tui.domain.clock import Clock
from possync_tui.domain.connection import Environment, Phase
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.runs import Outcome
from possync_tui.domain.terms import Status
from possync_tui.domain.values import dataclass
from possync_tui.domain.views import AccountView, HoldView, PnlBucket, PositionView, RunView
from possync_tui.ledger.port import EntryQuery
from possync_tui.sync.port import EnginePort
from possync_tui.tui.choices import ChoiceMemory
from possync_tui.tui.copying import Copier
from possync_tui.tui.format import Redaction, ago, clean
from possync_tui.tui.keymap import Keymap

if TYPE_CHECKING:
    from possync_tui.domain.first_look import Port

RUNS_READ = 60
NOBODY_ANSWERS = 502
"""The code of a connection that was refused."""
StartWork = Callable[[Coroutine[object, object, None], str], None]
"""Do something beside the app, named for the log should it fail."""


Probe = Callable[[], Awaitable["Sequence[Port]"]]
"""Looks where TWS may be found, the configured port first."""


class Reading:
    """Reads one at a time; asked for while it reads, it reads once more afterwards."""

    def __init__(
        self, start_work: StartWork, read: Callable[[], Awaitable[None]], name: str
    ) -> None:
        self._start_work = start_work
        self._read = read
        self._name = name
        self._is_reading = False
        self._is_asked_again = False

    def ask(self) -> None:
        """Read now, or once more after the reading under way."""
        if self._is_reading:
            self._is_asked_again = True
            return
        self._is_reading = True
        self._start_work(self._read_once(), self._name)

    async def _read_once(self) -> None:
        try:
            await self._read()
        finally:
            self._is_reading = False
        if self._is_asked_again:
            self._is_asked_again = False
            self.ask()


@dataclass(frozen=True, slots=True)
class LedgerPicture:
    """One reading of the ledger.

    `realized_today` is by currency, since midnight of `day` here: `None` where no amount is known;
    a currency that is not in it realized nothing.
    """

    positions: tuple[PositionView, ...] = ()
    accounts: tuple[AccountView, ...] = ()
    holds: tuple[HoldView, ...] = ()
    runs: tuple[RunView, ...] = ()
    realized_today: Mapping[str, Decimal | None] = field(default_factory=dict)
    day: date | None = None

    @property
    def is_read(self) -> bool:
        return self.day is not None

    @property
    def held(self) -> int:
        """How many things wait for the user's word."""
        return sum(1 for hold in self.holds if hold.status == "held")

    def held_of(self, account: str) -> int:
        """How many of them are about one account."""
        return sum(1 for h in self.holds if h.status == "held" and h.account == account)

    @property
    def missing(self) -> int:
        return sum(1 for view in self.positions if view.status == Status.MISSING)


class BookSeen(Protocol):
    """The ledger as a glance at it found it."""

    @property
    def positions(self) -> tuple[PositionView, ...]: ...

    @property
    def accounts(self) -> tuple[AccountView, ...]: ...

    @property
    def holds(self) -> tuple[HoldView, ...]: ...

    @property
    def runs(self) -> tuple[RunView, ...]: ...

    @property
    def realized(self) -> Mapping[str, Decimal | None]: ...


def first_picture(seen: BookSeen, now: datetime) -> LedgerPicture:
    """What the first frame shows; `seen` was realized since midnight of `now` here."""
    return LedgerPicture(
        positions=seen.positions,
        accounts=seen.accounts,
        holds=seen.holds,
        runs=seen.runs,
        realized_today=seen.realized,
        day=now.astimezone().date(),
    )


def midnight_before(now: datetime) -> datetime:
    """The beginning of today where the user is."""
    here = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return here.astimezone().astimezone(UTC)


def by_currency(buckets: Iterable[PnlBucket]) -> dict[str, Decimal | None]:
    """What was realized in each currency; `None` where there are only unknown amounts."""
    found: dict[str, Decimal | None] = {}
    for bucket in buckets:
        known = [
            amount
            for amount in (found.get(bucket.currency), bucket.realized_pnl)
            if amount is not None
        ]
        found[bucket.currency] = sum(known, Decimal(0)) if known else None
    return found


class Desk:
    """The trader's place: shared by all screens, changed only by the app."""

    def __init__(
        self,
        engine: EnginePort,
        clock: Clock,
        shown: Redaction,
        label: str,
        start_work: StartWork,
        *,
        choices: ChoiceMemory | None = None,
        keymap: Keymap | None = None,
        copier: Copier | None = None,
        export_folder: Path | None = None,
        probe: Probe | None = None,
        picture: LedgerPicture | None = None,
    ) -> None:
        self.choices = choices or ChoiceMemory()
        self.keymap = keymap or Keymap()
        self.copier = copier or Copier()
        self.export_folder = export_folder or Path()
        self.engine = engine
        self.probe = probe
        self.clock = clock
        self.shown = shown
        self.label = label
        self.start_work = start_work
        self.picture = picture or LedgerPicture()
        self.account: AccountView | None = None
        """The account that is looked at; `None` for all."""
        self.next_sync_in: float | None = None
        """Seconds, as last read: all that count down to it say the same."""
        self.shown.learn(account.code for account in self.picture.accounts)

    @property
    def is_live(self) -> bool:
        """Whether values on screen come from a working connection."""
        return self.engine.connection.is_usable

    @property
    def is_first_minute(self) -> bool:
        """Whether nothing was ever synced and nothing answers where TWS is expected."""
        state = self.engine.connection
        is_blank = self.engine.stats.last_sync_time is None and not self.picture.positions
        is_refused = state.last_error_code == NOBODY_ANSWERS and not state.is_usable
        return self.picture.is_read and is_blank and is_refused and not self.engine.is_read_only

    @property
    def read_only_sentence(self) -> str:
        """Why nothing is changed from here, and what to do about it."""
        if self.engine.has_writer:
            return (
                "Read-only: another instance writes this ledger. Close it, then start this one "
                "again."
            )
        leave = self.key_of("quit")
        return (
            "Read-only, and nobody syncs this ledger now: the other instance has ended. "
            f"{leave} quits; start again to sync here."
        )

    @property
    def environment(self) -> Environment | None:
        return self.engine.environment or self.engine.connection.environment

    @property
    def held_here(self) -> str:
        """`1 in this account`, of all that is held; empty while all accounts are looked at."""
        if self.account is None or not self.picture.held:
            return ""
        return f"{self.picture.held_of(self.account.code)} in this account"

    @property
    def account_id(self) -> int | None:
        return self.account.id if self.account else None

    def offers(self, action: str) -> bool:
        """Whether an action has an effect as things stand; its key works, and says why not."""
        engine = self.engine
        if action == "reconnect":
            return not engine.is_read_only
        if action == "toggle_pause":
            is_over = engine.connection.is_usable or engine.connection.phase in (
                Phase.STALE,
                Phase.FAILED,
            )
            return not (is_over or engine.is_read_only)
        if action == "find_tws":
            return self.probe is not None
        if action == "next_account":
            return len(self.picture.accounts) > 1
        return True

    def key_of(self, deed_id: str) -> str:
        """What the user presses for a deed."""
        return self.keymap.names(deed_id)

    def account_codes(self) -> tuple[str, ...]:
        """The accounts that we know of, by the ledger or by the connection."""
        codes = [account.code for account in self.picture.accounts]
        codes += [code for code in self.engine.connection.accounts if code not in codes]
        return tuple(codes)

    def next_account(self) -> AccountView | None:
        """The account after the one looked at; after the last comes `None`, all of them."""
        accounts = self.picture.accounts
        if len(accounts) < 2:
            return None
        if self.account is None:
            return accounts[0]
        after = [account for account in accounts if account.id > self.account.id]
        return after[0] if after else None

    async def read(self) -> LedgerPicture:
        """Read the ledger for the panes; works offline and while a sync writes."""
        reads = self.engine.reads
        now = self.clock.now()
        since = midnight_before(now)
        today = await reads.daily_pnl(EntryQuery(account_id=self.account_id, since=since))
        self.picture = LedgerPicture(
            positions=tuple(await reads.positions()),
            accounts=tuple(sorted(await reads.accounts(), key=lambda account: account.id)),
            holds=tuple(await reads.holds()),
            runs=tuple(await reads.runs(RUNS_READ)),
            realized_today=by_currency(today),
            day=now.astimezone().date(),
        )
        self.shown.learn(self.account_codes())
        return self.picture

    def name_of(self, key: PositionKey | None) -> str:
        """The label of a position, by what the ledger calls it."""
        if key is None:
            return ""
        for view in self.picture.positions:
            if view.key == key:
                return clean(view.description or view.symbol)
        return f"contract {key.con_id}"

    @property
    def is_yesterdays(self) -> bool:
        """Midnight passed since the ledger was read: “today” means another day now."""
        return self.picture.is_read and self.picture.day != self.clock.now().astimezone().date()

    def seconds_since(self, at: datetime) -> float:
        return max(0.0, (self.clock.now() - at).total_seconds())

    def seconds_until(self, at: datetime) -> float:
        return (at - self.clock.now()).total_seconds()

    def read_next_sync(self) -> None:
        """How long it is until then, by the clock as it stands now."""
        due = self.engine.next_sync_at
        self.next_sync_in = None if due is None else self.seconds_until(due)

    @property
    def last_error_at(self) -> tuple[datetime, bool] | None:
        """When the sync failed whose error the counters keep, and whether that is certain.

        Otherwise it was before then: of syncs only the latest are read.
        """
        runs = self.picture.runs
        for run in runs:
            if run.outcome != Outcome.COMMITTED:
                return run.started_at, True
        return (runs[-1].started_at, False) if runs else None

    @property
    def offline_sentence(self) -> str:
        """What a pane says of values that nothing keeps up to date; empty while live."""
        if self.is_live:
            return ""
        last = self.engine.stats.last_sync_time
        if last is None:
            return "never synced, not live"
        if self.engine.is_read_only:
            if not any(view.marked_at for view in self.picture.positions):
                return "no prices yet: they come with a sync there"
            return f"prices of the last sync, {ago(self.seconds_since(last))}"
        phase = self.engine.connection.phase
        state = "stale" if phase is Phase.STALE else "not live"
        return f"last synced {ago(self.seconds_since(last))}, {state}"
