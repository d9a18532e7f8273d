"""The broker's true statement of a world, and the program's import of it."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from possync_tui.cli.no_broker import NoBroker
from possync_tui.demo import DeskError
from possync_tui.demo.records import Execution
from possync_tui.demo.wire import plain
from possync_tui.domain.runs import Trigger
from possync_tui.flex.gather import gather, keys_of
from possync_tui.flex.statement import Statement, read_flex
from possync_tui.ledger.port import LedgerError
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.events import EventBus
from possync_tui.sync.service import PositionSyncService
from tests.flex import build
from tests.simulation.bookings import ZONE, contract, in_money, stamp
from tests.simulation.broken import InvariantBroken
from tests.simulation.contracts import is_wider
from tests.simulation.world import World

_REFUSED = "refused"


def _sheet(world: World, account: str, before: datetime) -> build.Sheet:
    """Everything of an account until a midnight in New York."""
    booked = [
        item
        for item in world.booked
        if item.account == account and item.at < before and item.quantity
    ]

    def rows(section: str) -> list[build.Attributes]:
        return [item.row for item in booked if item.section == section]

    executed = [
        row
        for base, revisions in _by_base(world.desk.executions).items()
        if revisions[-1].account == account and revisions[-1].time < before
        for row in _rows_of(revisions, world.fees[base], is_rebooked=is_wider(world.seed))
    ]
    last = before - timedelta(hours=1)
    return build.Sheet(
        trades=[*executed, *rows("trades")],
        actions=rows("actions"),
        transfers=rows("transfers"),
        account=account,
        since=f"{world.began:%Y%m%d}",
        until=f"{last.astimezone(ZONE):%Y%m%d}",
        attributes={"whenGenerated": stamp(before + timedelta(hours=1))},
    )


def _by_base(executions: Iterable[Execution]) -> dict[str, list[Execution]]:
    """Each execution with its revisions, the last one last."""
    found: dict[str, list[Execution]] = {}
    for execution in executions:
        found.setdefault(_base_of(execution), []).append(execution)
    return found


def _rows_of(
    revisions: Sequence[Execution], fee: Decimal, *, is_rebooked: bool
) -> Iterator[build.Attributes]:
    """The last revision alone; or each, and what cancelled it, as after the day of a trade."""
    if not is_rebooked:
        yield _trade(revisions[-1], fee)
        return
    told = {execution.exec_id: execution for execution in revisions}
    for n, execution in enumerate(told.values(), start=1):
        row = _trade(execution, fee)
        yield row
        if n < len(told):
            yield row | {
                "quantity": plain(-execution.side.sign * execution.quantity),
                "buySell": f"{row['buySell']} (Ca.)",
                "transactionType": "TradeCancel",
                "ibExecID": "",
                "tradeID": "",
                "origTradeID": row["tradeID"],
                "ibCommission": plain(fee),
                "transactionID": f"{row['transactionID']} cancelled",
            }


def _base_of(execution: Execution) -> str:
    return execution.exec_id.rpartition(".")[0]


def _trade(execution: Execution, fee: Decimal) -> build.Attributes:
    return build.trade(
        plain(execution.side.sign * execution.quantity),
        plain(in_money(execution.instrument, execution.price)),
        stamp(execution.time),
        plain(-fee),
        exec_id=execution.exec_id,
        what=contract(execution.instrument),
        transactionID=execution.exec_id,
        tradeID=execution.exec_id,
    )


async def import_statement(world: World, rng: Random) -> str:
    """The user quits, imports what the broker says of all days until yesterday, and goes on."""
    if not world.has_baseline:
        raise DeskError("no account has been accepted")
    accepted = [a.code for a in await world.running().reads.accounts() if a.status == "accepted"]
    if not accepted:
        raise DeskError("no account has been accepted")
    whole = [_sheet(world, code, world.desk.midnight()) for code in accepted]
    # In two files, each with some of the rows, where the desk is a wider one.
    parts = _in_two(whole, rng) if is_wider(world.seed) else [whole]
    paths = [
        build.write(world.folder / f"statement-{n}.xml", *sheets) for n, sheets in enumerate(parts)
    ]
    await world.stop()
    said = ""
    for path in paths:
        said = await _imported(world, read_flex(path))
        if said.startswith(_REFUSED):
            break
    if not said.startswith(_REFUSED):
        for code in accepted:
            world.realized.told(code, world.desk.midnight())
    await world.boot()
    return said


def _in_two(sheets: Sequence[build.Sheet], rng: Random) -> list[list[build.Sheet]]:
    """Trades up to a moment in the first file, and those from one before it on in the second.

    All else is in both.
    """
    parts: list[list[build.Sheet]] = [[], []]
    for sheet in sheets:
        times = sorted({row["dateTime"] for row in sheet.trades}) or [""]
        since, until = sorted(rng.choices(times, k=2))
        early = [row for row in sheet.trades if row["dateTime"] <= until]
        late = [row for row in sheet.trades if row["dateTime"] >= since or row not in early]
        for part, trades in zip(parts, (early, late), strict=True):
            part.append(replace(sheet, trades=trades))
    return parts


async def import_all(world: World) -> None:
    """The next day: the statement of all that happened. Nothing keeps a true one out."""
    await world.stop()
    await asyncio.sleep(26 * 3600)
    await world.boot()
    said = await import_statement(world, Random(0))
    if said.startswith(_REFUSED):
        raise InvariantBroken(f"a true statement was {said}")


async def _imported(world: World, statements: Sequence[Statement]) -> str:
    try:
        ledger = await open_ledger(world.ledger_path, clock=world.clock)
    except LedgerError as error:
        return f"{_REFUSED}: {error}"
    try:
        service = PositionSyncService(
            broker=NoBroker(world.clock.now()),
            ledger=ledger,
            policy=world.policy,
            clock=world.clock,
            bus=EventBus(),
            may_close_missing=lambda: False,
            on_committed=_nothing_follows,
        )
        await service.load()
        told = gather(statements, await ledger.histories(keys_of(statements))).observations
        await service.replan(Trigger.IMPORT, told)
    except LedgerError as error:
        return f"{_REFUSED}: {error}"
    finally:
        await ledger.close()
    return f"{len(told)} observations"


async def _nothing_follows(*_: object) -> None:
    """As in the command."""
