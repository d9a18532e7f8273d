"""The states of the link: what TWS says, what silence means, and how the session comes back."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest

from possync_tui.broker.endings import Ending
from possync_tui.broker.port import (
    BrokerUnavailable,
    Notice,
    SnapshotRefused,
    StateChanged,
)
from possync_tui.broker.ports import Ports
from possync_tui.broker.session import IbkrBroker
from possync_tui.domain.connection import Environment, Phase
from possync_tui.domain.observations import ConnectivityLost, Fill, RowPushed
from tests.broker.conftest import QUICK, Connect
from tests.broker.scripted import (
    CURRENT_TIME,
    POSITIONS,
    START_API,
    Client,
    Fields,
    ScriptedTws,
    error,
    execution,
    position,
)


class SteppedClock:
    """A clock that stands still; the test decides when a sleeper wakes."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
        self.elapsed = 0.0
        self.sleeps: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.elapsed + seconds, woken))
        await woken

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds
        self.wall += timedelta(seconds=seconds)
        for due, woken in self._sleepers:
            if due <= self.elapsed and not woken.done():
                woken.set_result(None)


async def test_a_session_says_who_and_where_it_is(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect(client_id=5)
    state = session.broker.state
    assert (state.port, state.client_id, state.server_version) == (tws.port, 5, 176)
    assert state.accounts == ("DU1", "DU2")
    assert state.environment is Environment.PAPER
    assert session.phases == [Phase.CONNECTING, Phase.CONNECTED]
    await session.until(lambda: session.broker.state.round_trip_ms is not None)
    skew = session.broker.state.clock_skew
    assert skew is not None
    assert abs(skew) < 1.5


async def test_the_environment_can_be_given(connect: Connect) -> None:
    session = await connect(environment=Environment.DEMO)
    assert session.broker.state.environment is Environment.DEMO


async def test_a_closed_port_is_tried_again_later_and_later_with_jitter(begin: Connect) -> None:
    clock = SteppedClock()
    session = await begin(clock=clock, port=1, first_retry=1.0, longest_retry=60.0)
    rng = random.Random(1)
    for attempt, longest in enumerate([1, 2, 4, 8, 16, 32, 60, 60], start=1):

        def waits(number: int = attempt) -> bool:
            state = session.broker.state
            is_told = state.phase is Phase.RECONNECTING and state.attempt == number
            return is_told and len(clock.sleeps) == number

        await session.until(waits)
        rng.getrandbits(32)  # the session's id
        delay = longest * rng.uniform(0.5, 1.0)
        assert clock.sleeps[-1] == delay
        state = session.broker.state
        assert state.next_try_at == clock.wall + timedelta(seconds=delay)
        assert state.code == 502
        assert "IBKR_PORT" in state.sentence
        clock.advance(delay)


async def test_an_outage_lasts_through_all_tries(tws: ScriptedTws, connect: Connect) -> None:
    clock = SteppedClock()
    session = await connect(clock=clock)
    assert session.broker.state.down_since is None
    clock.advance(100)
    lost = clock.wall
    await tws.stop()
    for attempt in (1, 2, 3):

        def waits(number: int = attempt) -> bool:
            state = session.broker.state
            return state.attempt == number and state.next_try_at is not None

        await session.until(waits)
        state = session.broker.state
        assert state.down_since == lost
        assert (state.since == lost) is (attempt == 1)
        clock.advance(70)
    await tws.start()
    session.broker.reconnect_now()
    assert (await session.broker.connected(5)).down_since is None


async def test_reconnect_now_does_not_wait(tws: ScriptedTws, begin: Connect) -> None:
    await tws.stop()
    clock = SteppedClock()
    session = await begin(clock=clock)
    await session.until_phase(Phase.RECONNECTING)
    await tws.start()
    session.broker.reconnect_now()
    assert (await session.broker.connected(5)).is_usable


async def test_reconnect_now_replaces_a_session_that_stands(
    tws: ScriptedTws, connect: Connect
) -> None:
    clock = SteppedClock()
    session = await connect(clock=clock)
    first = session.broker.state
    session.broker.reconnect_now()
    await session.until(lambda: len(tws.clients) == 2, "a second login")
    second = await session.broker.connected(5)
    assert second.session_id != first.session_id
    assert second.last_error == ""


async def test_paused_nothing_is_tried_until_asked(tws: ScriptedTws, begin: Connect) -> None:
    await tws.stop()
    session = await begin()
    await session.until_phase(Phase.RECONNECTING)
    assert session.broker.pause_reconnecting()
    await session.until(lambda: session.broker.state.is_paused, "the pause")
    paused = session.broker.state
    assert paused.phase is Phase.DISCONNECTED
    assert paused.next_try_at is None
    assert (paused.last_error_code, paused.last_error[:15]) == (502, "Nothing answers")
    await tws.start()
    await asyncio.sleep(0.3)  # three times the longest wait between tries
    assert session.broker.state == paused
    assert tws.clients == []
    session.broker.reconnect_now()
    assert (await session.broker.connected(5)).is_paused is False


async def test_a_pause_ends_where_a_session_stands(tws: ScriptedTws, begin: Connect) -> None:
    """Nobody may forget a pause: a session that is lost later is opened again."""
    session = await begin()
    assert session.broker.pause_reconnecting()  # while it connects
    await session.broker.connected(5)
    assert not session.broker.pause_reconnecting()
    tws.client.drop()
    await session.until(lambda: len(tws.clients) == 2, "a second login")
    assert not (await session.broker.connected(5)).is_paused


async def test_a_pause_while_connecting_lets_that_try_end(tws: ScriptedTws, begin: Connect) -> None:
    session = await begin(port=1)
    assert session.broker.pause_reconnecting()
    await session.until(lambda: session.broker.state.is_paused, "the pause")
    assert Phase.RECONNECTING not in session.phases


async def test_a_pause_right_after_asking_to_reconnect_can_be_ended(
    tws: ScriptedTws, begin: Connect
) -> None:
    """Both keys within one turn of the loop: it said "Connecting." and never tried again."""
    await tws.stop()
    session = await begin()
    session.broker.pause_reconnecting()
    await session.until(lambda: session.broker.state.is_paused, "the pause")
    session.broker.reconnect_now()
    assert session.broker.pause_reconnecting()
    await session.until(lambda: session.broker.state.is_paused, "the second pause")
    await tws.start()
    session.broker.reconnect_now()
    assert not (await session.broker.connected(5)).is_paused


async def test_asking_while_a_try_under_pause_ends_undoes_the_pause(begin: Connect) -> None:
    session = await begin(port=1)
    session.broker.pause_reconnecting()
    session.broker.reconnect_now()
    await session.until(lambda: session.broker.state.attempt > 1, "a second try")
    assert not session.broker.state.is_paused


async def test_stopping_ends_a_pause(begin: Connect) -> None:
    session = await begin(port=1)
    session.broker.pause_reconnecting()
    await session.until(lambda: session.broker.state.is_paused, "the pause")
    await session.broker.stop()
    assert not session.broker.state.is_paused


async def test_the_last_error_is_kept_with_its_code_and_time(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    tws.client.send(error(1100, "Connectivity lost"))
    await session.until_phase(Phase.STALE)
    lost = session.broker.state
    assert (lost.last_error_code, lost.last_error) == (1100, lost.sentence)
    tws.client.send(error(1102, "Connectivity restored"))
    back = await session.broker.connected(5)
    assert back.code is None
    assert (back.last_error, back.last_error_code) == (lost.last_error, 1100)
    assert back.last_error_at == lost.last_error_at


@pytest.mark.parametrize("said", ["DU1,\x7fU2", "DU1,D", "DU1,\u20acU2", "DU1;U2", "1234567"])
async def test_a_login_that_names_what_is_no_account_is_tried_again(
    tws: ScriptedTws, begin: Connect, said: str
) -> None:
    """A new ledger is bound to what it meets first, and anything but DU is taken for live money."""
    tws.accounts = said
    session = await begin()
    await session.until_phase(Phase.RECONNECTING)
    assert "no account is called like" in session.broker.state.sentence
    tws.accounts = "DU1,DU2"
    assert (await session.broker.connected(5)).accounts == ("DU1", "DU2")


async def test_a_code_of_another_form_is_an_account(tws: ScriptedTws, connect: Connect) -> None:
    """As the recordings of real sessions have one."""
    tws.accounts = "DU1,F123-A,ACCOUNT_ID"
    session = await connect()
    assert session.broker.state.accounts == ("DU1", "F123-A", "ACCOUNT_ID")


async def test_what_the_user_names_is_an_account_whatever_it_is_called_like(
    tws: ScriptedTws, connect: Connect
) -> None:
    tws.accounts = "DU1,my-own"
    session = await connect(named_accounts=("my-own",))
    assert session.broker.state.accounts == ("DU1", "my-own")


async def test_a_lost_socket_is_opened_again(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    first = session.broker.state
    tws.client.drop()
    await session.until_phase(Phase.RECONNECTING)
    assert "closed the connection" in session.broker.state.sentence
    second = await session.broker.connected(5)
    assert second.session_id != first.session_id
    assert session.phases[-3:] == [Phase.RECONNECTING, Phase.CONNECTING, Phase.CONNECTED]


async def test_waiting_for_a_session_has_a_limit(begin: Connect) -> None:
    session = await begin(port=1)
    with pytest.raises(BrokerUnavailable, match="Nothing answers"):
        await session.broker.connected(0.1)


async def test_a_taken_client_id_needs_the_user(tws: ScriptedTws, begin: Connect) -> None:
    tws.taken_ids = {"7"}
    session = await begin(client_id=7)
    with pytest.raises(BrokerUnavailable, match="IBKR_CLIENT_ID"):
        await session.broker.connected(5)
    assert (session.broker.state.phase, session.broker.state.code) == (Phase.FAILED, 326)
    assert len(tws.clients) == 1
    tws.taken_ids = set()
    session.broker.reconnect_now()
    assert (await session.broker.connected(5)).client_id == 7


async def test_our_own_ghost_does_not_need_the_user(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect(client_id=7)
    tws.taken_ids = {"7"}
    tws.client.drop()
    await session.until(lambda: session.broker.state.code == 326)
    assert session.broker.state.phase is Phase.RECONNECTING
    tws.taken_ids = set()
    await session.broker.connected(5)
    assert Phase.FAILED not in session.phases


async def test_a_ghost_that_stays_is_waited_for(tws: ScriptedTws, connect: Connect) -> None:
    """TWS on another machine may hold a socket that is gone for hours: nobody is there then."""
    session = await connect(client_id=7)
    tws.taken_ids = {"7"}
    before = len(tws.clients)
    tws.client.drop()
    await session.until(lambda: len(tws.clients) >= before + 9)
    assert session.broker.state.phase is Phase.RECONNECTING
    assert "another program" in session.broker.state.sentence
    tws.taken_ids = set()
    assert (await session.broker.connected(5)).client_id == 7
    assert Phase.FAILED not in session.phases
    # Each time anew: one that went away in time says nothing about the next.
    tws.taken_ids = {"7"}
    tws.client.drop()
    await session.until(lambda: session.broker.state.code == 326)
    assert "our former session with this client id; trying" in session.broker.state.sentence


@pytest.mark.parametrize(("settled_after", "attempts"), [(0.0, [1, 1]), (60.0, [1, 2])])
async def test_a_session_that_stood_for_a_while_is_no_failure(
    tws: ScriptedTws, connect: Connect, settled_after: float, attempts: list[int]
) -> None:
    """Else a week of sessions would end in the longest of waits."""
    session = await connect(settled_after=settled_after)
    for times in (2, 3):
        tws.client.drop()

        def is_back(sessions: int = times) -> bool:
            return session.phases.count(Phase.CONNECTED) == sessions

        await session.until(is_back)
    states = [event.state for event in session.of(StateChanged)]
    of_a_phase = groupby(states, key=lambda state: state.phase)
    assert attempts == [
        max(state.attempt for state in group)
        for phase, group in of_a_phase
        if phase is Phase.RECONNECTING
    ]


async def test_without_a_client_id_a_free_one_is_taken(tws: ScriptedTws, connect: Connect) -> None:
    tws.taken_ids = {"71", "72"}
    session = await connect()
    assert session.broker.state.client_id == 73


async def test_when_no_client_id_is_free_the_user_is_told(tws: ScriptedTws, begin: Connect) -> None:
    tws.taken_ids = {"71", "72", "73"}
    session = await begin(client_id_choices=3)
    with pytest.raises(BrokerUnavailable, match="71 to 73"):
        await session.broker.connected(5)


async def test_a_version_that_is_too_old_needs_the_user(tws: ScriptedTws, begin: Connect) -> None:
    tws.version = 156
    session = await begin()
    with pytest.raises(BrokerUnavailable, match="too old"):
        await session.broker.connected(5)
    assert (session.broker.state.phase, session.broker.state.code) == (Phase.FAILED, 503)


async def test_a_foreign_account_needs_the_user(tws: ScriptedTws, begin: Connect) -> None:
    asked: list[tuple[str, ...]] = []

    def admit(accounts: tuple[str, ...]) -> str | None:
        asked.append(accounts)
        return "This ledger belongs to DU9."

    session = await begin(admit=admit)
    with pytest.raises(BrokerUnavailable, match="belongs to DU9"):
        await session.broker.connected(5)
    assert asked == [("DU1", "DU2")]
    assert session.broker.state.accounts == ("DU1", "DU2")
    assert Phase.CONNECTED not in session.phases
    assert {fields[0] for fields in tws.requests()} == {START_API}


async def test_a_silent_login_and_a_closed_one_are_told_apart(
    tws: ScriptedTws, begin: Connect
) -> None:
    tws.handshakes = False
    session = await begin(connect_timeout=0.1)
    await session.until_phase(Phase.RECONNECTING)
    assert "did not log us in" in session.broker.state.sentence
    tws.answers[START_API] = lambda client, _request: client.close()
    tws.handshakes = True
    await session.until(lambda: "during the login" in session.broker.state.sentence)


async def test_something_that_is_not_tws_is_named(begin: Connect) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        session = await begin(port=server.sockets[0].getsockname()[1])
        await session.until_phase(Phase.RECONNECTING)
        assert "during the login" in session.broker.state.sentence


async def test_connectivity_lost_and_restored(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    tws.send(error(1100, "Connectivity between IB and Trader Workstation has been lost."))
    await session.until_phase(Phase.STALE)
    state = session.broker.state
    assert (state.code, state.is_usable) == (1100, False)
    assert "internet connection" in state.sentence
    (lost,) = session.of(ConnectivityLost)
    assert (lost.code, lost.session_id) == (1100, state.session_id)
    with pytest.raises(BrokerUnavailable, match="lost its connection"):
        await session.broker.snapshot(1)
    tws.send(error(1102, "restored, data maintained"))
    assert (await session.broker.connected(5)).code is None
    assert session.phases[-3:] == [Phase.CONNECTED, Phase.STALE, Phase.CONNECTED]
    assert len(tws.clients) == 1


async def test_a_restoration_without_a_loss_is_a_loss(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    tws.send(error(1101, "restored, data lost"))
    await session.until(lambda: session.of(ConnectivityLost))
    await session.broker.connected(5)
    assert session.phases[-3:] == [Phase.CONNECTED, Phase.STALE, Phase.CONNECTED]


async def test_a_loss_during_the_login_is_seen(tws: ScriptedTws, begin: Connect) -> None:
    usual = tws.answers[START_API]

    def logs_in_without_ibkr(client: Client, request: Fields) -> None:
        client.send(error(2110, "Connectivity between TWS and server is broken."))
        usual(client, request)

    tws.answers[START_API] = logs_in_without_ibkr
    session = await begin()
    await session.until_phase(Phase.STALE)
    assert Phase.CONNECTED not in session.phases


async def test_a_loss_that_heals_without_a_word_means_a_new_session(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect(recovery_grace=0.1)
    tws.send(error(2110, "broken"))
    await session.until_phase(Phase.STALE)
    tws.send(error(2104, "Market data farm connection is OK:usfarm"))
    await session.until(lambda: len(tws.clients) == 2)
    await session.broker.connected(5)


async def test_a_port_reset_is_followed(tws: ScriptedTws, connect: Connect) -> None:
    moved = ScriptedTws()
    await moved.start()
    session = await connect()
    tws.send(error(1300, f"TWS socket port has been reset. New Socket Port: {moved.port}."))
    await session.until(lambda: moved.clients)
    assert (await session.broker.connected(5)).port == moved.port
    await moved.stop()


async def test_a_port_that_nobody_listens_at_any_more_gives_way_to_the_one_that_is_set(
    tws: ScriptedTws, connect: Connect
) -> None:
    moved = ScriptedTws()
    await moved.start()
    session = await connect()
    tws.send(error(1300, f"TWS socket port has been reset. New Socket Port: {moved.port}."))
    await session.until(lambda: moved.clients)
    await session.broker.connected(5)
    await moved.stop()
    await session.until(lambda: len(tws.clients) == 2)
    assert (await session.broker.connected(5)).port == tws.port


def test_both_ports_are_tried_by_turns_until_one_is_there() -> None:
    ports, nobody = Ports(7497), Ending("Nothing answers")
    tried = []
    for ending in (Ending("moved", new_port=7500), nobody, nobody, nobody):
        ports.after(ending)
        tried.append(ports.now)
    assert tried == [7500, 7497, 7500, 7497]
    # A session that ends is no reason to look elsewhere, and one at the port that is set says that
    # TWS is back.
    ports.reached()
    for ending in (nobody, nobody, nobody):
        ports.after(ending)
        assert ports.now == 7497


@pytest.mark.parametrize("code", [100, 504, 507])
async def test_a_dead_session_is_replaced(tws: ScriptedTws, connect: Connect, code: int) -> None:
    session = await connect()
    tws.send(error(code, "dead"))
    await session.until(lambda: len(tws.clients) == 2)
    await session.broker.connected(5)


async def test_changed_accounts_mean_a_new_session(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    tws.accounts = "DU1,DU2,DU3"
    tws.send(["15", "1", "DU2,DU1,"])
    tws.send(["15", "1", "DU1,DU2,DU3"])
    await session.until(lambda: len(tws.clients) == 2)
    assert (await session.broker.connected(5)).accounts == ("DU1", "DU2", "DU3")


async def test_farms_are_shown_and_change_nothing(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    since = session.broker.state.since
    tws.send(
        error(2104, "Market data farm connection is OK:usfarm"),
        error(2107, "HMDS data farm connection is inactive but should be available upon demand.us"),
        error(2103, "Market data farm connection is broken:usfarm"),
    )
    await session.until(lambda: session.broker.state.farms == (("us", True), ("usfarm", False)))
    assert session.broker.state.since == since
    assert [notice.is_problem for notice in session.of(Notice)] == [False, False, True]


async def test_an_unknown_code_is_told_and_changes_nothing(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    tws.send(error(4711, "new\x1b[31m\u202e thing"), error(2999, "x"), error(2199, "a warning"))
    await session.until(lambda: len(session.of(Notice)) == 3)
    strange, _other, warning = session.of(Notice)
    assert strange.is_problem
    assert not warning.is_problem
    assert strange.text.isprintable()
    assert session.phases == [Phase.CONNECTING, Phase.CONNECTED]


async def test_a_frozen_tws_is_noticed_by_the_heartbeat(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect(heartbeat_timeout=0.1)
    usual = tws.answers.pop(CURRENT_TIME)
    await session.until_phase(Phase.STALE)
    assert "no longer answers" in session.broker.state.sentence
    tws.answers[CURRENT_TIME] = usual
    await session.until(lambda: len(tws.clients) >= 2)
    await session.broker.connected(5)


async def test_a_nonsense_time_is_no_heartbeat(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect(heartbeat_timeout=0.1)
    tws.answers[CURRENT_TIME] = lambda client, _request: client.send(["49", "1", "9" * 400])
    await session.until_phase(Phase.STALE)


@pytest.mark.parametrize("nonsense", ["0", "99999999999"])
async def test_a_time_beyond_belief_is_told_once_and_not_used(
    tws: ScriptedTws, connect: Connect, nonsense: str
) -> None:
    tws.rows = [position("100")]
    usual = tws.answers[CURRENT_TIME]
    tws.answers[CURRENT_TIME] = lambda client, _request: client.send(["49", "1", nonsense])
    session = await connect()
    await session.until(lambda: len(tws.client.seen(CURRENT_TIME)) >= 3)
    snapshot = await session.broker.snapshot(5)
    assert abs(snapshot.as_of - datetime.now(UTC)) < timedelta(seconds=10)
    assert session.broker.state.clock_skew is None
    # Like one that never told its time: a fill that is not in the answer may have been before it.
    assert not (await session.broker.executions(5)).is_whole
    (problem,) = session.problems()
    assert "it is not believed" in problem
    tws.answers[CURRENT_TIME] = usual
    await session.until(lambda: session.broker.state.clock_skew is not None)


async def test_the_sleep_of_the_machine_ends_the_session(
    tws: ScriptedTws, connect: Connect
) -> None:
    clock = SteppedClock()
    session = await connect(clock=clock)
    await session.until(lambda: tws.client.seen(CURRENT_TIME))
    clock.wall += timedelta(seconds=5.5)
    with pytest.raises(SnapshotRefused, match="slept"):
        await session.broker.snapshot(5)
    assert session.broker.state.phase is Phase.RECONNECTING


async def test_a_zero_row_after_a_jump_of_the_clock_is_not_dated_but_looked_for_anew(
    tws: ScriptedTws, connect: Connect
) -> None:
    """Slept or set: until TWS tells the time, what it ended cannot be told from what came after."""
    clock = SteppedClock()
    session = await connect(clock=clock)
    await session.until(lambda: tws.client.seen(CURRENT_TIME))
    clock.wall += timedelta(hours=1)
    tws.client.send(position("100"))
    await session.until(lambda: session.of(RowPushed))
    assert session.broker.state.phase is Phase.CONNECTED
    tws.client.send(position("0"))
    await session.until_phase(Phase.RECONNECTING)
    (pushed,) = session.of(RowPushed)
    assert pushed.row.quantity == 100


async def test_fills_behind_the_row_that_ended_the_session_are_of_the_time_that_was_right(
    tws: ScriptedTws, connect: Connect
) -> None:
    """In one piece with it: they are heard still, and the clock was set back an hour."""
    clock = SteppedClock()
    right = clock.wall
    session = await connect(clock=clock, tws_timezone="US/Eastern")
    await session.until(lambda: tws.client.seen(CURRENT_TIME))
    clock.wall -= timedelta(hours=1)
    local = right.astimezone(ZoneInfo("US/Eastern"))
    tws.client.send(position("0"), execution("a.01", when=f"{local:%Y%m%d  %H:%M:%S}"))
    await session.until(lambda: session.of(Fill))
    (fill,) = session.of(Fill)
    assert fill.time == right


async def test_a_slow_drift_is_no_sleep(tws: ScriptedTws, connect: Connect) -> None:
    clock = SteppedClock()
    session = await connect(clock=clock)
    for _ in range(5):
        clock.wall += timedelta(seconds=2)
        await session.broker.snapshot(5)
    assert len(tws.clients) == 1


async def test_a_session_that_keeps_failing_is_not_opened_in_a_tight_loop(
    tws: ScriptedTws, begin: Connect
) -> None:
    clock = SteppedClock()
    tws.rows = [position("")]
    session = await begin(clock=clock, first_retry=1.0, longest_retry=60.0)

    def delays() -> list[float]:
        return [seconds for seconds in clock.sleeps if seconds != QUICK.heartbeat_interval]

    for attempt in range(1, 4):
        await session.broker.connected(5)
        with pytest.raises(SnapshotRefused):
            await session.broker.snapshot(5)

        def waits(failures: int = attempt) -> bool:
            return len(delays()) == failures

        await session.until(waits)
        assert session.broker.state.attempt == attempt
        clock.advance(delays()[-1])
    assert delays() == sorted(delays())


async def test_a_listener_that_fails_hurts_nobody(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    heard: list[object] = []

    def fails(_event: object) -> None:
        raise RuntimeError("a listener's own bug")

    session.broker.subscribe(fails)
    unsubscribe = session.broker.subscribe(heard.append)
    tws.send(position("1"), execution("a.01"))
    await session.until(lambda: len(heard) >= 2)
    unsubscribe()
    unsubscribe()
    assert (await session.broker.snapshot(5)).rows == ()


async def test_stop_ends_what_waits_and_leaves_no_task(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    tws.answers[POSITIONS] = lambda _client, _request: None
    waiting = asyncio.create_task(session.broker.snapshot(60))
    await session.until(lambda: tws.client.seen(POSITIONS))
    await session.broker.stop()
    with pytest.raises(BrokerUnavailable):
        await waiting
    assert session.broker.state.phase is Phase.DISCONNECTED
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not names & {"broker session", "heartbeat", "P&L subscriptions", "portfolio rotation"}
    others = {t for t in asyncio.all_tasks() if "possync_tui" in repr(t.get_coro())}
    assert others == set()


async def test_stop_while_connecting_and_while_waiting(tws: ScriptedTws, begin: Connect) -> None:
    tws.handshakes = False
    session = await begin()
    await session.until(lambda: tws.clients)
    await session.broker.stop()
    closed = await begin(port=1, first_retry=60.0)
    await closed.until_phase(Phase.RECONNECTING)
    await closed.broker.stop()
    assert closed.broker.state.phase is Phase.DISCONNECTED


async def test_a_stopped_broker_can_start_again(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    await session.broker.stop()
    await session.broker.start()
    tws.rows = [position("3")]
    await session.broker.connected(5)
    assert len((await session.broker.snapshot(5)).rows) == 1


def test_an_unknown_zone_of_tws_is_refused() -> None:
    with pytest.raises(ValueError, match="Mars"):
        IbkrBroker(replace(QUICK, tws_timezone="Mars/Olympus"))
