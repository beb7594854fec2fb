"""Serves a pod's streams to kubectl: the logs, and the input and output of commands in the pod."""

import asyncio
import contextlib
import json
import os
import re
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from tests.cluster.api_objects import ApiError

# Seconds between two polls of watches and logs, which other threads change.
TICK = 0.02
CHUNK = 32 * 1024
PROTOCOL = "v5.channel.k8s.io"
# The protocol's channels: the first byte of every message. CLOSE is followed by the channel that has ended.
STDIN, STDOUT, STDERR, ERROR, CLOSE = 0, 1, 2, 3, 255
IN_POD = re.compile(r"(?<![\w./-])/(store|tmp)(?![\w-])")


def local_command(command: list[str], pod: dict[str, Any], store: Path) -> list[str]:
    """Give the words of a pod's command with this machine's folders: the test's /store, and the pod's own /tmp."""
    folders = {"store": store, "tmp": store.with_name("pods") / pod["metadata"]["uid"]}
    folders["tmp"].mkdir(parents=True, exist_ok=True)
    return [IN_POD.sub(lambda match: str(folders[match[1]]), word) for word in command]


async def tick(request: web.Request) -> bool:
    """Wait one tick; False where the client has disconnected."""
    await asyncio.sleep(TICK)
    return request.transport is not None and not request.transport.is_closing()


def container_of(pod: dict[str, Any], query: dict[str, str]) -> str:
    """Give the name of the request's container; refuse a name that the pod lacks."""
    name = pod["metadata"]["name"]
    known = [container["name"] for container in pod.get("spec", {}).get("containers", [])]
    asked = query.get("container", "")
    if not asked and len(known) > 1:
        text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(known)}]"
        raise ApiError(400, "BadRequest", text)
    if asked and known and asked not in known:
        raise ApiError(400, "BadRequest", f"container {asked} is not valid for pod {name}")
    return asked or (known or ["main"])[0]


@dataclass
class Log:
    """A container's log lines with their times in nanoseconds.

    containerd stamps stdout and stderr apart, so a line may have an earlier time than the line before it.
    """

    lines: list[tuple[int, str]] = field(default_factory=list)
    ended: bool = False

    def append(self, text: str, late: int = 0) -> None:
        """Add a line; its time is `late` nanoseconds ago."""
        self.lines.append((time.time_ns() - late, text))

    def start(self, query: dict[str, str]) -> int:
        """Give the index of the first line that a request may select."""
        return max(0, len(self.lines) - int(query.get("tailLines", len(self.lines))))


def since(query: dict[str, str]) -> int:
    """Give the time in nanoseconds from which a request selects lines."""
    # The API takes whole seconds, so kubectl truncates --since-time.
    return int(datetime.fromisoformat(query.get("sinceTime", "1970-01-01T00:00:00Z")).timestamp()) * 10**9


def sent_line(line: tuple[int, str], query: dict[str, str]) -> bytes:
    """Format a log line for a request, with or without its time."""
    seconds, rest = divmod(line[0], 10**9)
    when = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z "
    return f"{when if query.get('timestamps') == 'true' else ''}{line[1]}\n".encode()


class Logs:
    """The logs of every pod's containers, oldest first; a line after a log's end starts the next log."""

    def __init__(self) -> None:
        self._of: dict[str, list[Log]] = {}
        self._followers: list[web.Request] = []

    def of(self, uid: str) -> list[Log]:
        """Give a pod's logs; a new pod has one empty log."""
        return self._of.setdefault(uid, [Log()])

    def append(self, uid: str, line: str, late: int = 0) -> None:
        """Add a line to a pod's log; its time is `late` nanoseconds ago."""
        if self.of(uid)[-1].ended:
            self.of(uid).append(Log())
        self.of(uid)[-1].append(line, late)

    def asked_for(self, pod: dict[str, Any], query: dict[str, str]) -> Log:
        """Give the log that a request selects, or refuse with the reason."""
        logs = self.of(pod["metadata"]["uid"])
        name, container, previous = pod["metadata"]["name"], container_of(pod, query), query.get("previous") == "true"
        if previous and len(logs) == 1:
            text = f'previous terminated container "{container}" in pod "{name}" not found'
            raise ApiError(400, "BadRequest", text)
        if pod.get("status", {}).get("phase") == "Pending" and not logs[-1].lines:
            text = f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating'
            raise ApiError(400, "BadRequest", text)
        return logs[-2] if previous else logs[-1]

    async def send(
        self, request: web.Request, log: Log, query: dict[str, str], exists: Callable[[], bool]
    ) -> web.StreamResponse:
        """Answer with a log and, for a follower, with new lines until the end of the log or the pod."""
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        follow, sent = query.get("follow") == "true", log.start(query)
        if follow:
            self._followers.append(request)
        while True:
            # Read the end before the lines, so that no line before the end is missed.
            over = not follow or log.ended or not exists()
            new = log.lines[sent:]
            sent += len(new)
            wanted = [line for line in new if line[0] >= since(query)]
            await response.write(b"".join(sent_line(line, query) for line in wanted))
            if over or not await tick(request):
                return response

    async def cut(self) -> None:
        """Close the connections of all followers without completing their HTTP responses."""
        while self._followers:
            # A completed response has no transport.
            if (transport := self._followers.pop().transport) is not None:
                transport.abort()


def exit_status(code: int) -> dict[str, Any]:
    """Build the v1.Status of an ended command."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with exit code {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def feed(socket: web.WebSocketResponse, stdin: asyncio.StreamWriter | None) -> None:
    """Write the client's input to a command, then close it, as a cluster does even for a lost client."""
    async for message in socket:
        # A command that has closed its input may still write output.
        if stdin is None or stdin.is_closing() or message.type is not WSMsgType.BINARY:
            continue
        if message.data[:2] == bytes([CLOSE, STDIN]):
            stdin.close()
        elif message.data[0] == STDIN:
            stdin.write(message.data[1:])
            with contextlib.suppress(ConnectionError):
                await stdin.drain()
    if stdin is not None:
        stdin.close()


async def pump(output: asyncio.StreamReader | None, socket: web.WebSocketResponse, channel: int) -> None:
    """Send a command's output to its end; a lost client does not stop the command."""
    while output is not None and (data := await output.read(CHUNK)):
        with contextlib.suppress(ConnectionError):
            await socket.send_bytes(bytes([channel]) + data)


async def converse(socket: web.WebSocketResponse, process: Process) -> int:
    """Transfer a command's input and output, and give its exit code."""
    feeding = asyncio.create_task(feed(socket, process.stdin))
    try:
        await asyncio.gather(pump(process.stdout, socket, STDOUT), pump(process.stderr, socket, STDERR))
        code = await process.wait()
        # A shell's exit code for a signal.
        return code if code >= 0 else 128 - code
    finally:
        feeding.cancel()
        # The server may stop before the command. asyncio must reap the process before its loop closes.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def execute(
    request: web.Request, pod: dict[str, Any], query: dict[str, str], store: Path
) -> web.WebSocketResponse:
    """Run a command of `kubectl exec` on this machine."""
    container = container_of(pod, query)
    if pod.get("status", {}).get("phase") != "Running":
        text = f'unable to upgrade connection: container not found ("{container}")'
        raise ApiError(500, "InternalError", text)
    socket = web.WebSocketResponse(protocols=(PROTOCOL,), compress=False, max_msg_size=0)
    if PROTOCOL not in request.headers.get("Sec-WebSocket-Protocol", ""):
        raise ApiError(400, "BadRequest", f"only WebSockets with {PROTOCOL} here")
    await socket.prepare(request)
    command = local_command(request.query.getall("command"), pod, store)
    given = PIPE if query.get("stdin") == "true" else DEVNULL
    try:
        # With SIGXFSZ ignored, a write beyond the limit on file sizes fails as on a full disk.
        process = await asyncio.create_subprocess_exec(
            "env", "--ignore-signal=XFSZ", *command, stdin=given, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
        status = exit_status(await converse(socket, process))
    except OSError as error:
        status = ApiError(
            500, "InternalError", f"Internal error occurred: error executing command in container: {error}"
        ).status
    with contextlib.suppress(ConnectionError):
        await socket.send_bytes(bytes([ERROR]) + json.dumps(status).encode())
    await socket.close()
    return socket
