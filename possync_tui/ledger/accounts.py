"""Accounts, the environment they belong to, and the settings that the ledger itself keeps."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from possync_tui.domain.connection import Environment
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.life import RULES
from possync_tui.domain.plan import OlderRules
from possync_tui.domain.position import CostMethod
from possync_tui.ledger.at_rest import BadRecord, moment, one_of, stamp
from possync_tui.ledger.journal import Line, write_lines
from possync_tui.ledger.port import LedgerForeign

_MOST_DIGITS = 9
# In `meta`: the last sync that may not have known all fills. Most do, and write nothing for it.
_FILLS_DOUBTED = "fills_doubted_at"


def look_again(db: sqlite3.Connection) -> tuple[int, Environment | None]:
    """A number that is another one once another connection has written, and the environment."""
    (version,) = db.execute("PRAGMA data_version").fetchone()
    return version, read_environment(db)


def read_environment(db: sqlite3.Connection) -> Environment | None:
    """What the ledger is bound to; `None` until it first met a broker."""
    text = _meta(db, "environment")
    return None if text is None else one_of(Environment, text)


def read_cost_method(db: sqlite3.Connection) -> CostMethod:
    return one_of(CostMethod, _meta(db, "cost_method"))


def select_cost_method(db: sqlite3.Connection, method: CostMethod, now: datetime) -> None:
    """Make the views show `method`. Journaled, where it is another one than before."""
    before = read_cost_method(db)
    if before is method:
        return
    _put_meta(db, "cost_method", method.value)
    text = f"cost method {before} -> {method}"
    write_lines(db, [Line("", None, "setting", text, "the settings")], None, now)


def read_rules(db: sqlite3.Connection) -> int:
    """The version of the rules by which lives and entries were made; 0 where nothing says."""
    text = _meta(db, "rules")
    if text is None:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise BadRecord(f"the rules are no version: {text[:20]!r}")
    return int(text)


def put_rules(db: sqlite3.Connection, version: int) -> None:
    _put_meta(db, "rules", str(version))


def older_rules(db: sqlite3.Connection) -> OlderRules | None:
    """What older rules than this program's have made, `None` where nothing is of older ones."""
    version = read_rules(db)
    if version >= RULES:
        return None
    keys: set[PositionKey] = set()
    without_pnl: set[PositionKey] = set()
    # A position that no plan has taken up yet has nothing of any rules.
    for record in db.execute(
        "SELECT account, con_id, without_pnl FROM known"
        " WHERE planned_seq > 0 OR decided_from IS NOT NULL"
    ):
        key = PositionKey(record["account"], record["con_id"])
        keys.add(key)
        if record["without_pnl"]:
            without_pnl.add(key)
    return OlderRules(version, frozenset(keys), frozenset(without_pnl))


def doubt_fills(db: sqlite3.Connection, as_of: datetime) -> None:
    """A sync was committed that may not have known all fills of its day."""
    _put_meta(db, _FILLS_DOUBTED, stamp(as_of))


def fills_known_until(db: sqlite3.Connection) -> dict[str, datetime]:
    """By account, its last complete sync, where that knew all fills of its day."""
    doubted = _meta(db, _FILLS_DOUBTED) or ""
    found = db.execute(
        "SELECT code, last_synced_at FROM accounts WHERE last_synced_at > ?", (doubted,)
    )
    return {record["code"]: moment(record["last_synced_at"]) for record in found}


def unbound(db: sqlite3.Connection, accounts: Sequence[str]) -> list[str]:
    """Which of `accounts` have no id yet, in their order."""
    known = {record["code"] for record in db.execute("SELECT code FROM accounts")}
    return [code for code in dict.fromkeys(accounts) if code not in known]


def check_environment(db: sqlite3.Connection, environment: Environment) -> None:
    """Raise `LedgerForeign` where the ledger is bound to another environment."""
    bound = read_environment(db)
    if bound is not None and bound is not environment:
        raise LedgerForeign(
            f"This ledger keeps {bound} accounts, and the broker's are {environment}: "
            f"use another ledger file for {environment}."
        )


def bind(
    db: sqlite3.Connection, environment: Environment, accounts: Sequence[str], now: datetime
) -> None:
    """Bind at first meeting; give new accounts their ids, in the gateway's order."""
    check_environment(db, environment)
    fresh = unbound(db, accounts)
    if not fresh:
        return
    is_first = read_environment(db) is None
    if is_first:
        _put_meta(db, "environment", environment.value)
        line = Line("", None, "bound", f"bound to {environment} accounts", ", ".join(fresh))
        write_lines(db, [line], None, now)
    add_accounts(db, fresh, now, accepted=is_first)


def add_accounts(
    db: sqlite3.Connection, codes: Sequence[str], now: datetime, *, accepted: bool
) -> None:
    """Give accounts their ids; those that the ledger knows stay as they are."""
    environment = read_environment(db)
    status = "accepted" if accepted else "waiting"
    for code in unbound(db, codes):
        db.execute(
            "INSERT INTO accounts (code, environment, status, first_seen_at) VALUES (?, ?, ?, ?)",
            (code, environment.value if environment else "", status, stamp(now)),
        )
        line = Line(code, None, "account", f"account {code} met, {status}", "the gateway's list")
        write_lines(db, [line], None, now)


def _meta(db: sqlite3.Connection, name: str) -> str | None:
    record = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    if record is None:
        return None
    value: str = record["value"]
    return value


def _put_meta(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
