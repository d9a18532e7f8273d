"""`pnl`: realized entries with their totals, totals by something, and the fills of an entry."""

from possync_tui.cli import reads, shapes
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.cli.render import Row
from possync_tui.domain.position import CostMethod, Quality
from possync_tui.domain.views import EntryView, FillView, PnlGrouping
from possync_tui.ledger.port import EntryQuery, LedgerReads


def pnl(call: Call) -> int:
    """Realized P&L: entries with totals, or totals by something."""
    return reads.read(call, _fills if call.arguments.fills is not None else _pnl)


async def _pnl(call: Call, ledger: LedgerReads) -> int:
    query = await _query(call, ledger)
    totals = [
        shapes.total_row(total) for total in await ledger.pnl_totals(query, PnlGrouping.CURRENCY)
    ]
    if call.arguments.by:
        return await _groups(call, ledger, query, totals)
    entries = await ledger.entries(query)
    rows = [shapes.entry_row(entry) for entry in entries]
    match call.form:
        case "json":
            call.out.json({"entries": rows, "totals": totals})
        case "csv":
            call.out.csv(shapes.ENTRY_KEYS, rows)
        case _ if not rows:
            call.out.line("No realized P&L.")
        case _:
            call.out.table(shapes.entry_columns(rows), [_for_people(e) for e in entries])
            call.out.line()
            call.out.table(shapes.TOTAL_COLUMNS, totals)
    return Exit.DONE


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
        method=CostMethod(arguments.method) if arguments.method else None,
    )


def _for_people(entry: EntryView) -> Row:
    """As printed: a price's source and age in one cell."""
    return {**shapes.entry_row(entry), "price": shapes.price_text(entry.price)}


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
    fills = await ledger.fills_of(entry_id)
    rows = [shapes.row(fill) for fill in fills]
    match call.form:
        case "json":
            call.out.json({"entry": entry_id, "fills": rows})
        case "csv":
            call.out.csv(shapes.keys_of(FillView), rows)
        case _ if not rows:
            raise CommandFailed(Exit.USAGE, f"entry {entry_id} is not there, or has no fills")
        case _:
            call.out.table(shapes.FILL_COLUMNS, rows)
    return Exit.DONE
