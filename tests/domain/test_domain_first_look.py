"""Where TWS may be found, and what to do so that it answers."""

import pytest

from possync_tui.domain.first_look import USUAL_PORTS, Port, advice, places, steps


def closed(port: int) -> Port:
    return Port("127.0.0.1", port, USUAL_PORTS.get(port, "as configured"), False, None)


def test_the_configured_place_comes_first_and_none_twice() -> None:
    assert [port for _, port, _ in places("127.0.0.1", 4002)] == [4002, 7497, 7496, 4001]
    assert [port for _, port, _ in places("10.0.0.7", 5000)] == [5000, 7497, 7496, 4002, 4001]
    assert {host for host, _, _ in places("10.0.0.7", 5000)} == {"10.0.0.7"}


@pytest.mark.parametrize(
    ("port", "said", "unsaid"),
    [
        (7497, ("Start TWS", "paper", "File >", "ActiveX"), ("IB Gateway", "live")),
        (7496, ("Start TWS", "live account", "ActiveX"), ("IB Gateway", "paper")),
        (4002, ("Start IB Gateway", "paper", "Configure >"), ("ActiveX", "File >")),
        (4001, ("Start IB Gateway", "live account", "Configure >"), ("ActiveX", "paper")),
        (5000, ("TWS or IB Gateway", "ActiveX", "(TWS only)", "File >", "Configure >"), ("live",)),
    ],
)
def test_steps_name_the_menus_of_the_program(
    port: int, said: tuple[str, ...], unsaid: tuple[str, ...]
) -> None:
    text = " ".join(steps(closed(port)))
    assert all(words in text for words in (*said, str(port), "Leave 'Read-Only API' ticked"))
    assert not any(words in text for words in unsaid)


def test_advice_names_what_answers_elsewhere() -> None:
    there = Port("127.0.0.1", 4002, USUAL_PORTS[4002], True, 176)
    assert advice(closed(7497), [closed(7496), there]) == (
        "IB Gateway, paper answers: set IBKR_PORT=4002."
    )
    assert "Start TWS" in advice(closed(7497), [closed(7496)])
