"""The shapes that scripts rely on: what a row or an object of the output holds (README)."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from possync_tui.cli.render import Column, Row, time_text
from possync_tui.domain.position import Status

if TYPE_CHECKING:
    from possync_tui.domain.connection import ConnectionState
    from possync_tui.domain.observations import PriceEvidence
    from possync_tui.domain.runs import SyncResult
    from possync_tui.domain.views import (
        AccountView,
        EntryView,
        FillView,
        HoldView,
        LotView,
        PnlGrouping,
        PnlTotal,
        PositionView,
        RunView,
    )

    View = AccountView | EntryView | FillView | HoldView | LotView | PositionView | RunView

POSITION_COLUMNS = (
    Column("account", "Account"),
    Column("description", "Position"),
    Column("sec_type", "Type"),
    Column("quantity", "Quantity"),
    Column("average_price", "Avg price", 5),
    Column("current_price", "Last", 5),
    Column("market_value", "Market value", 2),
    Column("unrealized_pnl", "Unrealized", 2),
    Column("realized_pnl", "Realized", 2),
    Column("currency", "Cur"),
    Column("status", "Status"),
)
PAST_COLUMNS = (
    Column("account", "Account"),
    Column("description", "Position"),
    Column("sec_type", "Type"),
    Column("quantity", "Quantity"),
    Column("average_cost", "Avg cost", 4),
    Column("realized_pnl", "Realized", 2),
    Column("currency", "Cur"),
    Column("status", "Status"),
)
LOT_COLUMNS = (
    Column("account", "Account"),
    Column("description", "Position"),
    Column("opened", "Opened"),
    Column("quantity", "Quantity"),
    Column("price", "Price", 5),
    Column("cost", "Cost", 2),
    Column("currency", "Cur"),
    Column("commission", "Commission", 2),
    Column("commission_currency", "in"),
    Column("marks", "Marks"),
)
FILL_COLUMNS = (
    Column("time", "Time"),
    Column("account", "Account"),
    Column("symbol", "Symbol"),
    Column("side", "Side"),
    Column("quantity", "Quantity"),
    Column("price", "Price", 5),
    Column("currency", "Cur"),
    Column("commission", "Commission", 2),
    Column("commission_currency", "in"),
    Column("broker_realized_pnl", "Broker says", 2),
    Column("exec_id", "Execution"),
)
ENTRY_COLUMNS = (
    Column("id", "Entry"),
    Column("closed_at", "Closed"),
    Column("account", "Account"),
    Column("description", "Position"),
    Column("quantity_closed", "Quantity"),
    Column("entry_price", "Entry", 5),
    Column("exit_price", "Exit", 5),
    Column("commission", "Commission", 2),
    Column("realized_pnl", "Realized", 2),
    Column("currency", "Cur"),
    Column("quality", "Quality"),
    Column("kind", "Kind"),
)
RUN_COLUMNS = (
    Column("id", "Run"),
    Column("started_at", "Started"),
    Column("trigger", "Trigger"),
    Column("outcome", "Outcome"),
    Column("positions_seen", "Seen"),
    Column("created", "New"),
    Column("updated", "Updated"),
    Column("closed", "Closed"),
    Column("missing", "Missing"),
    Column("duration_ms", "ms"),
    Column("error", "Error"),
)
HOLD_COLUMNS = (
    Column("id", "ID"),
    Column("kind", "Kind"),
    Column("status", "Status"),
    Column("account", "Account"),
    Column("symbol", "Symbol"),
    Column("raised_at", "Since"),
    Column("message", "What"),
)
HELD_COLUMNS = (
    Column("currency", "Cur"),
    Column("positions", "Positions"),
    Column("market_value", "Market value", 2),
    Column("unrealized_pnl", "Unrealized", 2),
    Column("unknown", "Unknown"),
)
TOTAL_COLUMNS = (
    Column("currency", "Cur"),
    Column("realized_pnl", "Realized", 2),
    Column("commission", "Commission", 2),
    Column("entries", "Entries"),
    Column("unknown", "Unknown"),
)
_TOTAL_KEYS = ("currency", "realized_pnl", "commission", "entries", "unknown")


def row(view: "View") -> dict[str, object]:
    """A read model as a row; the names are those of the ledger's columns."""
    return {field.name: getattr(view, field.name) for field in fields(view)}


def keys_of(view_type: type["View"]) -> tuple[str, ...]:
    """The columns of a CSV file, also of one without rows."""
    return tuple(field.name for field in fields(view_type))


def result_object(result: "SyncResult") -> dict[str, object]:
    """What one sync did."""
    return {field.name: getattr(result, field.name) for field in fields(result)}


def connection_object(state: "ConnectionState") -> dict[str, object]:
    """The link as `watch --json` tells it."""
    return {
        "phase": state.phase,
        "host": state.host,
        "port": state.port,
        "client_id": state.client_id,
        "since": state.since,
        "sentence": state.sentence,
        "code": state.code,
        "attempt": state.attempt,
        "next_try_at": state.next_try_at,
        "server_version": state.server_version,
        "accounts": state.accounts,
    }


@dataclass(slots=True)
class _Held:
    currency: str
    positions: int = 0
    market_value: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    unknown: int = 0


def position_totals(positions: Iterable["PositionView"]) -> list[Row]:
    """Totals of what is held, per currency; virtual FX rows stay outside (design promise 4)."""
    totals: dict[str, _Held] = {}
    for view in positions:
        if view.status == Status.CLOSED or view.sec_type == "CASH":
            continue
        total = totals.setdefault(view.currency, _Held(view.currency))
        total.positions += 1
        total.unknown += view.market_value is None or view.unrealized_pnl is None
        total.market_value = _added(total.market_value, view.market_value)
        total.unrealized_pnl = _added(total.unrealized_pnl, view.unrealized_pnl)
    return [asdict(totals[currency]) for currency in sorted(totals)]


def _added(total: Decimal | None, amount: Decimal | None) -> Decimal | None:
    """The sum of what is known; `None` where nothing is."""
    return total if amount is None else amount + (total or 0)


def entry_columns(rows: Iterable[Row]) -> list[Column]:
    """Columns for people: those that say something of a few entries only where there are such."""
    seen = list(rows)
    extra = (
        ("price_source", Column("price", "Price from")),
        ("supersedes_id", Column("supersedes_id", "Replaces")),
        ("difference", Column("broker_realized_pnl", "Broker says", 2)),
        ("difference", Column("difference", "Difference", 2)),
    )
    shown = [column for key, column in extra if any(row[key] is not None for row in seen)]
    return [*ENTRY_COLUMNS, *shown]


def price_text(price: "PriceEvidence | None") -> str:
    """Where the price of an estimate came from, and how old it was."""
    return "" if price is None else f"{price.source}, {price.age_seconds:.0f} s old"


def lot_for_people(lot: "LotView") -> Row:
    """As printed: what is wrong with its cost in words, and of an unseen opening until when."""
    opened: object = lot.opened_at
    if lot.opened_before is not None:
        opened = f"before {time_text(lot.opened_before)}"
    return {**row(lot), "opened": opened, "marks": lot_marks(lot)}


def lot_marks(lot: "LotView") -> str:
    """What a lot's cost is not: seen at its opening, or complete."""
    marks = [
        name for name, is_so in (("seeded", lot.is_seeded), ("pending", lot.is_pending)) if is_so
    ]
    return ", ".join(marks)


def total_row(total: "PnlTotal") -> Row:
    """A total of one currency."""
    return {key: getattr(total, key) for key in _TOTAL_KEYS}


def group_row(
    total: "PnlTotal", by: "PnlGrouping", since: datetime | None, until: datetime | None
) -> Row:
    """A total with what finds its entries: the label, and of a calendar period the bounds."""
    bounds: Row = {}
    if total.start is not None and total.end is not None:
        bounds = {
            "from": total.start if since is None else max(total.start, since),
            "to": total.end if until is None else min(total.end, until),
        }
    return {by.value: total.label, **bounds, **total_row(total)}


def group_keys(by: "PnlGrouping") -> tuple[str, ...]:
    """The columns of the same as CSV."""
    bounds = ("from", "to") if by.unit else ()
    return tuple(dict.fromkeys((by.value, *bounds, *_TOTAL_KEYS)))


def group_columns(by: "PnlGrouping") -> list[Column]:
    """The columns of the same for people."""
    label = [] if by.value == "currency" else [Column(by.value, by.value.capitalize())]
    return [*label, *TOTAL_COLUMNS]
