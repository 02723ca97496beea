"""The errors a person can meet; each message is one sentence that says what to do."""

from __future__ import annotations


class LiteDriftError(Exception):
    """Base of every error whose message is one sentence fit for a person to read.

    Attributes:
        details: The lower library's own full text, for those who want it; often empty.
    """

    details: str = ""

    def __init__(self, message: str, details: str = "") -> None:
        """Keep the sentence apart from the lower library's own long text."""
        super().__init__(message)
        self.details = details


class ModelFileError(LiteDriftError):
    """The model file cannot be used: missing, empty, of an unknown format, or unsafe."""


class DataError(LiteDriftError):
    """The data file cannot be used with this model: shape, dtype, names or labels do not fit."""


class RecipeError(LiteDriftError):
    """The flags of a recipe contradict each other, or a recipe's name is unknown."""


class ConversionError(LiteDriftError):
    """TFLiteConverter refused the model."""


class RuntimeModelError(LiteDriftError):
    """LiteRT could not load, allocate or run a converted file."""


class WorkerError(LiteDriftError):
    """A child process crashed, ran past its limit or answered nothing."""


class DiskSpaceError(WorkerError):
    """A child process was stopped because the disk is nearly full; its input is not to blame."""


def blame_the_disk(error: WorkerError, name: str) -> None:
    """Raise the error anew, with the file's name, where a full disk is the reason.

    For who would otherwise say of the file that it is damaged.

    Args:
        error: Why a child process was stopped.
        name: What a person knows the file by.

    Raises:
        DiskSpaceError: Where the error is one.
    """
    if isinstance(error, DiskSpaceError):
        raise DiskSpaceError(f"{name[:80]}: {error}", error.details) from error


class RunCancelledError(Exception):
    """The person asked the run to stop.

    No `LiteDriftError`: what keeps the failure of one variant must never keep this.
    """


class SettingError(LiteDriftError, ValueError):
    """A setting of the operator has no usable value."""


class TrustError(LiteDriftError):
    """An upload would be executed behind walls that are too weak for a stranger's model."""


class GateError(LiteDriftError):
    """A gate cannot be evaluated: the comparison is unreadable or lacks the recipe."""


class BundleError(LiteDriftError):
    """A bundle cannot be written or read: something is missing, damaged or not what it says."""


class StoreError(LiteDriftError):
    """A run or an upload cannot be read from, or written to, the data folder."""


class ExportError(LiteDriftError):
    """A run cannot be exported: nothing to export, or a value that the contract does not know."""
