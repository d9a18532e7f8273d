"""`possync-tui watch` that tells, on a pipe, what its ledger has made durable.

`python -m tests.simulation.telling_watch FD`: one line of JSON for each write that returned. A line
in the pipe outlives a kill, so what it says has to be in the ledger afterwards.
"""

import json
import os
import sys
from collections.abc import Sequence

from possync_tui.cli import main
from possync_tui.domain.observations import Commission, Fill, Observed
from possync_tui.domain.plan import Plan
from possync_tui.domain.runs import SyncResult
from possync_tui.ledger.store import Ledger


def tell_what_is_durable(descriptor: int) -> None:
    """Wrap the two writes that the sync makes; each is told once it has returned."""
    record, commit = Ledger.record, Ledger.commit

    def tell(line: dict[str, object]) -> None:
        # Shorter than PIPE_BUF, or written in one go by the only writer: never half a line between.
        os.write(descriptor, json.dumps(line).encode() + b"\n")

    async def told_record(self: Ledger, observations: Sequence[Observed]) -> int:
        new = await record(self, observations)
        if new:
            tell(
                {
                    "seq": self.last_seq,
                    "fills": [o.exec_id for o in observations if isinstance(o, Fill)],
                    "reports": [o.exec_id for o in observations if isinstance(o, Commission)],
                }
            )
        return new

    async def told_commit(self: Ledger, plan: Plan, result: SyncResult) -> SyncResult:
        done = await commit(self, plan, result)
        counts = [done.positions_seen, done.created, done.updated, done.closed]
        tell({"seq": self.last_seq, "run": done.run_id, "counts": counts})
        return done

    Ledger.record = told_record  # type: ignore[method-assign]
    Ledger.commit = told_commit  # type: ignore[method-assign]


if __name__ == "__main__":
    tell_what_is_durable(int(sys.argv[1]))
    sys.exit(main(["watch", "--json"]))
