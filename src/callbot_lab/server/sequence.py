"""Counts what the numbers of a call's messages say about gaps, repeats and wrap-around.

Nothing is dropped on account of a number: TCP neither loses nor repeats, so an odd number is far likelier a fault of
the sender's counting than of its audio. The counts go into the call's note.
"""

from __future__ import annotations

MOST_NUMBER = 2**64 - 1
"""Highest number that counts: what all parsers read, and no counter of a call gets there."""

WRAPS = (16, 31, 32)
"""Bits after which counters start again."""


class Sequence:
    """The numbers of one call, in the order in which they came."""

    __slots__ = ("expected", "gaps", "missing", "repeats", "wraps")

    def __init__(self) -> None:
        self.expected: int | None = None
        self.gaps = self.missing = self.repeats = self.wraps = 0

    def seen(self, number: int) -> None:
        """Take a number; the first one may be any."""
        if number == self.expected or self.expected is None:
            self.expected = number + 1
        elif number > self.expected:
            self._gap(number - self.expected)
            self.expected = number + 1
        elif span := self._wrapped(number):
            self.wraps += 1
            # A counter starts again at 0 or at 1; neither is a gap.
            self._gap(span - self.expected + max(0, number - 1))
            self.expected = number + 1
        else:
            self.repeats += 1

    def _wrapped(self, number: int) -> int:
        """How far the counter goes, if a number far below the expected one is its start; else 0.

        As for RTP (RFC 3550, appendix A.1) both have to be near the ends: within a sixteenth of them.
        """
        assert self.expected is not None
        for bits in WRAPS:
            span, near = 1 << bits, 1 << (bits - 4)
            if span - near < self.expected <= span and number < near:
                return span
        return 0

    def _gap(self, missing: int) -> None:
        if missing > 0:
            self.gaps += 1
            self.missing += missing

    def as_data(self) -> dict[str, int]:
        """The counts, for a note."""
        return {"gaps": self.gaps, "missing": self.missing, "repeats": self.repeats, "wraps": self.wraps}
