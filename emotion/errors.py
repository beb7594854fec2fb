"""Mistakes that a person can mend: what was wrong, what to do next, and the exit code of the contract."""


class EmotionError(Exception):
    """Base of every error that ends a command with a message instead of a traceback.

    `message` says what was wrong and what was found; `hint` says what to do next.
    """

    exit_code = 70

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EmotionError):
    """The command line does not make sense."""

    exit_code = 2


class BadDataError(EmotionError):
    """Input was found and read, and is wrong."""

    exit_code = 65


class InputMissingError(EmotionError):
    """A file, folder, split, run or model that was named is not there."""

    exit_code = 66


class UnavailableError(EmotionError):
    """Something outside is needed and cannot be had: a hub, weights, a GPU, an optional package."""

    exit_code = 69


class CheckFailedError(EmotionError):
    """A result failed its own check, such as the parity of the exported model."""

    exit_code = 70


class CannotWriteError(EmotionError):
    """The store or an output cannot be written: permissions, a full disk, a read-only file system."""

    exit_code = 73


class TryAgainError(EmotionError):
    """Nothing is wrong that will not pass: a run held by another process, a lost peer."""

    exit_code = 75


class BadParametersError(EmotionError):
    """params.toml or --set: unknown keys, wrong types, impossible values, or another run's parameters."""

    exit_code = 78


class Terminated(BaseException):
    """SIGTERM arrived. Ends the process with 143, so that an evicted pod never counts as succeeded."""

    exit_code = 143
