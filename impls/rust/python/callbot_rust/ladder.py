"""The ladder: what a call does on its way to a decoded chunk, one thing more on each rung."""

from ._native import best, ladder

__all__ = ["accept", "allocate", "copy", "decode", "noop"]

noop = ladder.noop
accept = ladder.accept
allocate = ladder.allocate
copy = ladder.copy
decode = best.decode
