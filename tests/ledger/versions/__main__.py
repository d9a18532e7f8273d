"""Make the ledger of this program's schema version: `python -m tests.ledger.versions`.

To be run on the last commit before a new migration, whose file has the next number. The commands
of the program do it all, against the simulated TWS, so the file is what a user would have.
"""

import gzip
import json
import signal
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from possync_tui.ledger.schema import migrations, newest
from tests.cli.conftest import Gateway, Home, Ran
from tests.flex.build import STOCK, Sheet, trade, write
from tests.ledger.versions import kept_file

ONE, TWO = "DU1000001", "DU1000002"
DONE, HELD = 0, 6


def _stock(account: str, con_id: int, symbol: str, quantity: str, **more: object) -> object:
    usual = {"average_cost": "150.25", "price": "160.5"}
    return {
        "account": account,
        "con_id": con_id,
        "symbol": symbol,
        "quantity": quantity,
        **usual,
        **more,
    }


def _desk() -> object:
    soon = f"{date.today() + timedelta(days=40):%Y%m%d}"  # noqa: DTZ011 (any day to come)
    option = {"sec_type": "OPT", "expiry": soon, "strike": "150", "right": "P", "multiplier": "100"}
    return {
        "options": {"tick_interval": 0.2, "trade_interval": "off"},
        "accounts": [{"code": ONE}, {"code": TWO}],
        "positions": [
            _stock(ONE, 265598, "AAPL", "100"),
            _stock(ONE, 76792991, "TSLA", "-40", average_cost="249.1"),
            _stock(ONE, 272093, "MSFT", "10", average_cost="402.55"),
            _stock(ONE, 208813719, "GOOGL", "3"),
            _stock(ONE, 700001, "AAPL", "-2", average_cost="512.3", price="4.1", **option),
            _stock(ONE, 4815747, "NVDA", "30"),
            _stock(ONE, 107113386, "META", "7"),
            _stock(ONE, 6459, "DIS", "25"),
            _stock(TWO, 14204, "SAP", "0.3333", currency="EUR"),
            _stock(TWO, 12087792, "EUR", "5000", sec_type="CASH", average_cost="1.08"),
        ],
    }


def _run(home: Home, gateway: Gateway, codes: Sequence[int], *arguments: str) -> Ran:
    ran = home.run(*arguments, "--port", gateway.port)
    assert ran.code in codes, ran
    return ran


def _live_through(home: Home, gateway: Gateway) -> None:
    """A first sync, then what else a ledger can hold."""

    def sync(*codes: int) -> None:
        _run(home, gateway, codes or (DONE,), "sync")

    def trade_(con_id: int, side: str, quantity: str, price: str, account: str = ONE) -> None:
        gateway.do(
            do="trade", account=account, con_id=con_id, side=side, quantity=quantity, price=price
        )

    sync()
    trade_(265598, "BUY", "50", "161.125")
    trade_(265598, "SELL", "70", "162.3333")
    gateway.do(do="correct", account=ONE, con_id=265598, price="162.5", quantity="70")
    gateway.do(do="close", account=ONE, con_id=76792991, price="240.01")
    gateway.do(do="flip", account=ONE, con_id=208813719, price="171")
    trade_(14204, "SELL", "0.1", "181.7", TWO)
    sync()
    # A commission that never comes, and an execution that is told of later.
    gateway.do(do="trade", account=ONE, con_id=272093, side="SELL", quantity="4", price="410",
               with_report=False)  # fmt: skip
    gateway.do(do="trade", account=ONE, con_id=4815747, side="SELL", quantity="10", price="170",
               with_execution=False)  # fmt: skip
    sync()
    gateway.do(do="reveal", account=ONE, con_id=4815747)
    gateway.do(do="split", con_id=4815747, new=3, old=1)
    gateway.do(do="assign", account=ONE, con_id=700001, underlying=265598)
    sync(DONE, HELD)
    gateway.do(do="convert", account=ONE, con_id=107113386, to_con_id=900001, symbol="METB",
               new=2, old=1)  # fmt: skip
    gateway.do(do="remove_row", account=ONE, con_id=6459)
    sync(DONE, HELD)
    # Marks come while a session lasts.
    watching = home.start("watch", "--port", gateway.port, "--initial-delay", "0")
    time.sleep(12)
    watching.send_signal(signal.SIGTERM)
    watching.communicate()
    holds = home.run("review", "--json").json()["holds"]
    assert holds, "a conversion waits for the user's word"
    for hold in holds:
        keeps = hold["kind"] == "STATEMENT_GAP"
        word = ("keep",) if keeps else ("accept",)
        _run(home, gateway, (DONE, HELD), "review", *word, str(hold["id"]), "--note", "as they say")
    aapl = {**STOCK, "conid": "265598", "symbol": "AAPL", "description": "APPLE INC"}
    msft = {**STOCK, "conid": "272093", "symbol": "MSFT", "description": "MICROSOFT"}
    flex = write(
        home.folder / "statement.xml",
        Sheet(
            [
                trade("100", "150.24", "20260105;100000", "-1", what=aapl, openCloseIndicator="O"),
                trade("6", "402.45", "20260106;100000", "-1", what=msft, openCloseIndicator="O"),
            ]
        ),
    )
    _run(home, gateway, (DONE, HELD), "import-flex", str(flex))
    # All gone at once, and back; one stays away.
    gateway.do(do="fault", kind="empty", once=True)
    sync(HELD)
    gateway.do(do="fault", kind="omit_row", con_id=272093)
    sync(DONE, HELD)
    _run(home, gateway, (DONE,), "verify")


def _print_what_is_in(path: Path) -> None:
    tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    with closing(sqlite3.connect(path)) as db:
        for (name,) in db.execute(tables).fetchall():
            print(f"{name:<18}", *db.execute(f"SELECT count(*) FROM {name}").fetchone())
        for sql in (
            "SELECT kind, count(*) FROM inbox GROUP BY 1",
            "SELECT status, close_reason, count(*) FROM lives GROUP BY 1, 2",
            "SELECT method, kind, quality, count(*) FROM realized_entries GROUP BY 1, 2, 3",
            "SELECT kind, status, count(*) FROM holds GROUP BY 1, 2",
            "SELECT kind, count(*) FROM journal GROUP BY 1",
        ):
            print(*db.execute(sql).fetchall(), sep="\n  ")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        scenario = home.folder / "desk.json"
        scenario.write_text(json.dumps(_desk()))
        gateway = Gateway(home, "--scenario", str(scenario))
        try:
            _live_through(home, gateway)
        finally:
            gateway.stop()
        log = home.ledger.with_name(home.ledger.name + "-wal")
        assert not (log.exists() and log.stat().st_size), "all of it is in the one file"
        _print_what_is_in(home.ledger)
        target = kept_file(newest(migrations()))
        target.write_bytes(gzip.compress(home.ledger.read_bytes(), 9, mtime=0))
        print(target, target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
