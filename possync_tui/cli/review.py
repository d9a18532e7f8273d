"""`review`: what is held, and the user's word on it."""

import asyncio
from datetime import UTC, datetime

from possync_tui.cli import compose, reads
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
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
    accept = arguments.action == "accept"
    # Looked up by a reader first: a writer would make a ledger where there is none.
    async with compose.ledger_to_read(call.settings) as ledger:
        known = {hold.id for hold in await ledger.holds()}
    for hold_id in arguments.ids:
        if hold_id not in known:
            raise CommandFailed(Exit.USAGE, f"nothing is held under ID {hold_id}")
    async with compose.ledger_to_write(call.settings) as writer:
        for hold_id in arguments.ids:
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
    if call.form == "json":
        call.out.json(
            {
                "decided": arguments.ids,
                "accepted": accept,
                "note": arguments.note,
                "price": arguments.price,
                "transfer": arguments.transfer,
            }
        )
    else:
        for hold_id in arguments.ids:
            call.out.line(
                f"{hold_id}: accepted; the next sync carries it out."
                if accept
                else f"{hold_id}: kept as it is."
            )
    return Exit.DONE
