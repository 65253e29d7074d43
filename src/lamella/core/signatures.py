"""Calls and attributes with wrong names: errors that name the right ones."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import CodeType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from lamella.core.errors import ArgumentError
from lamella.core.names import TRANSLATIONS, expect_known, object_named, suggestion

Function = TypeVar("Function", bound=Callable[..., Any])


def arguments_of(cls: type) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a class's ``__init__`` by name."""
    if cls.__init__ is object.__init__:  # type: ignore[misc]
        return {}
    return _arguments(cls.__init__)  # type: ignore[misc]


@functools.cache
def _arguments(initializer: Callable[..., None]) -> Mapping[str, inspect.Parameter]:
    parameters = dict(inspect.signature(initializer).parameters)
    parameters.pop("self", None)
    return parameters


def expect_arguments(
    name: str,
    parameters: Mapping[str, inspect.Parameter],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> None:
    """Raise an ArgumentError if a call of ``name`` has arguments that ``parameters`` do not."""
    kinds = [parameter.kind for parameter in parameters.values()]
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        for keyword in kwargs:
            expect_known(f"{name}'s argument", keyword, parameters)
    positional = [p.name for p in parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
    twice = [name for name in positional[: len(args)] if name in kwargs]
    if twice:
        raise ArgumentError(
            f"{name} got {twice[0]} twice, without a name and with it: the order is "
            f"{', '.join(positional)}"
        )
    if len(args) > len(positional) and inspect.Parameter.VAR_POSITIONAL not in kinds:
        others = [p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY]
        remedies = [f"name the others, such as {others[0]}=..."] if others else []
        remedies += ["put several objects for one argument in a list"] if positional else []
        layers = [object_named("Layer", arg) for arg in args if isinstance(arg, str)]
        remedies = [f"put a layer of its own after it, {x}" for x in layers if x] or remedies
        raise ArgumentError(
            f"{name} takes {', '.join(positional) or 'nothing'} without a name, got {len(args)} "
            f"argument{'s' * (len(args) > 1)}{': ' if remedies else ''}{', or '.join(remedies)}"
        )


def known_arguments(function: Function) -> Function:
    """Decorate a function so that a wrong argument's name raises an ArgumentError with the right.

    A right call costs no more than one call of Python.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            inside = error.__traceback__ and error.__traceback__.tb_next
            if inside is None:  # the call failed, not the function
                parameters = dict(inspect.signature(function).parameters)
                owned = [name for name in ("self", "model", "cls") if parameters.pop(name, None)]
                expect_arguments(function.__name__, parameters, args[len(owned) :], kwargs)
            raise

    return call  # type: ignore[return-value]


class KnownNames:
    """Base of classes whose objects name the right word where an argument or attribute is wrong."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        expect_arguments(cls.__name__, arguments_of(cls), args, kwargs)
        return super().__new__(cls)

    if not TYPE_CHECKING:  # mypy would take every attribute for known

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(unknown_attribute(self, name), name=name, obj=self)


def unknown_attribute(owner: object, name: str) -> str:
    """Return the message of an AttributeError, with the right name if there is one."""
    text = f"{type(owner).__name__!r} object has no attribute {name!r}"
    if name.startswith("_"):
        return text
    known = [word for word in dir(owner) if not word.startswith("_")]
    if name in known and name not in TRANSLATIONS:  # a property without a value
        return f"{text} yet"
    found = suggestion(name, known, 0.7)
    return f"{text}: {found}" if found else text


@functools.lru_cache(maxsize=256)
def names_in_code(kind: type) -> frozenset[str]:
    """Return the names and strings in the code of a class and its bases, and annotated names."""
    names: set[str] = set()
    for base in kind.__mro__:
        names.update(inspect.get_annotations(base))
        for value in vars(base).values():
            function: Any = value.fget if isinstance(value, property) else value
            function = inspect.unwrap(getattr(function, "__func__", function))
            names.update(_names_in(getattr(function, "__code__", None)))
    return frozenset(names)


def _names_in(code: CodeType | None) -> Iterator[str]:
    if code is not None:
        yield from code.co_names
        for constant in code.co_consts:
            if isinstance(constant, str):  # setattr(self, "name", value)
                yield constant
            elif isinstance(constant, CodeType):
                yield from _names_in(constant)
