"""`review`: what is held, and the user's word on it."""

import asyncio
from datetime import UTC, datetime

from possync_tui.cli import compose, reads
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit


def review(call: Call) -> int:
    """List what is held, or decide."""
    arguments = call.arguments
    if arguments.action == "list":
        if arguments.ids:
            raise CommandFailed(Exit.USAGE, "review list takes no ID; try: review accept ID")
        return reads.holds(call)
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
            await writer.decide(hold_id, accept=accept, note=arguments.note, at=datetime.now(UTC))
    if call.form == "json":
        call.out.json({"decided": arguments.ids, "accepted": accept, "note": arguments.note})
    else:
        for hold_id in arguments.ids:
            call.out.line(
                f"{hold_id}: accepted; the next sync carries it out."
                if accept
                else f"{hold_id}: kept as it is."
            )
    return Exit.DONE
