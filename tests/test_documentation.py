"""The README, the example file and `.ci/run` say what the program does."""

import re
import sqlite3
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from possync_tui.cli import parser
from possync_tui.cli.exits import Exit
from possync_tui.ledger import schema
from possync_tui.settings import described
from possync_tui.tui.actions import PLACES

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


def test_readme_has_the_name_of_every_key() -> None:
    names = README.partition("<!-- keys -->\n")[2].partition("<!-- /keys -->")[0]
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
