"""A ledger of an older release under the commands of this one."""

import subprocess
import sys

from tests.cli.conftest import LONGEST, Gateway, Home, Ran
from tests.ledger.versions import unpack

# The program, with a migration to come.
TOMORROW = """
import sys
from possync_tui.cli import main
from possync_tui.ledger import schema, store
to_come = schema.Migration(9999, "CREATE TABLE of_tomorrow AS SELECT id FROM lives;")
steps = schema.migrations()
store.migrations = lambda: (*steps, to_come)
sys.exit(main(sys.argv[1:]))
"""


def tomorrow(home: Home, *arguments: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-c", TOMORROW, *arguments],
        cwd=home.folder,
        env=home.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LONGEST,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_reads_leave_an_older_ledger_as_it_is_and_a_sync_brings_it_up(
    home: Home, gateway: Gateway, closed_port: str
) -> None:
    home.ledger.parent.mkdir(parents=True)
    unpack(1, home.ledger)
    # A dashboard of this release is still there.
    watching = home.start("watch", "--port", gateway.port, "--initial-delay", "600")
    assert watching.stdout is not None
    watching.stdout.readline()
    assert tomorrow(home, "positions").code == 0
    assert "Another instance" in tomorrow(home, "sync", "--port", gateway.port).complaint(5)
    watching.terminate()
    watching.communicate()
    # That brought it up from the first version to its own.
    for former in home.ledger.parent.glob("*.bak"):
        former.unlink()

    content = home.ledger.read_bytes()
    said = {c: home.run(*c.split(), "--json").json() for c in ("positions --all", "pnl")}
    for command, before in said.items():
        assert tomorrow(home, *command.split(), "--json").json() == before
    assert tomorrow(home, "verify").code == 0
    assert home.ledger.read_bytes() == content
    assert not list(home.ledger.parent.glob("*.bak"))

    assert tomorrow(home, "sync", "--port", closed_port).code == 3, "TWS is not needed for it"
    (backup,) = home.ledger.parent.glob("*.bak")
    assert backup.name in tomorrow(home, "doctor").out
    for command, before in said.items():
        assert tomorrow(home, *command.split(), "--json").json() == before
    assert "update possync-tui" in home.run("positions").complaint(5)
    # Back to the older release.
    backup.replace(home.ledger)
    assert home.run("positions", "--all", "--json").json() == said["positions --all"]
