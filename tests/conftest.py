"""What holds for every test."""

import asyncio
import os
import time
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

# Machines that run tests are busy: how long an example takes proves nothing.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("patient")
# For hours; what it finds is kept in `.hypothesis` and printed.
settings.register_profile(
    "long", settings.get_profile("patient"), max_examples=2000, stateful_step_count=60
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-pictures",
        action="store_true",
        help="store the screens as they are now, for the tests to compare with",
    )
    parser.addoption(
        "--busy",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="each turn of the event loop takes so much longer, as on a busy machine",
    )
    parser.addoption(
        "--slow-threads",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="work beside the event loop begins so much later, as on a slow disk",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-pictures") and os.environ.get("CI"):
        raise pytest.UsageError("--update-pictures: not where CI is set; look at them first")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--hypothesis-profile") == "long":
        for item in items:
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(autouse=True)
def a_poor_machine(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `--busy` and `--slow-threads`: what is seen must not hang on who comes first."""
    busy, late = pytestconfig.getoption("--busy"), pytestconfig.getoption("--slow-threads")
    if busy:
        turn: Callable[[BaseEventLoop], None] = BaseEventLoop._run_once  # type: ignore[attr-defined]

        def long_turn(loop: BaseEventLoop) -> None:
            turn(loop)
            time.sleep(busy)

        monkeypatch.setattr(BaseEventLoop, "_run_once", long_turn)
    if late:
        to_thread = asyncio.to_thread

        async def begin_late(
            work: Callable[..., object], *given: object, **named: object
        ) -> object:
            def do() -> object:
                time.sleep(late)
                return work(*given, **named)

            return await to_thread(do)

        monkeypatch.setattr(asyncio, "to_thread", begin_late)
