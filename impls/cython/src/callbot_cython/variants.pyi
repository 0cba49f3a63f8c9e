from collections.abc import Mapping
from typing import Protocol

from typing_extensions import Buffer

import callbot_cython

__all__ = ["avx2", "avx512", "releasing", "scalar"]

class _Variant(Protocol):
    @property
    def BUILD(self) -> Mapping[str, str]: ...  # noqa: N802
    def decode(self, chunk: str | Buffer, /) -> bytes: ...
    def AudioBuffer(self, capacity: int = 10485760, *, limit: int | None = None) -> callbot_cython.AudioBuffer: ...  # noqa: N802
    def AudioProcessor(  # noqa: N802
        self,
        *,
        capacity: int = 10485760,
        limit: int | None = None,
        max_calls: int | None = None,
        max_bytes: int | None = None,
    ) -> callbot_cython.AudioProcessor: ...

scalar: _Variant
avx2: _Variant
avx512: _Variant
releasing: _Variant
