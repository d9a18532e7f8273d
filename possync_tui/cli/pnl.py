"""`pnl`: realized entries with their totals, totals by something, and the fills of an entry."""

from collections.abc import AsyncIterator, Sequence

from possync_tui.cli import reads, shapes
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.cli.render import Row
from possync_tui.domain.exports import ENTRY_KEYS, entry_row
from possync_tui.domain.position import CostMethod, Quality
from possync_tui.domain.views import EntryView, FillView, LotView, PnlGrouping
from possync_tui.ledger.port import EntryQuery, LedgerReads


def pnl(call: Call) -> int:
    """Realized P&L: entries with totals, or totals by something."""
    arguments = call.arguments
    if arguments.fills is not None:
        _refuse_beside_fills(call)
        return reads.read(call, _fills)
    since, until = arguments.since, arguments.until
    if since is not None and until is not None and until <= since:
        raise CommandFailed(Exit.USAGE, "--to is before --from: nothing lies between them")
    if arguments.by and arguments.limit is not None:
        raise CommandFailed(Exit.USAGE, "--limit is of entries; totals (--by) are of all of them")
    return reads.read(call, _pnl)


def _refuse_beside_fills(call: Call) -> None:
    """`--fills ID` is about one entry: what chooses others has no say there."""
    given = vars(call.arguments)
    names = {"since": "from", "until": "to"}
    for name in (
        "since",
        "until",
        "account",
        "symbol",
        "currency",
        "quality",
        "by",
        "limit",
        "method",
    ):
        if given.get(name) is not None:
            option = names.get(name, name)
            raise CommandFailed(
                Exit.USAGE, f"--fills shows one entry; --{option} does not go with it"
            )


async def _pnl(call: Call, ledger: LedgerReads) -> int:
    query = await _query(call, ledger)
    totals = [
        shapes.total_row(total) for total in await ledger.pnl_totals(query, PnlGrouping.CURRENCY)
    ]
    if call.arguments.by:
        return await _groups(call, ledger, query, totals)
    match call.form:
        case "json":
            await call.out.json_pages("entries", _rows(ledger, query), {"totals": totals})
        case "csv":
            await call.out.csv_pages(ENTRY_KEYS, _rows(ledger, query))
        case _:
            _print_entries(call, await ledger.entries(query), totals)
    return Exit.DONE


async def _rows(ledger: LedgerReads, query: EntryQuery) -> AsyncIterator[Sequence[Row]]:
    """What programs get, page by page: there may be years of entries."""
    async for entries in ledger.entry_pages(query):
        yield [entry_row(entry) for entry in entries]


def _print_entries(call: Call, entries: Sequence[EntryView], totals: list[Row]) -> None:
    if not entries:
        call.out.line("No realized P&L.")
        return
    rows = [entry_row(entry) for entry in entries]
    call.out.table(shapes.entry_columns(rows), [_for_people(entry) for entry in entries])
    call.out.line()
    call.out.table(shapes.TOTAL_COLUMNS, totals)


async def _query(call: Call, ledger: LedgerReads) -> EntryQuery:
    arguments = call.arguments
    return EntryQuery(
        symbol=arguments.symbol,
        since=arguments.since,
        until=arguments.until,
        limit=arguments.limit,
        account_ids=await reads.chosen_accounts(call, ledger),
        currency=arguments.currency,
        quality=Quality(arguments.quality) if arguments.quality else None,
        method=reads.chosen_method(call),
    )


def _for_people(entry: EntryView) -> Row:
    """As printed: a price's source and age in one cell."""
    return {**entry_row(entry), "price": shapes.price_text(entry.price)}


async def _groups(call: Call, ledger: LedgerReads, query: EntryQuery, totals: list[Row]) -> int:
    by = PnlGrouping(call.arguments.by)
    found = await ledger.pnl_totals(query, by)
    rows = [shapes.group_row(total, by, query.since, query.until) for total in found]
    match call.form:
        case "json":
            call.out.json({"by": by.value, "groups": rows, "totals": totals})
        case "csv":
            call.out.csv(shapes.group_keys(by), rows)
        case _ if not rows:
            call.out.line("No realized P&L.")
        case _:
            call.out.table(shapes.group_columns(by), rows)
            if by is not PnlGrouping.CURRENCY:
                call.out.line()
                call.out.table(shapes.TOTAL_COLUMNS, totals)
    return Exit.DONE


async def _fills(call: Call, ledger: LedgerReads) -> int:
    entry_id = call.arguments.fills
    lots = await ledger.lots_of(entry_id)
    if lots is None:
        raise CommandFailed(Exit.USAGE, f"there is no entry {entry_id}; `possync-tui pnl` has them")
    rows = [shapes.row(fill) for fill in await ledger.fills_of(entry_id)]
    match call.form:
        case "json":
            taken = [shapes.row(lot) for lot in lots]
            call.out.json({"entry": entry_id, "fills": rows, "lots": taken})
        case "csv":
            call.out.csv(shapes.keys_of(FillView), rows)
        case _:
            if rows:
                call.out.table(shapes.FILL_COLUMNS, rows)
            else:
                call.out.line(f"No fills are known for entry {entry_id}.")
            call.out.line()
            _print_taken(call, lots)
    return Exit.DONE


def _print_taken(call: Call, lots: list[LotView]) -> None:
    if not lots:
        call.out.line("What it closed is known otherwise by now: a later entry replaced it.")
        return
    pooled = ", pooled" if lots[0].method == CostMethod.AVERAGE else ""
    call.out.line(f"Lots that it closed (by {lots[0].method}{pooled}):")
    call.out.table(shapes.LOT_COLUMNS, [shapes.lot_for_people(lot) for lot in lots])
