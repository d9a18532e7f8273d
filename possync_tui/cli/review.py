"""`review`: what is held, and the user's word on it."""

import asyncio
from datetime import UTC, datetime

from possync_tui.cli import compose, reads
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.domain.terms import HoldKind
from possync_tui.domain.views import HoldView
from possync_tui.domain.word import Word, why_unfit
from possync_tui.ledger.port import WordRefused


def review(call: Call) -> int:
    """List what is held, or decide."""
    arguments = call.arguments
    if arguments.action == "list":
        if arguments.price is not None or arguments.transfer:
            raise CommandFailed(Exit.USAGE, "--price and --transfer go with: review accept ID")
        if arguments.ids:
            raise CommandFailed(Exit.USAGE, "review list takes no ID; try: review accept ID")
        return reads.holds(call)
    if arguments.price is not None and len(arguments.ids) > 1:
        raise CommandFailed(Exit.USAGE, "--price is that of one position: give one ID")
    if not arguments.ids:
        raise CommandFailed(Exit.USAGE, f"review {arguments.action} needs the ID of a hold")
    return asyncio.run(_decide(call))


async def _decide(call: Call) -> int:
    arguments = call.arguments
    accept, ids = arguments.action == "accept", list(dict.fromkeys(arguments.ids))
    # Looked up by a reader first: a writer would make a ledger where there is none.
    async with compose.ledger_to_read(call.settings) as ledger:
        known = {hold.id: hold for hold in await ledger.holds()}
    for hold_id in ids:
        if hold_id not in known:
            raise CommandFailed(Exit.USAGE, f"nothing is held under ID {hold_id}")
        _refuse_unfit(call, known[hold_id])
    async with compose.ledger_to_write(call.settings) as writer:
        for hold_id in ids:
            try:
                await writer.decide(
                    hold_id,
                    accept=accept,
                    note=arguments.note,
                    at=datetime.now(UTC),
                    price=arguments.price,
                    is_transfer=arguments.transfer,
                )
            except WordRefused as refused:
                raise CommandFailed(Exit.USAGE, str(refused)) from refused
        left = {hold.id for hold in await writer.holds()}
    if call.form == "json":
        call.out.json(
            {
                "decided": ids,
                "accepted": accept,
                "note": arguments.note,
                "price": arguments.price,
                "transfer": arguments.transfer,
                "kept": [hold_id for hold_id in ids if hold_id in left],
            }
        )
    else:
        for hold_id in ids:
            call.out.line(f"{hold_id}: {_outcome(accept=accept, is_left=hold_id in left)}")
    return Exit.DONE


def _refuse_unfit(call: Call, hold: HoldView) -> None:
    """Before any is decided: a word that fits one hold, and not another, decides neither."""
    arguments = call.arguments
    if arguments.price is not None:
        # Of one position alone: what fits it is told when it is decided.
        return
    word = Word(arguments.action == "accept", is_transfer=arguments.transfer)
    unfit = why_unfit(word, HoldKind(hold.kind), "")
    if unfit is not None:
        raise CommandFailed(Exit.USAGE, f"Hold {hold.id}: {unfit}.")


def _outcome(*, accept: bool, is_left: bool) -> str:
    if not accept:
        return "kept as it is."
    if is_left:
        return "seen; it stays on the list for as long as it is there."
    return "accepted; the next sync carries it out."
