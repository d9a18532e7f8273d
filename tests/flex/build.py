"""Synthetic Flex statements of demo accounts, with the attributes and habits of real ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

ACCOUNT = "DU1000001"

Attributes = dict[str, str]
STOCK = {
    "currency": "USD",
    "assetCategory": "STK",
    "symbol": "XYZ",
    "description": "XYZ CORP",
    "conid": "1",
    "multiplier": "1",
    "strike": "",
    "expiry": "",
    "putCall": "",
    "underlyingSymbol": "",
    "underlyingConid": "",
}


def put(
    strike: str = "50", con_id: int = 5, right: str = "P", expiry: str = "20260306"
) -> Attributes:
    return {
        **STOCK,
        "assetCategory": "OPT",
        "symbol": f"XYZ   {expiry[2:]}{right}{int(float(strike) * 1000):08d}",
        "description": f"XYZ {expiry} {strike} {right}",
        "conid": str(con_id),
        "multiplier": "100",
        "strike": strike,
        "expiry": expiry,
        "putCall": right,
        "underlyingSymbol": "XYZ",
        "underlyingConid": "1",
    }


def call(strike: str = "50", con_id: int = 5) -> Attributes:
    return put(strike, con_id, "C")


def trade(
    quantity: str,
    price: str,
    at: str,
    commission: str = "-1",
    *,
    exec_id: str = "",
    what: Attributes = STOCK,
    **more: str,
) -> Attributes:
    """An execution; ids follow from time and quantity unless given."""
    return {
        **what,
        "tradeID": f"T{at}{quantity}",
        "dateTime": at,
        "tradeDate": at.partition(";")[0],
        "transactionType": "ExchTrade",
        "exchange": "ISLAND",
        "quantity": quantity,
        "tradePrice": price,
        "ibCommission": commission,
        "ibCommissionCurrency": what["currency"],
        "buySell": "SELL" if quantity.startswith("-") else "BUY",
        "openCloseIndicator": "",
        "notes": "",
        "fifoPnlRealized": "0",
        "transactionID": f"X{at}{quantity}",
        "ibExecID": exec_id or f"0000f1e0.{at.replace(';', '')}{quantity.lstrip('-')}.01.01",
        "origTradeID": "",
        "levelOfDetail": "EXECUTION",
        **more,
    }


def booking(
    quantity: str,
    code: str,
    at: str,
    *,
    what: Attributes,
    price: str = "0",
    cost: str = "0",
    realized: str = "0",
    **more: str,
) -> Attributes:
    """What IBKR books without a trade, dated 16:20 of a day."""
    base = trade(quantity, price, f"{at};162000", "0", what=what)
    return {
        **base,
        "transactionType": "BookTrade",
        "exchange": "--",
        "notes": code,
        "cost": cost,
        "fifoPnlRealized": realized,
        "ibExecID": "",
        **more,
    }


def ended(quantity: str, kind: str, day: str, *, what: Attributes, **more: str) -> Attributes:
    """A row of the section on options that ended."""
    return {
        **what,
        "date": day,
        "transactionType": kind,
        "quantity": quantity,
        "tradePrice": "0",
        "proceeds": "0",
        "costBasis": "0",
        "realizedPnl": "0",
        **more,
    }


def action(quantity: str, words: str, at: str, *, kind: str = "FS", **more: str) -> Attributes:
    return {
        **STOCK,
        "reportDate": at.partition(";")[0],
        "dateTime": at,
        "actionDescription": words,
        "quantity": quantity,
        "type": kind,
        "actionID": f"A{at}",
        "transactionID": f"X{at}{quantity}",
        "levelOfDetail": "DETAIL",
        **more,
    }


def transfer(quantity: str, at: str, **more: str) -> Attributes:
    direction = "OUT" if quantity.startswith("-") else "IN"
    return {
        **STOCK,
        "reportDate": at,
        "date": at,
        "type": "ACATS",
        "direction": direction,
        "account": "DU1000009",
        "quantity": quantity,
        "transferPrice": "0",
        "positionAmount": "0",
        "pnlAmount": "0",
        "levelOfDetail": "TRANSFER",
        **more,
    }


@dataclass
class Sheet:
    """One statement."""

    trades: Sequence[Attributes] = ()
    options: Sequence[Attributes] = ()
    actions: Sequence[Attributes] = ()
    transfers: Sequence[Attributes] = ()
    account: str = ACCOUNT
    since: str = "20260101"
    until: str = "20260331"
    other: str = ""
    attributes: Attributes = field(default_factory=dict)

    def xml(self) -> str:
        head = {
            "accountId": self.account,
            "fromDate": self.since,
            "toDate": self.until,
            "period": "LastQuarter",
            "whenGenerated": "20260401;031500",
            **self.attributes,
        }
        return (
            f"<FlexStatement {_attributes(head)}>\n"
            + self._section("Trades", "Trade", self.trades)
            + self._section("OptionEAE", "OptionEAE", self.options)
            + self._section("CorporateActions", "CorporateAction", self.actions)
            + self._section("Transfers", "Transfer", self.transfers)
            + self.other
            + "</FlexStatement>\n"
        )

    def _section(self, name: str, row: str, rows: Iterable[Attributes]) -> str:
        lines = "".join(
            f"<{row} {_attributes({'accountId': self.account, **texts})} />\n" for texts in rows
        )
        return f"<{name}>\n{lines}</{name}>\n"


def document(*sheets: Sheet, head: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}'
        '<FlexQueryResponse queryName="possync" type="AF">\n'
        f'<FlexStatements count="{len(sheets)}">\n'
        + "".join(sheet.xml() for sheet in sheets)
        + "</FlexStatements>\n</FlexQueryResponse>\n"
    )


def write(path: Path, *sheets: Sheet) -> Path:
    path.write_text(document(*sheets), encoding="utf-8")
    return path


def _attributes(texts: Attributes) -> str:
    return " ".join(f"{name}={quoteattr(text)}" for name, text in texts.items())
