"""`doctor`: what stands between the trader and a first sync."""

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from possync_tui.cli import doctor
from possync_tui.settings import load
from tests.cli.conftest import Gateway, Home


def checks(found: Any) -> dict[str, Any]:  # noqa: ANN401 - this is the JSON edge
    return {check["name"]: check for check in found["checks"]}


def test_nothing_listens(home: Home, closed_port: str) -> None:
    ran = home.run("doctor", "--json", "--port", closed_port)
    assert (ran.code, ran.err) == (3, "")
    found = ran.json()
    assert checks(found)["settings"]["verdict"] == "good"
    assert checks(found)["ledger"]["verdict"] == "note"
    assert checks(found)["broker"]["verdict"] == "problem"
    assert "Enable ActiveX and Socket Clients" in checks(found)["broker"]["advice"]
    assert {port["port"] for port in found["ports"]} == {
        int(closed_port),
        *(7497, 7496, 4002, 4001),
    }
    assert "closed" in home.run("doctor", "--port", closed_port).out
    assert not home.ledger.exists()


def test_a_ledger_that_cannot_be_made(home: Home, closed_port: str) -> None:
    """What a sync would fail at is told before."""
    taken = home.folder / "taken"
    taken.write_text("")
    port = ("--port", closed_port, "--ledger", str(taken / "ledger.sqlite3"))
    ran = home.run("doctor", "--json", *port)
    assert (ran.code, ran.err) == (5, "")
    found = checks(ran.json())["ledger"]
    assert found["verdict"] == "problem"
    assert found["detail"].endswith(f"{taken} is no folder")
    assert "POSSYNC_LEDGER" in found["advice"]


@pytest.mark.parametrize(
    ("barred", "told"), [("search", "cannot be reached"), ("write", "cannot be written")]
)
async def test_a_folder_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, barred: str, told: str
) -> None:
    """As the system answers any user but root, who may do everything."""

    def refused(_path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    if barred == "search":
        monkeypatch.setattr(Path, "exists", refused)
    else:
        monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)
    settings = load(environ={"POSSYNC_LEDGER": str(tmp_path / "ledger.sqlite3")})
    check = await doctor._ledger_check(settings)
    assert check.verdict is doctor.Verdict.PROBLEM
    assert told in check.detail
    assert doctor._log_check().name == "log"


def test_all_is_well(home: Home, gateway: Gateway) -> None:
    home.run("sync", "--port", gateway.port)
    ran = home.run("doctor", "--json", "--port", gateway.port)
    assert (ran.code, ran.err) == (0, "")
    assert checks(ran.json())["broker"]["verdict"] == "good"
    assert "DU1000001" in checks(ran.json())["ledger"]["detail"]
    assert ran.json()["ports"][0]["server_version"] == 176


def test_a_theme_that_is_none(home: Home, gateway: Gateway) -> None:
    port = ("--port", gateway.port)
    ran = home.run("doctor", "--json", *port, POSSYNC_THEME="solarised")
    assert (ran.code, ran.err) == (2, "")
    found = checks(ran.json())["settings"]
    assert found["verdict"] == "problem"
    assert "POSSYNC_THEME: there is no theme solarised" in found["detail"]
    assert "possync-day" in found["advice"]
    assert "solarized-dark" in found["advice"]
    for theme in ("nord", "Possync-Day"):
        ran = home.run("doctor", "--json", *port, "--theme", theme)
        assert checks(ran.json())["settings"]["verdict"] == "good"


def test_themes_of_the_users_own(home: Home, gateway: Gateway) -> None:
    port = ("--port", gateway.port)
    folder = home.folder / "config" / "possync-tui" / "themes"
    ran = home.run("doctor", "--json", *port)
    assert checks(ran.json())["themes"]["detail"] == f"{folder}: none of your own"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('name = "mine"\nprimary = "#7fb4ca"\n')
    (folder / "bad.toml").write_text('name = "bad"\nprimary = "blue-ish"\n')
    ran = home.run("doctor", "--json", *port, "--theme", "mine")
    assert ran.code == 0, "colours are no problem"
    found = checks(ran.json())["themes"]
    assert found["verdict"] == "note"
    assert found["detail"].startswith(f"{folder}: mine; bad.toml: primary: blue-ish is no colour")
    said = home.run("demo", "--theme", "bad").complaint(2)
    assert "there is no theme bad" in said
    assert "bad.toml: primary: blue-ish is no colour" in said


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ("sync=m", "m is also the key of missing"),
        ("synk=f5", "nothing is called synk; did you mean sync?"),
        ("log-next=j", "j is taken by “Down”"),
    ],
)
def test_keys_that_clash(home: Home, gateway: Gateway, keys: str, why: str) -> None:
    ran = home.run("doctor", "--json", "--port", gateway.port, POSSYNC_KEYS=keys)
    assert (ran.code, ran.err) == (2, "")
    found = checks(ran.json())["settings"]
    assert found["verdict"] == "problem"
    assert "POSSYNC_KEYS" in found["detail"]
    assert why in found["detail"]
    ran = home.run("doctor", "--json", "--port", gateway.port, POSSYNC_KEYS="sync=f5")
    assert checks(ran.json())["settings"]["verdict"] == "good"


@pytest.mark.parametrize("command", ["dashboard", "demo", "status", "sync", "doctor"])
def test_a_theme_that_was_typed_wrong_is_refused_with_those_there_are(
    home: Home, closed_port: str, command: str
) -> None:
    named = () if command == "dashboard" else (command,)
    ran = home.run(*named, "--theme", "solarised", "--port", closed_port)
    assert ran.code == 2
    said = ran.out + ran.err
    for words in ("--theme", "there is no theme solarised", "possync-blue-orange", "nord"):
        assert words in said
    assert not home.ledger.exists()


def test_something_else_listens(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ran = home.run("doctor", "--json", "--port", str(port))
    assert ran.code == 3
    assert "not the API" in checks(ran.json())["broker"]["detail"]


def test_wrong_settings_and_a_ledger_that_is_none(home: Home, closed_port: str) -> None:
    ran = home.run("doctor", "--json", IBKR_PORT="0")
    assert ran.code == 2
    assert "IBKR_PORT=0" in checks(ran.json())["settings"]["detail"]
    ran = home.run("doctor", "--json", "--ledger", str(home.folder), "--port", closed_port)
    assert ran.code == 5
    assert checks(ran.json())["ledger"]["verdict"] == "problem"
