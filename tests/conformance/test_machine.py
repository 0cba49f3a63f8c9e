"""All subjects side by side with the model, through random sequences of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from .oracle import ModelProcessor, ModelView, outcome
from .texts import CLASSES, encode, pattern

IDS = st.sampled_from(["a", "a", "b", "\ud800"])
WRONG_IDS = st.sampled_from(["nobody", "", 5, None, b"a"])
MOSTLY_IDS = st.sampled_from(["a", "a", "a", "b", "b", "\ud800", "nobody", "", 5, None, b"a"])
CHUNKS = st.one_of(
    st.sampled_from(["", "AAAA", "AQ==", b"AQI=", "AB==", "AAAA=", "AA\u0141A", b"AA\xff="]),
    st.integers(0, 90).map(lambda size: encode(pattern(size))),
    st.integers(0, 90).map(lambda size: encode(pattern(size)).encode()),
    st.text(CLASSES, max_size=5),
    st.sampled_from([5, None, ("AAAA",)]),
    st.builds(lambda: memoryview(b"A*A*")[::2]),
)
PCM = st.one_of(
    st.binary(max_size=90),
    st.sampled_from(["AAAA", 5, None]),
    st.builds(lambda: memoryview(b"abcd").cast("h")),
)
BOUNDS = st.one_of(st.none(), st.integers(0, 20), st.integers(50, 300))
PICKS = st.integers(0, 30)

ACTIONS: dict[str, Callable[[Any], Any]] = {
    "append": lambda buffer: buffer.append("AAEC"),
    "take": lambda buffer: buffer.take(),
    "clear": lambda buffer: buffer.clear(),
    "fail": lambda buffer: buffer.append("AB=="),
}


class World:
    """One implementation's processor, the buffers that it ever opened and the views still alive."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self.buffers: list[Any] = []
        self.views: list[Any] = []

    def open(self, call_id: Any) -> str:
        """Open a call and keep its buffer, also beyond the end of the call."""
        self.buffers.append(self.processor.open(call_id))
        return "a buffer"

    def find(self, call_id: Any) -> list[bool]:
        """Which of the buffers a call has."""
        found = self.processor[call_id]
        return [buffer is found for buffer in self.buffers]

    def view(self, pick: int) -> bytes:
        """Take a view and keep it alive."""
        self.views.append(self.buffer(pick).view())
        return shown(self.views[-1])

    def release(self, pick: int) -> bytes:
        """Read a view for the last time."""
        view = self.views.pop(pick % len(self.views))
        last = shown(view)
        view.release()
        return last

    def extend_while(self, pick: int, chunks: list[Any], action: str) -> int:
        """Add a batch whose iterable touches the buffer."""
        buffer = self.buffer(pick)

        def iterable() -> Iterator[Any]:
            yield from chunks
            ACTIONS[action](buffer)

        added: int = buffer.extend(iterable())
        return added

    def buffer(self, pick: int) -> Any:
        """One of the buffers ever opened."""
        return self.buffers[pick % len(self.buffers)]


def shown(view: Any) -> bytes:
    """What a view shows, the model's too."""
    return view.data if isinstance(view, ModelView) else bytes(view)


def contents(buffer: Any) -> bytes:
    """What a buffer holds, read through a view."""
    view = buffer.view()
    seen = shown(view)
    view.release()
    return seen


def observed(world: World) -> dict[str, Any]:
    """All that can be seen of a world."""
    processor = world.processor
    seen: dict[str, Any] = {
        "ids": processor.call_ids(),
        "calls": len(processor),
        "total": processor.total_bytes,
        "views": [shown(view) for view in world.views],
    }
    for number, buffer in enumerate(world.buffers):
        seen[f"buffer {number}"] = (
            outcome(lambda buffer=buffer: len(buffer)),  # type: ignore[misc]
            outcome(lambda buffer=buffer: contents(buffer)),  # type: ignore[misc]
            buffer.chunk_count,
            buffer.total_bytes,
        )
    return seen


def agrees(told: tuple[str, Any, Any], wanted: tuple[str, Any, Any]) -> bool:
    """Whether an outcome is the model's; of an OverflowError's text only the number is fixed."""
    if wanted[0] == "OverflowError":
        return told[0] == wanted[0] and told[2] == wanted[2] and wanted[1] in told[1]
    # An index is promised for the items of a batch; nothing is said about other errors.
    return told[:2] == wanted[:2] and (wanted[2] is None or told[2] == wanted[2])


def machine(subjects: dict[str, Any]) -> type[RuleBasedStateMachine]:
    """A state machine over some subjects and the model."""

    class SideBySide(RuleBasedStateMachine):
        """Every step is taken by the model and by all subjects."""

        @initialize(capacity=st.integers(0, 200), limit=BOUNDS, calls=st.integers(1, 3), total=BOUNDS)
        def start(self, capacity: int, limit: int | None, calls: int, total: int | None) -> None:
            options = {"limit": limit, "max_calls": calls, "max_bytes": total}
            self.model = World(ModelProcessor(**options))
            self.worlds = {
                name: World(subject.AudioProcessor(capacity=capacity, **options)) for name, subject in subjects.items()
            }
            self.step(lambda world: world.open("a"))

        def step(self, call: Callable[[World], Any]) -> None:
            wanted = outcome(lambda: call(self.model))
            for name, world in self.worlds.items():
                told = outcome(lambda world=world: call(world))  # type: ignore[misc]
                assert agrees(told, wanted), f"{name}: {told}, not {wanted}"

        @rule(call_id=MOSTLY_IDS)
        def open(self, call_id: Any) -> None:
            self.step(lambda world: world.open(call_id))

        @rule(call_id=MOSTLY_IDS)
        def contains(self, call_id: Any) -> None:
            self.step(lambda world: call_id in world.processor)

        @rule(call_id=MOSTLY_IDS)
        def find(self, call_id: Any) -> None:
            self.step(lambda world: world.find(call_id))

        @rule(call_id=IDS, chunk=CHUNKS)
        def append_to_call(self, call_id: str, chunk: Any) -> None:
            self.step(lambda world: world.processor.append(call_id, chunk))

        @rule(call_id=WRONG_IDS)
        def append_to_nobody(self, call_id: Any) -> None:
            self.step(lambda world: world.processor.append(call_id, "AAAA"))

        @rule(pick=PICKS, chunk=CHUNKS)
        def append(self, pick: int, chunk: Any) -> None:
            self.step(lambda world: world.buffer(pick).append(chunk))

        @rule(pick=PICKS, pcm=PCM)
        def append_pcm(self, pick: int, pcm: Any) -> None:
            self.step(lambda world: world.buffer(pick).append_pcm(pcm))

        @rule(call_id=IDS, chunks=st.lists(CHUNKS, max_size=4))
        def extend_call(self, call_id: str, chunks: list[Any]) -> None:
            self.step(lambda world: world.processor.extend(call_id, iter(chunks)))

        @rule(pick=PICKS, chunks=st.one_of(st.lists(CHUNKS, max_size=4), st.just("AAAA"), st.just(b"")))
        def extend(self, pick: int, chunks: Any) -> None:
            self.step(lambda world: world.buffer(pick).extend(chunks))

        @rule(pick=PICKS, chunks=st.lists(CHUNKS, max_size=2), action=st.sampled_from(sorted(ACTIONS)))
        def extend_while(self, pick: int, chunks: list[Any], action: str) -> None:
            self.step(lambda world: world.extend_while(pick, chunks, action))

        @rule(pick=PICKS)
        def view(self, pick: int) -> None:
            self.step(lambda world: world.view(pick))

        @rule(pick=PICKS)
        def release(self, pick: int) -> None:
            if self.model.views:
                self.step(lambda world: world.release(pick))

        @rule(pick=PICKS)
        def take(self, pick: int) -> None:
            self.step(lambda world: world.buffer(pick).take())

        @rule(pick=PICKS)
        def clear(self, pick: int) -> None:
            self.step(lambda world: world.buffer(pick).clear())

        @rule(call_id=MOSTLY_IDS)
        def close(self, call_id: Any) -> None:
            self.step(lambda world: world.processor.close(call_id))

        @rule(call_id=MOSTLY_IDS)
        def discard(self, call_id: Any) -> None:
            self.step(lambda world: world.processor.discard(call_id))

        @invariant()
        def same(self) -> None:
            if not hasattr(self, "model"):
                return  # before the first step there is nothing to see
            wanted = observed(self.model)
            for name, world in self.worlds.items():
                seen = observed(world)
                assert seen == wanted, f"{name} is not as the model"

    return SideBySide


def test_machine(side_by_side: dict[str, Any]) -> None:
    # Open views are released with the world that holds them; nothing is shared between runs.
    run_state_machine_as_test(machine(side_by_side), settings=settings(stateful_step_count=30))
