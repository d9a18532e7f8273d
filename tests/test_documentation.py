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
from possync_tui.demo.actions import read_action
from possync_tui.demo.faults import NAMED_VALUES, FaultField, FaultKind
from possync_tui.demo.tables import ScenarioError, Table
from possync_tui.ledger import schema
from possync_tui.settings import described
from possync_tui.tui.actions import DEEDS, PLACES, Area
from possync_tui.tui.screens.base import SideScreen
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.screens.decision_dialog import DecisionDialog
from possync_tui.tui.screens.entry import EntryScreen
from possync_tui.tui.screens.first_look import FirstLookScreen
from possync_tui.tui.screens.help import MORE_KEYS, key_rows
from possync_tui.tui.screens.life import LifeScreen
from possync_tui.tui.screens.plan_diff import PlanScreen
from possync_tui.tui.screens.realized import RealizedScreen
from possync_tui.tui.screens.review import ReviewScreen
from possync_tui.tui.screens.runs import RunsScreen
from possync_tui.tui.screens.table_screen import TableScreen
from possync_tui.tui.themes import THEMES, theme_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = list(described())


def test_readme_has_every_setting_with_its_default_description_and_choices() -> None:
    table = README.partition("<!-- settings -->\n")[2].partition("<!-- /settings -->")[0]
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
    assert rows[2:] == [
        [
            f"`{item.key}`",
            f"`{item.default}`" if item.default else "",
            item.description,
            item.allowed,
        ]
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


def test_the_themes_that_are_named_are_there() -> None:
    (allowed,) = (item.allowed for item in SETTINGS if item.key == "POSSYNC_THEME")
    for theme in THEMES:
        assert re.search(rf"\b{theme.name}\b", allowed)
    assert {theme.name for theme in THEMES} < set(theme_names())
    assert "nord" in theme_names()


def test_readme_has_the_name_of_every_key() -> None:
    names = README.partition("<!-- key names -->\n")[2].partition("<!-- /key names -->")[0]
    assert set(re.findall(r"`([^`]+)`", names)) == set(PLACES)


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
    "On the dashboard": ((*DashboardScreen.own_deeds, *DashboardScreen.pane_deeds), False),
    "On the screen of realized P&L (`p`)": (RealizedScreen.own_deeds, False),
    "On an entry's fills and lots (`enter` there)": (EntryScreen.own_deeds, False),
    "On a position's life (`enter` on the dashboard)": (LifeScreen.own_deeds, False),
    "In the review (`v`)": (ReviewScreen.own_deeds, False),
    "Where a missing position is accepted (`A` there)": (DecisionDialog.own_deeds, False),
    "Where TWS is looked for (`C`)": (FirstLookScreen.own_deeds, False),
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
    screens: set[type[SideScreen]] = {
        PlanScreen,
        RunsScreen,
        *SideScreen.__subclasses__(),
        *TableScreen.__subclasses__(),
    }
    assert len(screens) >= 6
    for screen in screens:
        deeds = screen.own_deeds
        assert not deeds or id(deeds) in documented, screen
        # A binding of a screen's own that is no deed would be in no help and no README.
        own = {b.id for b in screen.__dict__.get("BINDINGS", ()) if isinstance(b, Binding)}
        assert own <= {deed.id for deed in deeds}, screen


SAMPLES: dict[str, object] = {
    "account": "DU1000001",
    "con_id": 1,
    "side": "BUY",
    "quantity": 1,
    "price": 1,
    "underlying": 2,
    "new": 2,
    "kind": "empty",
    "code": 1,
    "field": "quantity",
    "seconds": 1,
    "exec_id": "a.01",
    "to_con_id": 2,
    "symbol": "NEW",
}


def table_of(name: str) -> list[list[list[str]]]:
    """Rows of a table between two marks, each cell as what stands between backticks in it."""
    table = README.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines()[2:]]
    return [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in rows]


def complaint(command: dict[str, object]) -> str:
    with pytest.raises(ScenarioError) as refused:
        read_action(Table(command, ""))
    return str(refused.value)


def test_readme_has_every_command_of_the_gateway_with_its_keys() -> None:
    rows = table_of("gateway commands")
    names = [name for (name,), *_ in rows]
    known = complaint({"do": "?"}).partition("none of ")[2]
    assert names == known.split(", ")
    for (name,), needs, takes, *_ in rows:
        # One of two ways to name an execution.
        one_of = {"exec_id": "a.01"} if "exec_id" in takes else {}
        given = {"do": name, **{key: SAMPLES[key] for key in needs}, **one_of}
        told = complaint({**given, "zzz": 1})
        accepted = set(told.partition("(known: ")[2].rstrip(")").split(", "))
        # Which position is asked for only where no execution is named.
        elsewhere = {"account", "con_id"} if one_of else set()
        assert accepted == {"do", *needs, *takes} - elsewhere, name
        for key in needs:
            rest = {other: value for other, value in given.items() if other != key}
            assert complaint(rest) == f"{key}: is missing"


def test_readme_has_every_fault_with_what_it_needs() -> None:
    rows = table_of("faults")
    assert [kind for (kind,), *_ in rows] == list(FaultKind)
    for (kind,), needs, _ in rows:
        fault = {"do": "fault", "kind": kind, **{key: SAMPLES[key] for key in needs}}
        assert read_action(Table(fault, "")).do == "fault"
        for key in needs:
            assert key in complaint({k: v for k, v in fault.items() if k != key})
    values = next(row[2] for row in rows if row[0] == ["value"])
    assert values[1:] == list(NAMED_VALUES)
    fields = README.partition("<!-- /faults -->")[2].partition("## Reliability")[0]
    found = re.findall(r"`(\w+)`", fields)
    assert [name for name in found if name not in ("field", "hostile_text")] == list(FaultField)


def test_readme_names_the_columns_that_users_may_query() -> None:
    table = README.partition("| table or view | columns |\n")[2].partition("\n\n")[0]
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
