from collections.abc import Mapping

import callbot_rust

__all__ = ["BUILD", "AudioBuffer", "AudioProcessor", "decode"]

BUILD: Mapping[str, str]

decode = callbot_rust.decode

def AudioBuffer(capacity: int = 10485760, *, limit: int | None = None) -> callbot_rust.AudioBuffer: ...  # noqa: N802
def AudioProcessor(  # noqa: N802
    *,
    capacity: int = 10485760,
    limit: int | None = None,
    max_calls: int | None = None,
    max_bytes: int | None = None,
) -> callbot_rust.AudioProcessor: ...
