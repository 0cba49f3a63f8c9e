"""What the numbers of messages say: cases worked out by hand."""

from __future__ import annotations

import pytest

from callbot_lab.server.sequence import Sequence


@pytest.mark.parametrize(
    ("numbers", "gaps", "missing", "repeats", "wraps"),
    [
        ([1, 2, 3], 0, 0, 0, 0),
        ([7, 8], 0, 0, 0, 0),
        ([1, 2, 5, 6], 1, 2, 0, 0),
        ([1, 3, 5], 2, 2, 0, 0),
        ([1, 2, 2, 3], 0, 0, 1, 0),
        ([1, 2, 3, 1, 4], 0, 0, 1, 0),
        ([65534, 65535, 0, 1], 0, 0, 0, 1),
        ([65535, 1, 2], 0, 0, 0, 1),
        ([65533, 0], 1, 2, 0, 1),
        ([65535, 3], 1, 2, 0, 1),
        ([2**31 - 1, 0], 0, 0, 0, 1),
        ([2**32 - 1, 0, 1], 0, 0, 0, 1),
        ([65536, 0], 0, 0, 1, 0),
        ([30000, 0], 0, 0, 1, 0),
    ],
)
def test_numbers_are_counted(numbers: list[int], gaps: int, missing: int, repeats: int, wraps: int) -> None:
    sequence = Sequence()
    for number in numbers:
        sequence.seen(number)
    assert sequence.as_data() == {"gaps": gaps, "missing": missing, "repeats": repeats, "wraps": wraps}
