"""A pod's streams, as kubectl reads and writes them: its logs, and commands that run in it."""

import asyncio
import bisect
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

# Watches and logs are looked at this often: what they wait for changes in other threads than the loop's.
TICK = 0.02
CHUNK = 32 * 1024
PROTOCOL = "v5.channel.k8s.io"
# Its channels, each message's first byte; CLOSE is followed by the channel that has ended.
STDIN, STDOUT, STDERR, ERROR, CLOSE = 0, 1, 2, 3, 255
IN_STORE = re.compile(r"(?<![\w./-])/store(?![\w-])")


async def tick(request: web.Request) -> bool:
    """Wait a little; tell whether the client is still there."""
    await asyncio.sleep(TICK)
    return request.transport is not None and not request.transport.is_closing()


def container_of(pod: dict[str, Any], query: dict[str, str]) -> str:
    """Name the container that a request means, if the pod has it."""
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
    """What one container wrote, with each line's time in nanoseconds."""

    lines: list[tuple[int, str]] = field(default_factory=list)
    ended: bool = False

    def append(self, text: str) -> None:
        """Add a line, later than the last one."""
        last = self.lines[-1][0] if self.lines else 0
        self.lines.append((max(time.time_ns(), last + 1), text))

    def start(self, query: dict[str, str]) -> int:
        """Give the index of the first line that a request wants."""
        tail = len(self.lines) - int(query.get("tailLines", len(self.lines)))
        # Whole seconds, as the API has them: kubectl cuts off the rest of --since-time.
        since = int(datetime.fromisoformat(query.get("sinceTime", "1970-01-01T00:00:00Z")).timestamp())
        return max(0, tail, bisect.bisect_left(self.lines, (since * 10**9, "")))


def sent_line(line: tuple[int, str], query: dict[str, str]) -> bytes:
    """Give a line of a log as a request wants it."""
    seconds, rest = divmod(line[0], 10**9)
    when = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z "
    return f"{when if query.get('timestamps') == 'true' else ''}{line[1]}\n".encode()


class Logs:
    """The logs of every pod's containers, oldest first; a line after an end is the next container's."""

    def __init__(self) -> None:
        self._of: dict[str, list[Log]] = {}
        self._followers: list[web.Request] = []

    def of(self, uid: str) -> list[Log]:
        """Give a pod's logs, at least one."""
        return self._of.setdefault(uid, [Log()])

    def append(self, uid: str, line: str) -> None:
        """Add a line to a pod's log."""
        if self.of(uid)[-1].ended:
            self.of(uid).append(Log())
        self.of(uid)[-1].append(line)

    def asked_for(self, pod: dict[str, Any], query: dict[str, str]) -> Log:
        """Give the log that a request means, or say why there is none."""
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
        """Answer with a log and, if it is followed, with what is added to it until its end or the pod's."""
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        follow, sent = query.get("follow") == "true", log.start(query)
        if follow:
            self._followers.append(request)
        while True:
            # In this order: a line before the end is not missed.
            over = not follow or log.ended or not exists()
            new = log.lines[sent:]
            sent += len(new)
            await response.write(b"".join(sent_line(line, query) for line in new))
            if over or not await tick(request):
                return response

    async def cut(self) -> None:
        """Close the connections of all who follow a log, without the end that HTTP gives an answer."""
        while self._followers:
            # One that has had its end has no transport any more.
            if (transport := self._followers.pop().transport) is not None:
                transport.abort()


def exit_status(code: int) -> dict[str, Any]:
    """Give the v1.Status of a command that ended."""
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
    """Give a command what the client sends, then an end of input: also when the client is gone, as a cluster does."""
    async for message in socket:
        # A command that reads no more of its input still has output.
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
    """Send a command's output, to the end: a client that is gone does not stop the command."""
    while output is not None and (data := await output.read(CHUNK)):
        with contextlib.suppress(ConnectionError):
            await socket.send_bytes(bytes([channel]) + data)


async def converse(socket: web.WebSocketResponse, process: Process) -> int:
    """Carry a command's input and output and give its exit code."""
    feeding = asyncio.create_task(feed(socket, process.stdin))
    try:
        await asyncio.gather(pump(process.stdout, socket, STDOUT), pump(process.stderr, socket, STDERR))
        code = await process.wait()
        # What a shell makes of a signal.
        return code if code >= 0 else 128 - code
    finally:
        feeding.cancel()
        # Only the end of the server comes before the end of a command; asyncio wants to see it while the loop is there.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def execute(
    request: web.Request, pod: dict[str, Any], query: dict[str, str], store: Path
) -> web.WebSocketResponse:
    """Run a command of `kubectl exec` here, with the test's folder in the place of /store."""
    container = container_of(pod, query)
    if pod.get("status", {}).get("phase") != "Running":
        text = f'unable to upgrade connection: container not found ("{container}")'
        raise ApiError(500, "InternalError", text)
    socket = web.WebSocketResponse(protocols=(PROTOCOL,), compress=False, max_msg_size=0)
    if PROTOCOL not in request.headers.get("Sec-WebSocket-Protocol", ""):
        raise ApiError(400, "BadRequest", f"only WebSockets with {PROTOCOL} here")
    await socket.prepare(request)
    command = [IN_STORE.sub(lambda _: str(store), part) for part in request.query.getall("command")]
    given = PIPE if query.get("stdin") == "true" else DEVNULL
    try:
        # Under a limit on the size of files a write fails, as on a full disk, and nothing is killed.
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
