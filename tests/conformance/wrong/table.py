"""The table of wrong implementations, and how a class with a fault becomes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from .. import reference
from ..oracle_json import Node
from ..reference import AudioBuffer, AudioProcessor, Codec
from ..reference_formats import Formats

MUTANTS: dict[str, Mutant] = {}


@dataclass(frozen=True)
class Mutant:
    """An implementation with a fault, and the sections that must fail for it."""

    implementation: Any
    sections: tuple[str, ...]


def assemble(codec: Any = None, buffer: Any = None, processor: Any = None) -> SimpleNamespace:
    """An implementation from parts of the reference, with others put in their place."""
    if codec is not None:
        buffer = type("AudioBuffer", (AudioBuffer,), {"codec": codec()})
    if buffer is not None and processor is None:
        processor = type("AudioProcessor", (AudioProcessor,), {"buffer": buffer})
    used = buffer or AudioBuffer

    def decode(chunk: Any, /) -> bytes:
        """Decode with the codec of the buffer."""
        decoded: bytes = used.codec.decode(chunk)
        return decoded

    return SimpleNamespace(
        BUILD=dict(reference.BUILD),
        decode=decode,
        AudioBuffer=used,
        AudioProcessor=processor or AudioProcessor,
    )


def wrong(*sections: str) -> Callable[[Any], Any]:
    """Enter a class with a fault, or a function that spoils an implementation, into the table."""

    def enter(fault: Any) -> Any:
        if not isinstance(fault, type):
            made = assemble()
            fault(made)
        elif issubclass(fault, Codec):
            made = assemble(codec=fault)
        elif issubclass(fault, Formats):
            made = assemble(processor=type("AudioProcessor", (AudioProcessor,), {"formats": fault()}))
        elif issubclass(fault, Node):
            made = assemble(processor=type("AudioProcessor", (AudioProcessor,), {"node": fault}))
        elif issubclass(fault, AudioBuffer):
            made = assemble(buffer=fault)
        else:
            made = assemble(processor=fault)
        MUTANTS[fault.__name__] = Mutant(made, sections)
        return fault

    return enter
