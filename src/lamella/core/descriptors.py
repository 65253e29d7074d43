"""Attributes that are checked when they are set; without ``__get__``, so reading costs nothing."""

from collections.abc import Callable
from typing import Any

from lamella.core.errors import UsageError


class Checked:
    """Hyper-parameter that a function of `lamella.core.validation` checks whenever it is set.

    ``check(name, value, *limits, **options)`` returns the valid value or raises an ArgumentError,
    and the old value remains. With ``optional`` None is valid too.
    """

    def __init__(
        self, check: Callable[..., Any], *limits: Any, optional: bool = False, **options: Any
    ) -> None:
        self.check, self.limits, self.options = check, limits, options
        self.optional = optional

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, part: Any, value: Any) -> None:
        if not (self.optional and value is None):
            value = self.check(self.name, value, *self.limits, **self.options)
        vars(part)[self.name] = value


class Fixed:
    """Attribute that ``__init__`` sets; a later assignment raises a UsageError."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, part: Any, value: Any) -> None:
        if self.name in vars(part):
            kind = type(part).__name__
            raise UsageError(
                f"{kind}.{self.name} is fixed when the model is made, and its memory and random "
                f"streams depend on it: make a new {kind} with {self.name}={value!r:.200}"
            )
        vars(part)[self.name] = value


def checked(check: Callable[..., Any], *limits: Any, optional: bool = False, **options: Any) -> Any:
    """Return `Checked` as a value of any type, for the annotation of the attribute."""
    return Checked(check, *limits, optional=optional, **options)


def fixed() -> Any:
    """Return `Fixed` as a value of any type, for the annotation of the attribute."""
    return Fixed()
