"""A mix: the parts of one server, written `SERVER+PARSER+IMPLEMENTATION`.

What is left out at the end is not done: `SERVER+PARSER` parses and stores nothing, `SERVER` only receives.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import LabError
from ..server.frontends import FRONT_ENDS
from ..server.parsers import PARSERS
from ..server.settings import Stage

WITHOUT_JOURNAL = " without journal"


@dataclass(frozen=True)
class Mix:
    """The parts of a server; `parser` or `implementation` is empty where a mix ends before it."""

    server: str
    parser: str = ""
    implementation: str = ""
    journal: bool = True

    @classmethod
    def parse(cls, text: str) -> Mix:
        """The mix that a text names; LabError if it names none."""
        parts, _, rest = text.partition(WITHOUT_JOURNAL)
        server, parser, implementation, *more = [*parts.split("+"), "", ""][: max(3, parts.count("+") + 1)]
        unparsed = bool(implementation) and not parser
        if server not in FRONT_ENDS or (parser and parser not in PARSERS) or unparsed or more or rest:
            raise LabError(
                f"'{text}' is no mix; one is SERVER+PARSER+IMPLEMENTATION, with {', '.join(FRONT_ENDS)} and "
                f"{', '.join(PARSERS)}, such as fastapi+json+python"
            )
        return cls(server, parser, implementation, WITHOUT_JOURNAL not in text)

    def __str__(self) -> str:
        parts = "+".join(filter(None, (self.server, self.parser, self.implementation)))
        return parts if self.journal else parts + WITHOUT_JOURNAL

    @property
    def stage(self) -> Stage:
        """How far it takes a message."""
        return Stage.BUFFER if self.implementation else Stage.PARSE if self.parser else Stage.RECEIVE
