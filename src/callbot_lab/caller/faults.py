"""Faults that a caller commits on purpose, drawn from a seed so that what the server should store is known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..errors import LabError


class Fault(StrEnum):
    """What is done to a message, or to a call."""

    MALFORMED = "malformed"
    DROP = "drop"
    DUPLICATE = "duplicate"
    JITTER = "jitter"
    HALF_OPEN = "half-open"
    RESET = "reset"


OF_MESSAGES = (Fault.MALFORMED, Fault.DROP, Fault.DUPLICATE)
OF_CALLS = (Fault.HALF_OPEN, Fault.RESET)

LAST_SLOT = 50
"""Faults of a call happen within so many of its first chunks."""


@dataclass(frozen=True)
class Plan:
    """How much of each fault there is: shares of messages or of calls, and milliseconds of jitter."""

    amounts: dict[Fault, float]
    seed: int = 0

    @classmethod
    def parse(cls, texts: Sequence[str], seed: int) -> Plan:
        """A plan from `KIND=AMOUNT`; LabError for another kind or amount."""
        amounts: dict[Fault, float] = {}
        for text in texts:
            name, _, number = text.partition("=")
            try:
                kind, amount = Fault(name), float(number)
            except ValueError:
                raise LabError(
                    f"'{text}' is no fault; accepted is KIND=AMOUNT with {', '.join(Fault)}, such as drop=0.01"
                ) from None
            most = 1000.0 if kind is Fault.JITTER else 1.0
            if not 0 <= amount <= most:
                unit = "milliseconds" if kind is Fault.JITTER else "a share"
                raise LabError(f"{name} is {unit}: accepted is 0 to {most:g}, not {number}")
            amounts[kind] = amount
        return cls(amounts, seed)

    @property
    def jitter_ms(self) -> float:
        """Most milliseconds by which a message is late."""
        return self.amounts.get(Fault.JITTER, 0.0)

    def of_messages(self, slot: int, calls: int) -> dict[int, Fault]:
        """The calls whose message in a slot is tampered with, and how."""
        shares = [(kind, self.amounts[kind]) for kind in OF_MESSAGES if self.amounts.get(kind)]
        if not shares:
            return {}
        draw, found = random.Random(f"{self.seed}-{slot}"), {}
        for call in range(calls):
            number = draw.random()
            for kind, share in shares:
                if number < share:
                    found[call] = kind
                    break
                number -= share
        return found

    def of_calls(self, calls: int) -> dict[int, tuple[int, Fault]]:
        """The calls that break off, with the slot in which they do, and how."""
        draw, found = random.Random(f"{self.seed}-calls"), {}
        for call in range(calls):
            number, slot = draw.random(), draw.randrange(1, LAST_SLOT)
            for kind in OF_CALLS:
                share = self.amounts.get(kind, 0.0)
                if number < share:
                    found[call] = (slot, kind)
                    break
                number -= share
        return found
