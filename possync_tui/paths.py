"""Where files of a user live when nothing else is said, by the conventions of the system."""

import os
import stat
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
    """Holds the log file, and what the program writes for itself."""
    return platformdirs.user_state_path(_NAME, appauthor=False)


def exports_folder() -> Path:
    """Holds what the dashboard writes when asked: CSV files and pictures."""
    return state_folder() / "exports"


def themes_folder() -> Path:
    """Holds the user's own themes."""
    return config_folder() / "themes"


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


def write_private(path: Path, content: bytes) -> None:
    """Write all of it or nothing, whoever else writes meanwhile; the owner's alone.

    What is there already is replaced, a link by a file. Raises `OSError`.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.unlink(missing_ok=True)
    create_private(partial, content)
    partial.replace(path)


def create_private(path: Path, content: bytes) -> None:
    """Write a file that was not there, the owner's alone. Raises `FileExistsError`, `OSError`."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)


def who_else_may_change(path: Path) -> str:
    """Why a file is not the user's alone to change; empty where it is.

    Who may write its folder may put another file in its place.
    """
    if not hasattr(os, "getuid"):
        return ""
    real = path.resolve()
    own = (os.getuid(), 0)
    for place, what in ((real, str(path)), (real.parent, f"the folder of {path}")):
        status = place.stat()
        if status.st_uid not in own:
            return f"{what} belongs to another user"
        is_shared = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_mode & stat.S_IWOTH and not is_shared:
            return f"{what} can be written by everybody"
    return ""
