"""The exit codes of every command, and the errors that end a command with one of them."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code means. The Jobs' failure policies and the README name the same codes."""

    DONE = 0, "done"
    USAGE = 2, "usage"
    BAD_DATA = 65, "bad data"
    INPUT_MISSING = 66, "input missing"
    UNAVAILABLE = 69, "something needed is unavailable"
    CHECK_FAILED = 70, "the result failed its own check"
    CANNOT_WRITE = 73, "cannot write"
    TRY_AGAIN = 75, "try again later"
    BAD_PARAMETERS = 78, "bad parameters"
    INTERRUPTED = 130, "interrupted"
    TERMINATED = 143, "stopped, with a checkpoint saved"

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "ExitCode":
        """Make a member that is a number with a meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    @property
    def permanent(self) -> bool:
        """Whether another attempt would fail too. Kubernetes retries all other failures."""
        return self in _PERMANENT


_PERMANENT = {
    ExitCode.USAGE,
    ExitCode.BAD_DATA,
    ExitCode.INPUT_MISSING,
    ExitCode.CHECK_FAILED,
    ExitCode.CANNOT_WRITE,
    ExitCode.BAD_PARAMETERS,
}


class EmotionError(Exception):
    """Base of every error that ends a command with a message instead of a traceback.

    `message` says what was wrong and what was found; `hint` says what to do next.
    """

    exit_code = ExitCode.CHECK_FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EmotionError):
    """The command line does not make sense."""

    exit_code = ExitCode.USAGE


class BadDataError(EmotionError):
    """The input is readable but wrong."""

    exit_code = ExitCode.BAD_DATA


class InputMissingError(EmotionError):
    """A named file, folder, split, run or model is missing."""

    exit_code = ExitCode.INPUT_MISSING


class UnavailableError(EmotionError):
    """An outside resource is missing: a hub, weights, a GPU, an optional package."""

    exit_code = ExitCode.UNAVAILABLE


class CheckFailedError(EmotionError):
    """A result failed its own check, such as the parity of the exported model."""

    exit_code = ExitCode.CHECK_FAILED


class CannotWriteError(EmotionError):
    """The store or an output cannot be written: permissions, a full disk, a read-only file system."""

    exit_code = ExitCode.CANNOT_WRITE


class TryAgainError(EmotionError):
    """The same command may succeed later: another process holds the run, or a worker is lost."""

    exit_code = ExitCode.TRY_AGAIN


class BadParametersError(EmotionError):
    """params.toml or --set: unknown keys, wrong types, impossible values, or another run's parameters."""

    exit_code = ExitCode.BAD_PARAMETERS


class Terminated(BaseException):
    """SIGTERM arrived. The process exits with 143: an evicted pod must not count as succeeded."""

    exit_code = ExitCode.TERMINATED
