"""What a reader decides with: thresholds, prices and values, read from data/decision.toml and checked key by key."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import LabError
from ..paths import CLAIMS
from ..server.frontends import FRONT_ENDS
from ..server.parsers import INGEST, PARSERS
from ..serverlab.mix import Mix
from ..workload import FORMATS

DECISION = CLAIMS.parent / "decision.toml"

MONTHS = 12
"""Of a year, since cores are paid by the month."""


@dataclass(frozen=True)
class Gates:
    """Thresholds: the share of CPU that a change has to save, with which probability, and what counts as a tie."""

    gain: float
    probability: float
    tie: float


@dataclass(frozen=True)
class Load:
    """What has to be served: calls of a format at a time, the share of a core that is used, for how many years.

    `examples` are other numbers of calls, which a report answers for before all else.
    """

    format: str
    calls: float
    utilisation: float
    years: float
    examples: tuple[float, ...]


@dataclass(frozen=True)
class Price:
    """What a part of a server costs to own, in days of an engineer: once and in every year."""

    once_days: float
    yearly_days: float


@dataclass(frozen=True)
class Value:
    """Something that money does not say: parts that it rules out, and what it adds to the price of parts in a year."""

    name: str
    note: str
    veto: tuple[str, ...]
    yearly: Mapping[str, float]


@dataclass(frozen=True)
class Settings:
    """All of data/decision.toml; `curves`: implementations that the cost model has by another name, with that name."""

    servers: tuple[str, ...]
    boundaries: tuple[str, ...]
    ladder: tuple[str, ...]
    gates: Gates
    load: Load
    currency: str
    core_month: float
    day: float
    prices: Mapping[str, Price]
    values: tuple[Value, ...]
    curves: Mapping[str, str]

    @property
    def parts(self) -> tuple[str, ...]:
        """Everything that an answer may be made of, in the order of the lists."""
        return (*self.servers, *self.boundaries, *self.ladder)

    @property
    def entered(self) -> tuple[Value, ...]:
        """The values that rule something out or weigh something."""
        return tuple(value for value in self.values if value.veto or any(value.yearly.values()))

    @property
    def vetoed(self) -> frozenset[str]:
        """Parts that a value rules out."""
        return frozenset(part for value in self.values for part in value.veto)

    def price(self, mix: Mix) -> float:
        """What the parts of a mix cost to own over all years, in money, with what the values add."""
        years, whole = self.load.years, 0.0
        for part in parts_of(mix):
            days = self.prices[part].once_days + self.prices[part].yearly_days * years
            whole += days * self.day + years * sum(value.yearly.get(part, 0.0) for value in self.values)
        return whole

    def cores(self, us: float, messages: float) -> float:
        """Cores that all calls need, at so many microseconds a message and messages a second of each call.

        Parts of a core count as such: many servers share a machine.
        """
        return self.load.calls * messages * us / 1e6 / self.load.utilisation

    def money(self, cores: float) -> float:
        """What cores cost over all years."""
        return cores * self.core_month * MONTHS * self.load.years


def parts_of(mix: Mix) -> tuple[str, str, str]:
    """Server, boundary and implementation of a mix, by which it is priced."""
    return mix.server, mix.parser, mix.implementation


def read(path: Path = DECISION, changes: Sequence[str] = ()) -> Settings:
    """Read the settings, with changes such as `load.calls=2000`; LabError that names the key if anything is wrong."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise LabError(f"{path} is no TOML: {error}") from None
    for change in changes:
        _change(data, change)
    return _checked(_Table(data, "", str(path)))


def _change(data: dict[str, Any], text: str) -> None:
    """Put one value of `KEY=VALUE` in its place; whether the key exists and the value fits is checked afterwards."""
    key, equals, value = (part.strip() for part in text.partition("="))
    *tables, last = key.split(".")
    if not (equals and value and all((*tables, last))):
        raise LabError(f"--set {text}: accepted is KEY=VALUE, such as load.calls=2000")
    place = data
    for name in tables:
        inner = place.setdefault(name, {})
        if not isinstance(inner, dict):
            raise LabError(f"--set {text}: {name} is no table whose keys can be set; change it in a copy of the file")
        place = inner
    place[last] = _value(value)


def _value(text: str) -> Any:
    """A value as TOML has it; text that is none is taken for a word, so that nobody has to quote twice."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text


def _checked(root: _Table) -> Settings:
    servers = root.words("servers", known=FRONT_ENDS)
    boundaries = root.words("boundaries", known=(*PARSERS, INGEST))
    ladder = root.words("ladder")
    gates, load, money = root.table("gates"), root.table("load"), root.table("money")
    prices = _prices(root.table("price"))
    for part in (*servers, *boundaries, *ladder):
        if part not in prices:
            raise LabError(f"{root.source}: price.{part} is missing")
    curves = root.table("curves")
    found = Settings(
        servers,
        boundaries,
        ladder,
        Gates(gates.number("gain", 0, 0.9), gates.number("probability", 0.5, 0.9999), gates.number("tie", 0, 0.9)),
        Load(
            load.word("format", known=FORMATS),
            load.number("calls", 1, 1e9),
            load.number("utilisation", 0.01, 1),
            load.number("years", 0.1, 50),
            load.numbers("examples", 1, 1e9),
        ),
        money.word("currency"),
        money.number("core_month", 0, 1e6),
        money.number("day", 0, 1e6),
        prices,
        tuple(_of_value(value, prices) for value in root.tables("values")),
        {name: curves.word(name) for name in curves.left},
    )
    for table in (gates, load, money, root):
        table.done()
    return found


def _prices(table: _Table) -> dict[str, Price]:
    prices = {}
    for name in table.left:
        price = table.table(name)
        prices[name] = Price(price.number("once_days", 0, 1e5), price.number("yearly_days", 0, 1e4))
        price.done()
    return prices


def _of_value(table: _Table, prices: Collection[str]) -> Value:
    name, note = table.word("name"), table.word("note")
    veto = table.words("veto", known=prices, fewest=0)
    yearly = table.table("yearly")
    for part in yearly.left:
        if part not in prices:
            raise LabError(f"{table.source}: {yearly.key(part)} weighs what has no price; there are: {_all(prices)}")
    found = Value(name, note, veto, {part: yearly.number(part, -1e9, 1e9) for part in yearly.left})
    table.done()
    return found


class _Table:
    """A table of the file, from which keys are taken one by one; what is wrong is a LabError that names the key."""

    def __init__(self, data: Any, name: str, source: str) -> None:
        self.name, self.source = name, source
        if not isinstance(data, dict):
            raise LabError(f"{source}: {name} is {data!r}; accepted is a table of keys")
        self._data, self._known = dict(data), list[str]()

    @property
    def left(self) -> list[str]:
        """Keys that were not taken yet."""
        return list(self._data)

    def key(self, key: str) -> str:
        """A key as it is written in --set."""
        return f"{self.name}.{key}" if self.name else key

    def number(self, key: str, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        value = self._take(key)
        # A bool is an int to Python, and nobody means 1 by true.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise self._wrong(key, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def numbers(self, key: str, low: float, high: float) -> tuple[float, ...]:
        """A list of numbers from `low` to `high`, each more than the one before; it may be empty."""
        value = self._take(key)
        good = isinstance(value, list)
        good = good and all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in value)
        good = good and all(low <= one <= high for one in value) and value == sorted(set(value))
        if not good:
            raise self._wrong(key, value, f"a list of numbers from {low:g} to {high:g}, the least first")
        return tuple(float(one) for one in value)

    def word(self, key: str, known: Collection[str] = ()) -> str:
        """A text, of `known` ones if there are any."""
        value = self._take(key)
        if not isinstance(value, str) or not value or (known and value not in known):
            raise self._wrong(key, value, f"one of {_all(known)}" if known else "a text in quotation marks")
        return value

    def words(self, key: str, known: Collection[str] = (), fewest: int = 1) -> tuple[str, ...]:
        """A list of different texts, of `known` ones if there are any."""
        value = self._take(key)
        good = isinstance(value, list) and len(value) >= fewest
        good = good and all(isinstance(word, str) and word and (not known or word in known) for word in value)
        if not good or len(set(value)) != len(value):
            raise self._wrong(key, value, f"a list of {f'some of {_all(known)}' if known else 'names'}, each once")
        return tuple(value)

    def table(self, key: str) -> _Table:
        """A table within."""
        return _Table(self._take(key), self.key(key), self.source)

    def tables(self, key: str) -> list[_Table]:
        """A list of tables within; it may be left out."""
        value = self._data.get(key, [])
        self._known.append(key)
        self._data.pop(key, None)
        if not isinstance(value, list):
            raise self._wrong(key, value, f"tables that each begin with [[{key}]]")
        return [_Table(one, f"{self.key(key)}[{number}]", self.source) for number, one in enumerate(value)]

    def done(self) -> None:
        """Refuse what is left: a key that nothing reads is a misspelt one."""
        for key in self._data:
            raise LabError(f"{self.source}: there is no key {self.key(key)}; there are: {_all(self._known)}")

    def _take(self, key: str) -> Any:
        self._known.append(key)
        if key not in self._data:
            raise LabError(f"{self.source}: {self.key(key)} is missing")
        return self._data.pop(key)

    def _wrong(self, key: str, value: Any, accepted: str) -> LabError:
        return LabError(f"{self.source}: {self.key(key)} is {value!r}; accepted is {accepted}")


def _all(names: Collection[str]) -> str:
    return ", ".join(names)
