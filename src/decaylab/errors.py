"""The exception tree. Every message says what was found, where, and what to do.

The command line turns a `DecaylabError` into one line on stderr and its `exit_status`.
"""


class DecaylabError(Exception):
    """Base of all errors that a user can cause and mend."""

    exit_status = 2


class InputError(DecaylabError):
    """An option or argument that cannot be used."""


class DataError(DecaylabError):
    """A data set, a table of rooms or a file of curves that cannot be used."""


class SimulationError(DecaylabError):
    """A room that could not be simulated."""


class ModelError(DecaylabError):
    """An unknown model or loss, or a combination that cannot work."""


class RunLogError(DecaylabError):
    """A run, or an experiments folder, that cannot be found, read or written."""


class CheckFailed(DecaylabError):  # noqa: N818 - it is an answer, not a mistake of the user
    """What was asked for does not hold: verification failed, metrics disagree."""

    exit_status = 1


class MissingExtraError(DecaylabError):
    """An optional dependency is not installed.

    Args:
        package: what could not be imported.
        extra: of decaylab that brings it; None for a package that none does.
        purpose: what needs it, the subject of the message.
    """

    def __init__(self, package: str, extra: str | None, purpose: str) -> None:
        wanted = package if extra is None else f"'decaylab[{extra}]'"
        super().__init__(f"{purpose} needs the package '{package}', which is not installed: pip install {wanted}")
