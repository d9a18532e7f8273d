"""The XML of a Flex statement: the rows of the sections that matter, as text.

A file is somebody else's text: no DTD and so no entities of its own (nothing to fetch, nothing to
expand), a limit on its size, and whatever it says is data.
"""

from dataclasses import field
from pathlib import Path
from xml.parsers import expat

from possync_tui.domain.text import printable
from possync_tui.domain.values import dataclass

LARGEST_FILE = 512 * 1024 * 1024
_LONGEST_TEXT = 2_000

# The rows that are read, by the section around them: IBKR gives some a section of the same name.
_ROWS = {
    "Trades": "Trade",
    "OptionEAE": "OptionEAE",
    "CorporateActions": "CorporateAction",
    "Transfers": "Transfer",
}
_WANTED = frozenset(
    (
        *("account", "accountId", "actionDescription", "actionID", "assetCategory", "buySell"),
        *("commisionsAndTax", "conid", "cost", "costBasis", "currency", "cusip", "date"),
        *("dateTime", "isin", "origTradeDate", "securityID", "taxes"),
        *("description", "exchange", "expiry", "fifoPnlRealized", "ibCommission"),
        *("ibCommissionCurrency", "ibExecID", "multiplier", "notes", "openCloseIndicator"),
        *("orderReference", "origTradeID", "origTransactionID", "pnlAmount", "positionAmount"),
        *("proceeds", "putCall", "quantity", "realizedPnl", "reportDate", "strike", "symbol"),
        *("tradeDate", "tradeID", "tradePrice", "tradeTime", "transactionID", "transactionType"),
        *("type", "underlyingConid", "underlyingSymbol"),
    )
)


class FlexRefused(Exception):
    """The file is not taken, whole; the message says why, and leaves the file's name to others."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as it stands: its attributes but for blank ones, and the line it is on."""

    kind: str
    line: int
    texts: dict[str, str]


@dataclass
class RawStatement:
    """One `FlexStatement`: its attributes, and the rows by their kind."""

    texts: dict[str, str]
    sections: set[str] = field(default_factory=set)
    rows: dict[str, list[RawRow]] = field(default_factory=dict)
    other_detail: int = 0
    """Trades that are sums of others: orders, symbols."""

    def of(self, kind: str) -> list[RawRow]:
        return self.rows.get(kind, [])


def read_document(path: Path) -> list[RawStatement]:
    """The statements of a file. Raises `FlexRefused`."""
    try:
        if not path.is_file():
            raise FlexRefused("there is no such file" if not path.exists() else "it is not a file")
        if path.stat().st_size > LARGEST_FILE:
            raise FlexRefused(f"it is larger than {LARGEST_FILE // 2**20} MB")
        reader = _Reader()
        with path.open("rb") as file:
            reader.parser.ParseFile(file)
    except OSError as error:
        raise FlexRefused(f"it cannot be read: {error.strerror or error}") from error
    except expat.ExpatError as error:
        if error.lineno <= 1 and not reader.path:
            raise FlexRefused("it is not XML, and so no Flex statement") from error
        why = expat.ErrorString(error.code)
        raise FlexRefused(f"it is damaged or cut short at line {error.lineno}: {why}") from error
    except (ValueError, LookupError) as error:
        # What expat says of an encoding that it does not know.
        raise FlexRefused(f"it cannot be read: {printable(str(error))[:120]}") from error
    return reader.result()


class _Reader:
    """Follows expat through the file and keeps what is wanted of it."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = _refuse_doctype
        self.parser.buffer_text = True
        self.path: list[str] = []
        self._statements: list[RawStatement] = []
        self._declared: str | None = None
        self._failure: dict[str, str] = {}

    def result(self) -> list[RawStatement]:
        if not self._statements:
            raise FlexRefused("it holds no statement")
        if self._declared is not None and self._declared != str(len(self._statements)):
            declared = printable(self._declared)[:20]
            raise FlexRefused(
                f"it says that it has {declared} statements, and has {len(self._statements)}"
            )
        return self._statements

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.path.append(tag)
        match self.path:
            case [root]:
                if root not in ("FlexQueryResponse", "FlexStatementResponse"):
                    raise FlexRefused(
                        f"it is XML, but no Flex statement: it begins with <{printable(tag)[:40]}>"
                    )
            case ["FlexQueryResponse", "FlexStatements"]:
                self._declared = attributes.get("count")
            case ["FlexQueryResponse", "FlexStatements", "FlexStatement"]:
                self._statements.append(RawStatement(attributes))
            case ["FlexQueryResponse", "FlexStatements", "FlexStatement", section]:
                self._statements[-1].sections.add(section)
            case ["FlexQueryResponse", "FlexStatements", "FlexStatement", section, row]:
                self._row(section, row, attributes)
            case _:
                pass

    def _row(self, section: str, row: str, attributes: dict[str, str]) -> None:
        statement = self._statements[-1]
        if _ROWS.get(section) != row:
            statement.other_detail += section == "Trades"
            return
        if attributes.get("levelOfDetail", "") not in ("", "EXECUTION", "DETAIL", "TRANSFER"):
            statement.other_detail += section == "Trades"
            return
        texts = {name: text for name, text in attributes.items() if text and name in _WANTED}
        line = self.parser.CurrentLineNumber
        for name, text in texts.items():
            if len(text) > _LONGEST_TEXT:
                raise FlexRefused(f"line {line}: {row} has {len(text)} characters in {name}")
        if "dateTime" not in texts and "tradeDate" in texts and "tradeTime" in texts:
            # Queries made before 2018 have the two apart.
            texts["dateTime"] = f"{texts['tradeDate']};{texts['tradeTime']}"
        statement.rows.setdefault(row, []).append(RawRow(row, line, texts))

    def _text(self, text: str) -> None:
        """What the web service answers where it has no statement."""
        if self.path[0] == "FlexStatementResponse" and len(self.path) == 2:
            self._failure[self.path[1]] = text[:200]

    def _end(self, tag: str) -> None:
        self.path.pop()
        if self.path or tag != "FlexStatementResponse":
            return
        said = printable(self._failure.get("ErrorMessage", "").strip())
        what = f": {said}" if said else ""
        raise FlexRefused(f"it is an answer of IBKR's web service without a statement{what}")


def _refuse_doctype(*_: object) -> None:
    raise FlexRefused("it declares a document type, which no Flex statement does")
