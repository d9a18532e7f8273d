"""`positions`: what the ledger holds, now or as it was known then, as positions or as lots."""

from possync_tui.cli import reads, shapes
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.cli.render import Row
from possync_tui.domain.views import LotView, PositionView
from possync_tui.ledger.port import LedgerReads


def positions(call: Call) -> int:
    """What the ledger holds."""
    if call.arguments.lots and call.arguments.all:
        raise CommandFailed(Exit.USAGE, "--lots shows what is open; --all does not go with it")
    return reads.read(call, _lots if call.arguments.lots else _positions)


async def _positions(call: Call, ledger: LedgerReads) -> int:
    at, method = call.arguments.as_of, reads.chosen_method(call)
    wanted = await reads.chosen_accounts(call, ledger)
    with_closed: bool = call.arguments.all
    if at is None:
        found = await ledger.positions(include_closed=with_closed, method=method)
    else:
        found = await ledger.positions_at(at, include_closed=with_closed, method=method)
    views = [view for view in found if wanted is None or view.account_id in wanted]
    rows = [shapes.row(view) for view in views]
    totals = shapes.position_totals(views)
    match call.form:
        case "json":
            when: Row = {} if at is None else {"as_of": at}
            call.out.json({**when, "positions": rows, "totals": totals})
        case "csv":
            call.out.csv(shapes.keys_of(PositionView), rows)
        case _ if not rows and at is not None:
            call.out.line(f"No positions were known on {at:%Y-%m-%d at %H:%M:%S}.")
        case _ if not rows:
            call.out.line("None." if with_closed else "No positions in the ledger yet.")
        case _ if at is not None:
            call.out.table(shapes.PAST_COLUMNS, rows)
        case _:
            call.out.table(shapes.POSITION_COLUMNS, rows)
            call.out.line()
            call.out.table(shapes.HELD_COLUMNS, totals)
    return Exit.DONE


async def _lots(call: Call, ledger: LedgerReads) -> int:
    at = call.arguments.as_of
    wanted = await reads.chosen_accounts(call, ledger)
    views = [
        view
        for view in await ledger.lots(method=reads.chosen_method(call), at=at)
        if wanted is None or view.account_id in wanted
    ]
    rows = [shapes.row(view) for view in views]
    match call.form:
        case "json":
            when: Row = {} if at is None else {"as_of": at}
            call.out.json({**when, "lots": rows})
        case "csv":
            call.out.csv(shapes.keys_of(LotView), rows)
        case _ if not rows:
            call.out.line("No open lots.")
        case _:
            call.out.table(shapes.LOT_COLUMNS, [shapes.lot_for_people(view) for view in views])
    return Exit.DONE
