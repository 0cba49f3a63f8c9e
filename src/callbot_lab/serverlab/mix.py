"""A mix: the parts of one server, written `SERVER+PARSER+IMPLEMENTATION`.

What is left out at the end is not done: `SERVER+PARSER` parses and stores nothing, `SERVER` only receives. With
`ingest` for a parser the implementation reads whole messages. Behind it may stand what else is different: ` decode
only` (its buffer is not used), ` without journal`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import LabError
from ..server.frontends import FRONT_ENDS
from ..server.parsers import INGEST, PARSERS
from ..server.settings import Stage

DECODE_ONLY = " decode only"
WITHOUT_JOURNAL = " without journal"


@dataclass(frozen=True)
class Mix:
    """The parts of a server; `parser` or `implementation` is empty where a mix ends before it."""

    server: str
    parser: str = ""
    implementation: str = ""
    journal: bool = True
    decode_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Mix:
        """The mix that a text names; LabError if it names none."""
        parts = text.removesuffix(WITHOUT_JOURNAL)
        journal = parts == text
        decode_only = parts.endswith(DECODE_ONLY)
        server, parser, implementation, *more = [*parts.removesuffix(DECODE_ONLY).split("+"), "", ""]
        found = cls(server, parser, implementation, journal, decode_only)
        known = server in FRONT_ENDS and " " not in implementation and found._whole
        if any(more) or str(found) != text or not known:
            raise LabError(
                f"'{text}' is no mix; one is SERVER+PARSER+IMPLEMENTATION, with {', '.join(FRONT_ENDS)} and "
                f"{', '.join(PARSERS)} or {INGEST}, such as fastapi+json+python"
            )
        return found

    @property
    def _whole(self) -> bool:
        """Whether nothing is there without what it needs."""
        if not self.implementation:
            return self.parser in ("", *PARSERS) and not self.decode_only
        return self.parser in PARSERS or (self.parser == INGEST and not self.decode_only)

    def __str__(self) -> str:
        parts = "+".join(filter(None, (self.server, self.parser, self.implementation)))
        return parts + DECODE_ONLY * self.decode_only + WITHOUT_JOURNAL * (not self.journal)

    @property
    def stage(self) -> Stage:
        """How far it takes a message."""
        return Stage.BUFFER if self.implementation else Stage.PARSE if self.parser else Stage.RECEIVE
