"""Average-cost arithmetic of one holding, exact in Decimal.

As TWS does it: the average cost is money per contract with multiplier and commission in it, it
stays when a position is reduced, and a fill through zero closes the old position and opens a new
one at the fill's price.
"""

from decimal import ROUND_HALF_EVEN, Decimal

from possync_tui.domain.values import dataclass

ZERO = Decimal(0)
#: TWS writes average costs with at most seven decimals (291.2660812 in recorded sessions).
COST_STEP = Decimal("0.0000001")


@dataclass(slots=True)
class Holding:
    """One position of one account. ``basis`` is its whole cost as a positive amount of money."""

    quantity: Decimal = ZERO
    basis: Decimal = ZERO
    realized: Decimal = ZERO
    """Realized today, net of commissions on both sides."""
    opening_unrealized: Decimal = ZERO
    """Unrealized P&L when the desk's day began; daily P&L counts from it."""

    @property
    def average_cost(self) -> Decimal:
        """Money per contract, rounded as the wire has it; zero when flat."""
        if not self.quantity:
            return ZERO
        return (self.basis / abs(self.quantity)).quantize(COST_STEP, ROUND_HALF_EVEN)

    def unrealized(self, price: Decimal, unit: Decimal) -> Decimal:
        """Value at ``price`` less cost, in the contract's currency."""
        cost = self.basis if self.quantity > 0 else -self.basis
        return self.quantity * price * unit - cost

    def apply(
        self, signed: Decimal, price: Decimal, unit: Decimal, commission: Decimal
    ) -> Decimal | None:
        """Book a fill of ``signed`` contracts; the closed part's net P&L, None if none closed.

        A fill that closes and opens spreads its commission over both parts by size.
        """
        size = abs(signed)
        closing = min(size, abs(self.quantity)) if signed * self.quantity < 0 else ZERO
        realized: Decimal | None = None
        if closing:
            realized = self._close(closing, price * unit, commission * closing / size)
        opening = size - closing
        if opening:
            direction = 1 if signed > 0 else -1
            # Commission makes a long cost more and a short bring less.
            self.basis += opening * price * unit + direction * commission * opening / size
            self.quantity += direction * opening
        return realized

    def _close(self, size: Decimal, money: Decimal, commission: Decimal) -> Decimal:
        held = abs(self.quantity)
        direction = 1 if self.quantity > 0 else -1
        cost = self.basis * size / held
        net = direction * (money * size - cost) - commission
        self.quantity -= direction * size
        # The last contract takes the remainder, so that division residue never outlives it.
        self.basis = self.basis - cost if self.quantity else ZERO
        self.opening_unrealized = self.opening_unrealized * (held - size) / held
        self.realized += net
        return net


@dataclass(frozen=True, slots=True)
class Seed:
    """The position with which a history begins; ``price`` is the mark at that time."""

    quantity: Decimal
    average_cost: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade in a history; ``key`` is the execution id without its correction suffix."""

    key: str
    signed: Decimal
    price: Decimal
    commission: Decimal


@dataclass(frozen=True, slots=True)
class Split:
    """``new`` shares for every ``old``; the cost of the whole stays."""

    new: Decimal
    old: Decimal


Step = Seed | Fill | Split


def replay(steps: list[Step], unit: Decimal) -> tuple[Holding, dict[str, Decimal | None]]:
    """The holding that a history leads to, and what each fill of it realized.

    A correction replaces a fill in the history, so everything after it follows.
    """
    holding = Holding()
    realized: dict[str, Decimal | None] = {}
    for step in steps:
        match step:
            case Seed(quantity, average_cost, price):
                holding.quantity = quantity
                holding.basis = abs(quantity) * average_cost
                holding.opening_unrealized = holding.unrealized(price, unit)
            case Fill(key, signed, price, commission):
                realized[key] = holding.apply(signed, price, unit, commission)
            case Split(new, old):
                holding.quantity = holding.quantity * new / old
    return holding, realized
