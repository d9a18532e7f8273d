"""The README, the example file and `.ci/run` say what the program does."""

import re
import sqlite3
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from textual.binding import Binding

from possync_tui.cli import parser
from possync_tui.cli.exits import Exit
from possync_tui.ledger import schema
from possync_tui.settings import described
from possync_tui.tui.actions import DEEDS, Area
from possync_tui.tui.screens.base import SideScreen
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.screens.entry import EntryScreen
from possync_tui.tui.screens.help import MORE_KEYS, key_rows
from possync_tui.tui.screens.life import LifeScreen
from possync_tui.tui.screens.plan_diff import PlanScreen
from possync_tui.tui.screens.realized import RealizedScreen
from possync_tui.tui.screens.review import ReviewScreen
from possync_tui.tui.screens.runs import RunsScreen
from possync_tui.tui.screens.table_screen import TableScreen

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = list(described())


def test_readme_has_every_setting_with_its_default_and_description() -> None:
    table = README.partition("<!-- settings -->\n")[2].partition("<!-- /settings -->")[0]
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
    assert rows[2:] == [
        [f"`{item.key}`", f"`{item.default}`" if item.default else "", item.description]
        for item in SETTINGS
    ]


def test_example_file_has_every_setting_with_its_default_and_description() -> None:
    lines = (ROOT / "settings.example.env").read_text(encoding="utf-8").splitlines()
    found = [
        (*line.split("=", 1), above.removeprefix("# "))
        for above, line in pairwise(lines)
        if line and not line.startswith("#")
    ]
    assert found == [(item.key, item.default, item.description) for item in SETTINGS]


def shell_blocks() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return [block.strip() for block in blocks]


def test_the_two_commands_do_all_the_set_up() -> None:
    run, test, *_ = shell_blocks()
    assert run == ("python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/possync-tui demo")
    assert test.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert "[test]" in test
    assert test.endswith("pytest")
    assert "\n" not in run + test


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (awk,) = re.findall(r"test_command=\$\((awk .*?README\.md)\)", script, re.DOTALL)
    done = subprocess.run(
        ["bash", "-c", awk], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == shell_blocks()[1]
    assert 'bash -c "$test_command"' in script


def test_readme_has_every_command_and_exit_code() -> None:
    commands = re.findall(r"^    ([\w-]+)(?: {2,}|$)", parser.build().format_help(), re.MULTILINE)
    assert len(commands) == 12
    for command in commands:
        assert re.search(rf"^\| `{command}[` ]", README, re.MULTILINE), command
    for code in Exit:
        assert re.search(rf"^\| {code.value}[ ,]", README, re.MULTILINE), code


PLACES_OF_KEYS = {
    "Everywhere": (DEEDS, True),
    "On the dashboard": (DashboardScreen.own_deeds, False),
    "On the screen of realized P&L (`p`)": (RealizedScreen.own_deeds, False),
    "On an entry's fills and lots (`enter` there)": (EntryScreen.own_deeds, False),
    "On a position's life (`enter` on the dashboard)": (LifeScreen.own_deeds, False),
    "In the review (`v`)": (ReviewScreen.own_deeds, False),
}


def key_tables() -> str:
    """What the README says of keys, as the program has them."""
    text = ""
    for place, (deeds, with_moves) in PLACES_OF_KEYS.items():
        rows = [row for area in Area for row in key_rows(area, deeds)]
        if with_moves:
            rows += [row for more in MORE_KEYS.values() for row in more]
        text += f"{place}:\n\n| key | |\n|---|---|\n"
        for keys, what in rows:
            shown = " ".join(key if key == "…" else f"`{key}`" for key in keys.split())
            text += f"| {shown} | {what} |\n"
        text += "\n"
    return text.rstrip("\n") + "\n"


def test_readme_has_every_key_of_every_screen() -> None:
    written = README.partition("<!-- keys -->\n")[2].partition("<!-- /keys -->")[0]
    assert written == key_tables()


def test_no_screen_has_keys_that_the_readme_leaves_out() -> None:
    documented = {id(deeds) for deeds, _ in PLACES_OF_KEYS.values()}
    screens = {PlanScreen, RunsScreen, *SideScreen.__subclasses__(), *TableScreen.__subclasses__()}
    assert len(screens) >= 6
    for screen in screens:
        deeds = screen.own_deeds
        assert not deeds or id(deeds) in documented, screen
        # A binding of a screen's own that is no deed would be in no help and no README.
        own = {b.id for b in screen.__dict__.get("BINDINGS", ()) if isinstance(b, Binding)}
        assert own <= {deed.id for deed in deeds}, screen


def test_readme_names_the_columns_that_users_may_query() -> None:
    table = README.partition("| table or view | columns |")[2]
    documented = {
        line.split("`")[1]: re.findall(r"`(\w+)`", line.partition("|")[2].partition("|")[2])
        for line in table.splitlines()
        if line.startswith("| `")
    }
    database = sqlite3.connect(":memory:")
    try:
        for migration in schema.migrations():
            database.executescript(migration.sql)
        for name, columns in documented.items():
            real = [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
            assert columns == real, name
    finally:
        database.close()
