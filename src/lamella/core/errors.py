"""The errors lamella raises: each says what was expected, what came, and what to do."""


class LamellaError(Exception):
    """Base of every error that lamella raises on purpose; catch it to catch them all."""


class ArgumentError(LamellaError, ValueError):
    """A hyper-parameter or option is of the wrong kind or out of its range."""


class ShapeError(LamellaError, ValueError):
    """An array has another shape than the layer, loss or model expects."""


class DataError(LamellaError, ValueError):
    """The data cannot be trained on: empty, not finite, labels out of range."""


class UsageError(LamellaError, RuntimeError):
    """A call that is right in itself came at the wrong time, or two parts do not fit together."""


class BackendError(LamellaError, RuntimeError):
    """The array backend asked for cannot be used; the text says why and what to install."""


class FileFormatError(LamellaError, ValueError):
    """A file is damaged, truncated, or not of the kind that was expected."""


class MissingExtraError(LamellaError, ImportError):
    """An optional dependency is not installed; the text names the extra that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(package, extra, purpose)

    def __str__(self) -> str:
        package, extra, purpose = self.args
        return f"{purpose} needs {package}, which is not installed: pip install 'lamella[{extra}]'"


class DivergenceWarning(UserWarning):
    """Training was stopped because a number was no longer finite."""


class CheckWarning(UserWarning):
    """`fit` saw something in data or model that keeps a network from learning."""


class CheckError(LamellaError, AssertionError):
    """A check of `lamella.testing` found something wrong with a layer, loss or optimizer."""
