"""What keys ask of the engine: each only starts work, and what came of it is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Literal

from possync_tui.domain.connection import ConnectionState, Phase
from possync_tui.domain.runs import Outcome
from possync_tui.tui.navigation import Navigation
from possync_tui.tui.reconnecting import ReconnectWatch
from possync_tui.tui.wishes import ConnectTo, Wish

if TYPE_CHECKING:
    from possync_tui.domain.word import Word
    from possync_tui.tui.screens.first_look import FirstLookScreen
    from possync_tui.tui.screens.review import ReviewScreen


class Steering(Navigation):
    """The engine belongs to the caller: here it is asked, never started or stopped."""

    wish: Wish | None = None
    """What the user wants instead of this dashboard, once it has ended."""

    def on_mount(self) -> None:
        self._reconnecting = ReconnectWatch()

    def read_ledger(self) -> None:
        """Read the tables again for the panes."""
        raise NotImplementedError

    def action_sync_now(self) -> None:
        engine = self.desk.engine
        if engine.is_read_only:
            self.notify(self.desk.read_only_sentence, severity="warning", markup=False)
            return
        if engine.is_syncing:
            self.say_in_log(logging.INFO, "manual", "a sync is running; another follows it")
        self.start_work(self._sync_now(), "sync")

    async def _sync_now(self) -> None:
        # Shielded: a sync that has begun is not given up because its screen went.
        result = await asyncio.shield(asyncio.ensure_future(self.desk.engine.sync_now()))
        if result.outcome is not Outcome.COMMITTED:
            reason = self.desk.shown.text(result.error or "") or "no reason given"
            self.notify(f"Sync {result.outcome.value}: {reason}", severity="warning", markup=False)

    def action_toggle_arming(self) -> None:
        if self.desk.engine.is_read_only:
            self.notify(self.desk.read_only_sentence, severity="warning", markup=False)
        elif self.desk.engine.arming.armed:
            self._arm(False)
        else:
            from possync_tui.tui.screens.arming import ArmingDialog

            dialog = ArmingDialog(self.desk.picture.missing, is_connected=self.desk.is_live)
            self.push_screen(dialog, self._arm)

    def _arm(self, armed: bool | None) -> None:
        if armed is None:
            return
        self.desk.engine.arm(armed)
        if armed and not self.desk.is_live:
            text = "Armed. Nothing is closed until TWS is connected and complete snapshots say so."
            self.notify(text, severity="warning", markup=False)
        for screen in self.desk_screens:
            screen.tick()

    def action_reconnect(self) -> None:
        engine = self.desk.engine
        if engine.is_read_only:
            self.notify(self.desk.read_only_sentence, severity="warning", markup=False)
            return
        self._reconnecting.begin(engine.connection)
        engine.reconnect_now()
        self.notify("Reconnecting…", markup=False, timeout=2)

    def tell_reconnected(self, state: ConnectionState) -> None:
        """What became of a reconnect that was asked for, once that is known."""
        told = self._reconnecting.outcome(state)
        if told is not None:
            went_well, text = told
            severity: Literal["information", "warning"] = "information" if went_well else "warning"
            self.notify(self.desk.shown.text(text), severity=severity, markup=False)

    def action_toggle_pause(self) -> None:
        engine = self.desk.engine
        if engine.is_read_only:
            self.notify(self.desk.read_only_sentence, severity="warning", markup=False)
        elif engine.connection.is_paused:
            self.action_reconnect()
        elif engine.pause_reconnecting():
            keys = f"{self.desk.key_of('pause')} or {self.desk.key_of('reconnect')}"
            text = f"Reconnecting is paused, after the try under way. {keys} resumes."
            self.notify(text, markup=False)
        elif engine.connection.phase is Phase.FAILED:
            again = self.desk.key_of("reconnect")
            self.notify(f"Nothing is tried now, so nothing to pause. {again} tries.", markup=False)
        else:
            self.notify("There is a session, so nothing to pause.", markup=False)

    def on_first_look_screen_wished(self, message: FirstLookScreen.Wished) -> None:
        wish, state = message.wish, self.desk.engine.connection
        if isinstance(wish, ConnectTo) and (wish.host, wish.port) == (state.host, state.port):
            self.action_leave_screen()
            self.action_reconnect()
            return
        self.wish = wish
        self.exit()

    def on_review_screen_decided(self, message: ReviewScreen.Decided) -> None:
        ids = [hold.id for hold in message.holds]
        what = f"deciding on {'hold' if len(ids) == 1 else 'holds'} {', '.join(map(str, ids))}"
        self.start_work(self._decide(ids, message.word), what)

    async def _decide(self, hold_ids: Sequence[int], word: Word) -> None:
        from possync_tui.tui.deciding import decide_each

        decided: Awaitable[None] = asyncio.ensure_future(
            decide_each(self.desk.engine, hold_ids, word)
        )
        try:
            await asyncio.shield(decided)
        finally:
            self.read_ledger()
        said = "accepted" if word.accept else "kept as it is"
        which = f"Hold {hold_ids[0]}" if len(hold_ids) == 1 else f"{len(hold_ids)} holds"
        self.notify(f"{which}: {said}.", markup=False, timeout=3)
