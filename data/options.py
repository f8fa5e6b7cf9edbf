"""Options of a user, declared once: fields of frozen dataclasses that carry type, range, default and help.

The command line, recipes, docs/cli.md, ``index info`` and the tests read these declarations. Plain data: no numpy here,
nor where options are declared, since ``--help`` imports them.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

from intrex.data.errors import UsageError, json_type, nearest_name

LARGEST_INT = 2**31 - 1
LARGEST_FLOAT = 3.4028234663852886e38
_DECLARED = "option"
ValueType = type
_READ: dict[Any, dict[str, Option]] = {}
P = TypeVar("P", bound="Options")
T = TypeVar("T")


@dataclass(frozen=True)
class When:
    """Condition of an option: another option has one of some values or, without values, is given at all.

    Attributes:
        key: the other option.
        values: of which it must have one, or
        starts: with one of which its text must begin.
        built: it was chosen when the index was built.
        text: the condition in words, where it is no option of the command line.
    """

    key: str
    values: tuple[object, ...] = ()
    starts: tuple[str, ...] = ()
    built: bool = False
    text: str = ""

    def holds(self, values: Mapping[str, object]) -> bool:
        """Tell whether the other option is as needed; ``values`` by key, those left out are None."""
        value = values.get(self.key)
        matches = value in self.values or str(value).startswith(self.starts)
        return matches if self.values or self.starts else value is not None

    def spell(self, key: str) -> str:
        """Say what is needed, with a spelling of the other option's key."""
        named = [*map(str, self.values), *(f"{start}..." for start in self.starts)]
        return self.text or (key if named in ([], ["True"]) else f"{key} {' or '.join(named)}")

    def __str__(self) -> str:
        return self.spell(flag_of(self.key))


@dataclass(frozen=True)
class Option:
    """One thing that a user may choose.

    Attributes:
        key: its name in recipes, and in Python unless that differs.
        field: its name in Python.
        type: of its value: bool, int, float, str, Path, tuple or dict (of str to float).
        default: its value where it is not chosen; None leaves it to the program.
        required: there is no default.
        help: one sentence.
        flags: its spellings on the command line, ours first.
        switches: further spellings without a value, each with the value that it stands for.
        low, high: least and greatest number; ``above``: a number that it must be greater than.
        choices: the values there are, of a tuple its items; nothing where they are not a list.
        when: what it depends on.
        choice_when: what single values of it depend on.
        panel: the subject under which help shows it, that of its class by default.
        common: help shows it without being asked for all options.
        metavar: what its value is called.
        blank: an empty text has a meaning.
        item: the type of a tuple's items.
        count: how many items a tuple has, where that is fixed.
        hidden: help does not show it.
        neutral: whatever its value, documents are ranked alike, so that no tag names it (`intrex.data.tags`).
        owner: the option whose value names the method that it belongs to in a tag; that of ``when`` by default.
        names: ``module:attribute`` of names that a shell completes, where there are more values than these.
        check: raises `UsageError` for values that the rest does not exclude.
        parse: makes the value of the words of a command line, where it is not one word.
    """

    key: str
    field: str
    type: ValueType
    default: Any
    required: bool
    help: str
    flags: tuple[str, ...]
    switches: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    above: float | None = None
    choices: tuple[object, ...] = ()
    when: When | None = None
    choice_when: Mapping[Any, When] = dataclasses.field(default_factory=dict)
    panel: str = ""
    common: bool = False
    metavar: str = ""
    blank: bool = False
    item: ValueType = str
    count: int = 0
    hidden: bool = False
    neutral: bool = False
    owner: str = ""
    names: str = ""
    check: Callable[[Any], object] | None = None
    parse: Callable[[list[str]], Any] | None = None

    def problems(self, value: Any) -> Iterator[str]:
        """Yield what is wrong with a value, as the end of a sentence that begins with the option's name."""
        parts = value if self.type is tuple else [value]
        if not is_a(value, self.type):
            yield f"is {json_type(value)}, needed: {json_type(self.type())}"
        elif self.type in (int, float) and not self._within(value):
            yield f"is {value}, needed: {self.range}"
        elif self.type in (str, tuple) and not value and not self.blank:
            yield "is empty"
        elif self.choices and (unknown := [v for v in parts if v not in self.choices]):
            yield f"is {unknown[0]!r}: {nearest_name(str(unknown[0]), map(str, self.choices))}"
        elif isinstance(value, (list, tuple)) and (wrong := [v for v in value if not is_a(v, self.item)]):
            yield f"holds {json_type(wrong[0])}, needed: {json_type(self.item())}"
        elif self.check is not None:
            try:
                self.check(value)
            except UsageError as error:
                yield f"cannot be: {error.message}"

    def _within(self, value: float) -> bool:
        most = LARGEST_INT if self.type is int else LARGEST_FLOAT
        low, high = (-most if self.low is None else self.low), (most if self.high is None else self.high)
        return low <= value <= high and (self.above is None or value > self.above)

    @property
    def range(self) -> str:
        """Range of a number in words; every finite number where no bound is declared."""
        if self.above is not None:
            return f"a finite number above {self.above:g}"
        if self.low is not None and self.high is not None:
            return f"{self.low:.10g} to {self.high:.10g}"
        if self.low is not None:
            return f"a finite number of {self.low:.10g} or more"
        return "a finite number"


def option(
    *,
    default: Any = MISSING,
    help: str,  # noqa: A002 - what every command line calls it
    key: str | None = None,
    flags: tuple[str, ...] = (),
    factory: Callable[[], Any] | None = None,
    **declared: Any,
) -> Any:
    """Declare a field of an `Options` class; see `Option` for the arguments.

    ``flags`` are further spellings; those that begin with ``=`` take the place of our own.
    """
    metadata = {_DECLARED: {"help": help, "key": key, "flags": flags, **declared}}
    value = {"default": default} if factory is None else {"default_factory": factory}
    return dataclasses.field(**value, metadata=metadata)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(option, dataclasses.field))
def declare(cls: type[T]) -> type[T]:
    """Make an `Options` class of a class whose fields are made by `option`: a frozen dataclass."""
    # Equality and text are those of `Options`: made anew for each class, they would double the start-up of the command line.
    return dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)


def is_a(value: object, kind: type) -> bool:
    """Tell whether a value of TOML or Python is of a kind; an integer is a number, a truth value is not."""
    allowed = {float: (int, float), tuple: (list, tuple)}.get(kind, (kind,))
    return isinstance(value, allowed) and isinstance(value, bool) == (kind is bool)


def flag_of(key: str) -> str:
    """Spell a key as an option of the command line."""
    return f"--{key.replace('_', '-')}"


class Options:
    """Choices with their declarations; a subclass is made by `declare`, and may name the panel of its own options.

    Raises:
        UsageError: a value is of the wrong kind, out of its range, or depends on another that is not there.
    """

    def __init_subclass__(cls, panel: str = "") -> None:
        for field in vars(cls).values():
            if isinstance(field, dataclasses.Field) and _DECLARED in field.metadata:
                field.metadata[_DECLARED].setdefault("panel", panel)

    def __post_init__(self) -> None:
        """Refuse values that cannot be."""
        declared = options_of(type(self))
        for item in declared.values():
            value = getattr(self, item.field)
            if value is not None and value != item.default:
                for problem in item.problems(value):
                    message, _, hint = problem.partition(": ") if item.choices else (problem, "", "")
                    raise UsageError(f"{item.flags[0]} {message}", hint or None)
        for key, needed in unmet_conditions(declared, self.to_dict()):
            raise UsageError(f"{flag_of(key)} is for {needed}", f"add {needed}, or leave {flag_of(key)} out")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *map(str, vars(self).values())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"

    def to_dict(self) -> dict[str, Any]:
        """Return the values by key, without those that are left to the program."""
        declared = options_of(type(self)).items()
        return {key: v for key, item in declared if (v := getattr(self, item.field)) is not None}

    def part(self, kind: type[P]) -> P:
        """Take the values that another class of options declares too."""
        mine = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return kind(**{f.name: mine[f.name] for f in fields(kind) if f.name in mine})  # type: ignore[arg-type]

    @classmethod
    def of(cls, options: Options) -> Self:
        """Read options of a more general class as those of this one; its own stay as they are by default."""
        return options if isinstance(options, cls) else options.part(cls)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Make options of values by key; raises `UsageError` as the class does, and for keys that it lacks."""
        declared = options_of(cls)
        if unknown := [key for key in values if key not in declared]:
            raise UsageError(f"unknown option {unknown[0]!r}", nearest_name(unknown[0], declared))
        named = {declared[key].field: value for key, value in values.items()}
        return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in named.items()})


def unmet_conditions(
    declared: Mapping[str, Option], values: Mapping[str, Any], built: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, When]]:
    """Yield the options that depend on another that is not as they need, each with its condition.

    Args:
        declared: by key.
        values: chosen values by key; a default that was not chosen counts as the other option's value.
        built: what an index was built with, by key; without it only ``values`` are looked at.
    """
    settings = {key: item.default for key, item in declared.items()} | dict(values)
    for key, value in values.items():
        item = declared[key]
        if value == item.default:
            continue
        choice = item.choice_when.get(value) if isinstance(value, str) else None
        for needed in filter(None, (item.when, choice)):
            context = settings if not needed.built else built
            if context is not None and not needed.holds(context):
                yield key, needed


def options_of(cls: Any) -> dict[str, Option]:
    """Return the declarations of an `Options` class by key, in order; those of a parent come first."""
    if cls not in _READ:
        hints = get_type_hints(cls)
        declared = [f for f in fields(cls) if _DECLARED in f.metadata]
        options = (_read_field(f, hints[f.name], dict(f.metadata[_DECLARED])) for f in declared)
        _READ[cls] = {item.key: item for item in options}
    return _READ[cls]


def _read_field(field: dataclasses.Field[Any], hint: Any, declaration: dict[str, Any]) -> Option:
    key = declaration.pop("key") or field.name
    flags = declaration.pop("flags")
    replaced = [flag[1:] for flag in flags if flag.startswith("=")]
    kind, item, count = _plain(hint)
    default = None if field.default is MISSING else field.default
    required = field.default is MISSING and field.default_factory is MISSING
    return Option(
        key, field.name, kind, default, required,
        flags=tuple(replaced or [flag_of(key), *flags]), item=item, count=count, **declaration,
    )  # fmt: skip


def _plain(hint: Any) -> tuple[type, type, int]:
    """Return the type of a value that is there, of ``int | None`` int, of a mapping dict; a tuple's items and their number."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    origin = get_origin(hint) or hint
    if origin is not tuple:
        return (dict if isinstance(origin, type) and issubclass(origin, Mapping) else origin), str, 0
    item, *others = get_args(hint)
    return tuple, get_origin(item) or item, 0 if Ellipsis in others else 1 + len(others)
