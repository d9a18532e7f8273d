"""What an import loads, seen from a fresh interpreter, and the contracts between the rooms."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import possync_tui.sync

ROOT = Path(__file__).parents[1]
HEAVY = ("textual", "ib_insync", "eventkit", "aiosqlite", "pydantic", "plotext", "numpy")
SYNC_MODULES = [
    module.name
    for module in pkgutil.iter_modules(possync_tui.sync.__path__, possync_tui.sync.__name__ + ".")
]


def loaded_by(statements: str) -> set[str]:
    """The packages of `HEAVY` that are loaded after `statements`."""
    seen = "import sys; sys.stderr.write(' '.join(m for m in sys.modules if '.' not in m))"
    done = subprocess.run(
        [sys.executable, "-c", f"{statements}\n{seen}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(HEAVY) & set(done.stderr.split())


def exiting(*arguments: str) -> str:
    """A call of the command line that ends by itself."""
    return (
        "from possync_tui.cli import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit:\n    pass"
    )


@pytest.mark.parametrize("module", ["possync_tui.sync", *SYNC_MODULES])
def test_sync_loads_no_screen_no_broker_and_no_database(module: str) -> None:
    loaded = loaded_by(f"import {module}")
    assert not loaded & {"textual", "ib_insync", "eventkit", "aiosqlite", "pydantic", "plotext"}


def test_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import possync_tui")


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("sync", "--help")])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not loaded_by(exiting(*arguments))


def test_a_wrong_option_loads_nothing_heavy() -> None:
    assert not loaded_by(exiting("--bogus"))


def test_the_first_frame_loads_only_what_it_shows() -> None:
    """Each of these takes its time; the engine is loaded behind the first frame."""
    loaded = loaded_by(
        "import possync_tui.cli.dashboard, possync_tui.cli.reporting, possync_tui.cli.coming\n"
        "import possync_tui.ledger.glance, possync_tui.tui.app, possync_tui.tui.key_check\n"
        "from possync_tui import settings\n"
        "settings.load(environ={'IBKR_PORT': '4002'})"
    )
    assert loaded == {"textual"}


def test_the_first_frame_loads_no_rules_and_no_other_screen() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import possync_tui.cli.dashboard, possync_tui.cli.coming, possync_tui.tui.app\n"
            "import possync_tui.ledger.glance, sys\n"
            "print(*(m for m in sys.modules if m.startswith('possync_tui.')))",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "possync_tui.tui.screens.dashboard" in loaded
    rules = {"life", "inventory", "lots", "plan", "planning", "observations", "performance"}
    assert not {f"possync_tui.domain.{name}" for name in rules} & loaded
    others = {name for name in loaded if name.startswith("possync_tui.tui.screens.")}
    assert others == {"possync_tui.tui.screens.base", "possync_tui.tui.screens.dashboard"}
    assert not {"possync_tui.sync.service", "possync_tui.ledger.store"} & loaded
    assert not {"possync_tui.tui.palette", "possync_tui.tui.outlining"} & loaded


@pytest.mark.parametrize("command", ["status", "positions", "pnl", "runs", "review"])
def test_offline_reads_load_neither_screen_nor_broker(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSSYNC_LEDGER", str(tmp_path / "none.sqlite3"))
    loaded = loaded_by(exiting(command, "--json"))
    assert not loaded & {"textual", "ib_insync", "eventkit", "plotext", "numpy", "pydantic"}


def test_an_import_of_statements_loads_neither_screen_nor_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSSYNC_LEDGER", str(tmp_path / "none.sqlite3"))
    loaded = loaded_by(
        "import possync_tui.cli.import_flex, possync_tui.cli.no_broker, possync_tui.sync.service\n"
        "from possync_tui.cli import main\n"
        "main(['import-flex', 'none.xml'])"
    )
    assert not loaded & {"textual", "ib_insync", "eventkit", "plotext", "numpy"}


def test_the_demo_gateway_loads_no_client_of_its_own() -> None:
    loaded = loaded_by("import possync_tui.demo.serving")
    assert not loaded & {"textual", "ib_insync", "eventkit", "aiosqlite", "pydantic", "plotext"}


def test_the_settings_load_no_screen_and_no_broker() -> None:
    loaded = loaded_by("import possync_tui.settings, possync_tui.logs, possync_tui.paths")
    assert not loaded & {"textual", "ib_insync", "eventkit", "aiosqlite", "plotext"}


def test_contracts_between_the_rooms_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_room_can_be_imported_by_itself() -> None:
    for room in ("domain", "ledger", "broker", "sync", "demo", "flex", "tui", "cli"):
        importlib.import_module(f"possync_tui.{room}")
