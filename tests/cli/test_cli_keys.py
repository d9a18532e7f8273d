"""Keys of the user's choice that cannot be: one line and exit code 2, before anything opens."""

import pytest

from tests.cli.conftest import Home

WRONG = (
    ("synk=f5", "nothing is called synk; did you mean sync?"),
    ("sync=m", "m is also the key of missing"),
    ("sync=nokey", "there is no key nokey"),
    ("sync=j", "j is taken by “Down”"),
    ("sync=ctrl+i", "a terminal cannot tell ctrl+i from tab"),
    ("sync=ctrl+m", "a terminal cannot tell ctrl+m from enter"),
    ("sync=ctrl+[", "a terminal cannot tell ctrl+[ from esc"),
    ("sync=ctrl+h", "a terminal cannot tell ctrl+h from backspace"),
    ("sync", "it has to be NAME=KEY pairs"),
)


@pytest.mark.parametrize(("keys", "why"), WRONG)
@pytest.mark.parametrize("command", [(), ("demo",)])
def test_wrong_keys_are_said_before_the_dashboard_opens(
    home: Home, command: tuple[str, ...], keys: str, why: str
) -> None:
    complaint = home.run(*command, POSSYNC_KEYS=keys).complaint(2)
    assert "POSSYNC_KEYS" in complaint
    assert why in complaint
    assert not home.ledger.exists()


def test_commands_without_keys_do_not_mind(home: Home) -> None:
    assert "synk" not in home.run("status", POSSYNC_KEYS="synk=f5").complaint(5)
