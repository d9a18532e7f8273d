"""Usage, settings and help, as the console script shows them."""

import asyncio
import re
import tomllib
from pathlib import Path

import pytest

from possync_tui import __version__
from possync_tui.cli import parser
from possync_tui.cli.options import SETTING_OPTIONS
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.position import CostMethod, Quality
from possync_tui.domain.views import PnlGrouping
from possync_tui.ledger.store import open_ledger
from possync_tui.settings import described
from tests.cli.conftest import Home

COMMANDS = (
    "demo sync watch status positions pnl runs review verify doctor gateway".split()  # noqa: SIM905
)
ROOT = Path(__file__).parents[2]


def test_version(home: Home) -> None:
    ran = home.run("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"possync-tui {__version__}\n", "")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__


def test_help_names_every_command_and_exit_code(home: Home) -> None:
    shown = home.run("--help").out
    for command in COMMANDS:
        assert re.search(rf"^ +{command} ", shown, re.MULTILINE), command
    assert "ledger unusable" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser.build().parse_args([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: possync-tui {command}" in capsys.readouterr().out


def test_choices_are_those_of_the_domain() -> None:
    assert tuple(PnlGrouping) == parser.GROUPINGS
    assert tuple(CostMethod) == parser.METHODS
    assert tuple(Quality) == parser.QUALITIES


def test_every_setting_has_an_option() -> None:
    assert {option.key for option in SETTING_OPTIONS} == {item.key for item in described()}


def test_options_count_before_and_after_the_command() -> None:
    build = parser.build()
    before = vars(build.parse_args(["--port", "4001", "--json", "status"]))
    after = vars(build.parse_args(["status", "--port", "4001", "--json"]))
    assert before == after
    assert vars(build.parse_args(["--port", "1", "status", "--port", "2"]))["port"] == "2"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["bogus"], "bogus"),
        (["status", "--bogus"], "--bogus"),
        (["status", "--format", "xml"], "xml"),
        (["runs", "--limit", "0"], "--limit"),
        (["pnl", "--from", "yesterday"], "yesterday"),
        (["pnl", "--by", "mood"], "mood"),
        (["review", "accept"], "ID"),
        (["review", "accept", "x"], "x"),
        (["review", "list", "7"], "accept"),
        (["gateway", "--port", "70000"], "70000"),
        (["gateway", "--host", "0.0.0.0"], "0.0.0.0"),
        (["gateway", "--scenario", "nowhere.toml"], "nowhere.toml"),
        (["demo", "--port", "-1"], "--port"),
    ],
)
def test_wrong_usage(home: Home, arguments: list[str], named: str) -> None:
    assert named in home.run(*arguments).complaint(2)
    assert not home.ledger.exists()


@pytest.mark.parametrize("command", ["sync", "watch", "status", "positions", "verify", "demo"])
def test_a_wrong_setting_ends_every_command(home: Home, command: str) -> None:
    wrong = home.run(command, IBKR_PORT="99999").complaint(2)
    assert "IBKR_PORT=99999 (environment variable)" in wrong
    assert "1 to 65535" in wrong
    unknown = home.run(command, POSITION_SYNC_INTERVAL="60").complaint(2)
    assert "POSITION_SYNC_INTERVAL (environment variable)" in unknown
    assert "POSITION_SYNC_SYNC_INTERVAL" in unknown
    assert not home.ledger.exists()


def test_where_a_setting_may_stand(home: Home) -> None:
    (home.folder / ".env").write_text("# mine\nIBKR_PORT=4001\n")
    other = home.folder / "other.env"
    other.write_text("IBKR_PORT=4002\n")
    port = ("status", "--json")

    def used(*arguments: str, **environ: str) -> int:
        return int(home.run(*port, *arguments, **environ).json()["connection"]["port"])

    assert used() == 4001
    assert used("--env-file", "other.env") == 4002
    assert used(IBKR_PORT="4003") == 4003
    assert used("--port", "4004", IBKR_PORT="4003") == 4004
    assert "option --port" in home.run("status", "--port", "x").complaint(2)
    (home.folder / ".env").write_text("\nPOSITION_SYNC_TIMEOUT=never\n")
    assert ".env:2" in home.run("status").complaint(2)
    assert "none.env" in home.run("status", "--env-file", "none.env").complaint(2)


def test_a_switch_can_be_turned_either_way(home: Home) -> None:
    def enabled(*arguments: str) -> object:
        return home.run("status", "--json", *arguments).json()["position_sync"]["enabled"]

    assert enabled() is True
    assert enabled("--no-enabled") is False


def test_settings_file_of_the_documentation_works(home: Home) -> None:
    ran = home.run("status", "--env-file", str(ROOT / "settings.example.env"))
    assert "no ledger" in ran.complaint(5), "that is all that there is to say"


@pytest.mark.parametrize(
    "command",
    [
        "positions",
        "positions --lots --json",
        "positions --as-of 2026-01-31 --format csv",
        "pnl --json",
        "pnl --by day --format csv",
        "pnl --fills 1",
        "runs --json",
        "review --json",
        "review accept 7",
        "verify --json",
    ],
)
def test_a_ledger_that_is_not_there_is_no_flat_book(home: Home, command: str) -> None:
    ran = home.run(*command.split(), "--ledger", "wrong.db")
    assert ran.out == ""
    assert f"no ledger at {home.folder / 'wrong.db'} yet" in ran.complaint(5)
    assert not (home.folder / "wrong.db").exists(), "reading makes no ledger"


def test_the_status_without_a_ledger_says_what_is_known(home: Home) -> None:
    ran = home.run("status", "--json")
    assert ran.json()["ledger"]["exists"] is False
    assert ran.json()["position_sync"]["stats"]["total_syncs"] == 0
    assert f"no ledger at {home.ledger} yet" in ran.complaint(5)
    ran = home.run("status")
    assert f"{home.ledger}  (not there yet)" in ran.out
    assert "run a sync" in ran.complaint(5)
    assert not home.ledger.exists()


def test_an_empty_ledger_is_an_answer(home: Home) -> None:
    asyncio.run(_make(home.ledger))
    assert home.run("positions").out == "No positions in the ledger yet.\n"
    assert home.run("positions", "--lots").out == "No open lots.\n"
    assert home.run("positions", "--as-of", "2026-01-01").out.startswith("No positions were known")
    assert home.run("pnl", "--json", "--by", "day").json()["groups"] == []
    header = home.run("positions", "--format", "csv").out
    assert header.startswith("id,account_id,account,con_id,symbol,")
    assert "U1" in home.run("positions", "--account", "U1").complaint(2)
    assert "7" in home.run("review", "accept", "7").complaint(2)


async def _make(ledger: Path) -> None:
    await (await open_ledger(ledger, clock=SystemClock())).close()
