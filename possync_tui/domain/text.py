"""Text from outside is data: what of it may reach a terminal, a log or a spreadsheet."""

import re
import unicodedata

# Codes of IBKR accounts: U0000002, DU1000001, DUH123456, DF..., F..., I..., and F0000001A for all
# of an advisor's. Also next to an underscore, as in the names of statements.
_ACCOUNT = re.compile(r"(?<![A-Za-z0-9])(?:D[UFI][A-Z]?|[UFI])\d{5,9}[A-Z]?(?![A-Za-z0-9])")
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """`text` on one line, without control and direction characters."""
    if text.isascii() and text.isprintable():
        return text
    kept = (" " if char in "\t\r\n" else char for char in text)
    return "".join(char for char in kept if unicodedata.category(char) not in _UNSAFE)


def mask_account(code: str) -> str:
    """`DU•••••03` for `DU1000003`: enough to tell one's own accounts apart."""
    if len(code) <= 4:
        return "•" * len(code)
    return code[:2] + "•" * (len(code) - 4) + code[-2:]


def mask_accounts(text: str) -> str:
    """`text` with everything in it masked that looks like an account code."""
    return _ACCOUNT.sub(lambda match: mask_account(match[0]), text)
