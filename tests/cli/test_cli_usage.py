"""Usage, settings and help, as the console script shows them."""

import re
import tomllib
from pathlib import Path

import pytest

from possync_tui import __version__
from possync_tui.cli import parser
from possync_tui.cli.options import SETTING_OPTIONS
from possync_tui.domain.position import CostMethod, Quality
from possync_tui.domain.views import PnlGrouping
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
        (["review", "accept", "7"], "7"),
        (["review", "list", "7"], "accept"),
        (["positions", "--account", "U1"], "U1"),
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
    assert ran.code == 0, ran.err


def test_no_ledger_yet(home: Home) -> None:
    assert home.run("positions").out == "No positions in the ledger yet.\n"
    assert home.run("positions", "--json").json() == {"positions": [], "totals": []}
    assert home.run("pnl", "--json", "--by", "day").json()["groups"] == []
    assert home.run("runs", "--json").json() == {"runs": []}
    assert home.run("review", "--json").json() == {"holds": []}
    assert home.run("status", "--json").json()["ledger"]["exists"] is False
    header = home.run("positions", "--format", "csv").out
    assert header.startswith("id,account_id,account,con_id,symbol,")
    assert "run a sync" in home.run("verify").complaint(5)
    assert not home.ledger.exists(), "reading makes no ledger"
