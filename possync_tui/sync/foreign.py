"""What a login of another environment pushes before it is refused: none of this ledger's."""

import logging

from possync_tui.domain.connection import Environment, environment_of
from possync_tui.domain.observations import Fill, Observed, RowPushed
from possync_tui.domain.plan import Book

logger = logging.getLogger(__name__)


def without_foreign(
    observations: tuple[Observed, ...],
    book: Book,
    bound: Environment | None,
    given: Environment | None,
) -> tuple[Observed, ...]:
    """Those that a ledger of the environment `bound` may keep.

    An account that it has met is its own, whatever it is called like. `given` overrides what the
    code of another one says.
    """

    def is_foreign(code: str) -> bool:
        return code not in book.accounts and (given or environment_of((code,))) is not bound

    if bound is None:
        return observations
    codes = {code for item in observations if (code := _account_of(item))}
    foreign = {code for code in codes if is_foreign(code)}
    if not foreign:
        return observations
    logger.warning("not stored: observations of %d accounts that are not %s", len(foreign), bound)
    return tuple(item for item in observations if _account_of(item) not in foreign)


def _account_of(item: Observed) -> str:
    match item:
        case Fill(account=account):
            return account
        case RowPushed(row=row):
            return row.account
        case _:
            return ""
