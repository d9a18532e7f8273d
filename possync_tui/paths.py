"""Where files of a user live when nothing else is said, by the conventions of the system."""

from pathlib import Path

import platformdirs

_NAME = "possync-tui"


def config_folder() -> Path:
    """Holds the `.env` file that counts when there is none in the current folder."""
    return platformdirs.user_config_path(_NAME, appauthor=False)


def data_folder() -> Path:
    """Holds the ledgers."""
    return platformdirs.user_data_path(_NAME, appauthor=False)


def state_folder() -> Path:
    """Holds the log file."""
    return platformdirs.user_state_path(_NAME, appauthor=False)


def user_env_file() -> Path:
    return config_folder() / ".env"


def default_ledger() -> Path:
    return data_folder() / "ledger.sqlite3"


def demo_ledger(beside: Path) -> Path:
    """The ledger of `possync-tui demo`: simulated positions never meet real ones."""
    return beside.with_name("demo.sqlite3")


def log_file() -> Path:
    return state_folder() / "possync-tui.log"


def make_private_folder(folder: Path) -> None:
    """Make `folder` and what is missing above it; what we make is the owner's alone."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
