"""Ledgers on real files."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from possync_tui.domain.connection import Environment
from possync_tui.ledger.store import Ledger, open_ledger
from tests.ledger.world import ACCOUNT, TestClock


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def ledger(path: Path, clock: TestClock) -> AsyncIterator[Ledger]:
    """A writable ledger, bound to one accepted paper account."""
    opened = await open_ledger(path, clock=clock)
    await opened.bind(Environment.PAPER, [ACCOUNT])
    yield opened
    await opened.close()
