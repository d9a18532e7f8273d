"""An engine on a real ledger file (that of the sync's tests), and statements imported into it."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from possync_tui.domain.plan import Plan
from possync_tui.domain.runs import SyncResult, Trigger
from possync_tui.flex.gather import gather, keys_of
from possync_tui.flex.statement import read_flex
from possync_tui.ledger.port import EntryQuery
from tests.flex.build import Sheet, write
from tests.sync.conftest import Rig, broker, clock, start

__all__ = ["broker", "clock", "start"]


@dataclass
class Importer:
    """Writes statements to files and imports them, as the command does."""

    folder: Path
    numbers: "count[int]"

    async def __call__(self, rig: Rig, *sheets: Sheet) -> tuple[SyncResult, Plan]:
        path = write(self.folder / f"flex-{next(self.numbers)}.xml", *sheets)
        statements = read_flex(path)
        histories = await rig.engine.ledger.histories(keys_of(statements))
        told = gather(statements, histories).observations
        done = await rig.engine.service.replan(Trigger.IMPORT, told)
        assert (await rig.engine.reads.verify()).problems == ()
        return done


@pytest.fixture
def importing(tmp_path: Path) -> Importer:
    return Importer(tmp_path, count(1))


Row = tuple[str, Decimal | None, str]


async def standing(rig: Rig) -> list[Row]:
    """Entries that no reversal undid, oldest first: kind, amount, quality."""
    entries = await rig.engine.reads.entries(EntryQuery())
    undone = {entry.supersedes_id for entry in entries if entry.kind == "REVERSAL"}
    return [
        (entry.kind, entry.realized_pnl, entry.quality)
        for entry in sorted(entries, key=lambda entry: (entry.closed_at, entry.id))
        if entry.kind != "REVERSAL" and entry.id not in undone
    ]


async def total(rig: Rig) -> Decimal:
    """The sum over all entries, reversals included."""
    entries = await rig.engine.reads.entries(EntryQuery())
    return sum((entry.realized_pnl or Decimal(0) for entry in entries), Decimal(0))
