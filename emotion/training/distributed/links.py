"""Connections between workers on a network where others may call too: bounded in bytes, time and number.

The first line that either side says is a hello: JSON that tells who it is. Who was dialled says it in answer. All other
lines are for the caller to read.
"""

import contextlib
import json
import queue
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from emotion.training.distributed.topology import MOST_WORKERS, split_address

PROTOCOL = "emotion-meeting/1"
LINE_BYTES = 4096
STRANGERS = 64
TICK = 0.1
PAUSE = 0.5
DIAL_SECONDS = 5.0
HELLO_SECONDS = 10.0
# A connection to a process that is gone ends within some four seconds, even where its whole machine is gone.
ALIVE = {socket.TCP_KEEPIDLE: 1, socket.TCP_KEEPINTVL: 1, socket.TCP_KEEPCNT: 3, socket.TCP_USER_TIMEOUT: 4000}


@dataclass(frozen=True)
class Hello:
    """Who a process is: worker `index` of `workers`, at the job `digest`. `token` is its own alone."""

    index: int
    workers: int
    digest: str
    token: str
    protocol: str = PROTOCOL

    def line(self) -> bytes:
        """Give the line that says it."""
        return json.dumps(asdict(self)).encode() + b"\n"


def read_hello(line: bytes) -> Hello | None:
    """Read a stranger's line; None where it is no hello."""
    try:
        hello = Hello(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
    numbers, texts = (hello.index, hello.workers), (hello.digest, hello.token, hello.protocol)
    known = all(type(each) is int for each in numbers) and all(isinstance(each, str) for each in texts)
    return hello if known and hello.protocol == PROTOCOL and 0 <= hello.index < hello.workers <= MOST_WORKERS else None


@dataclass(eq=False)
class Link:
    """A connection to the worker `dialled`, or from whoever has dialled this one, who is a stranger until `known`."""

    socket: socket.socket
    dialled: int | None
    opened: float
    received: bytes = b""
    hello: Hello | None = None
    greeted: float = 0.0
    known: bool = False
    closed: bool = False


class Links:
    """All connections of this process, `me`; `trouble` says why there is none to a worker. A context manager."""

    def __init__(self, listener: socket.socket, me: Hello, addresses: Sequence[str]) -> None:
        self.listener, self.me, self.addresses = listener, me, addresses
        self.open: list[Link] = []
        self.trouble = ["no answer yet"] * len(addresses)
        self._due = [0.0] * len(addresses)
        self._calls: queue.SimpleQueue[tuple[int, socket.socket | str]] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)

    def __enter__(self) -> "Links":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for link in self.open:
            link.socket.close()

    def dial(self, index: int) -> None:
        """Call a worker, if there is no connection to it yet and the last attempt is some time ago.

        In a thread, since looking up a name takes its time and cannot be interrupted.
        """
        if time.monotonic() >= self._due[index]:
            self._due[index] = float("inf")
            call = threading.Thread(target=_call, args=(index, self.addresses[index], self._calls), daemon=True)
            call.start()

    def step(self) -> list[tuple[Link, bytes]]:
        """Do what there is to do, or wait a tick; give the lines that came after the hellos."""
        while not self._calls.empty():
            index, answer = self._calls.get()
            if isinstance(answer, str):
                self._dial_again(index, answer)
            else:
                self.send(self._add(answer, index), self.me.line())
        lines = []
        for key, _ in self._selector.select(TICK):
            if key.data is None:
                self._accept()
            elif not key.data.closed:
                lines += [(key.data, line) for line in self._receive(key.data)]
        for link in [link for link in self.open if link.hello is None]:
            if time.monotonic() >= link.opened + HELLO_SECONDS:
                self.drop(link, "does not answer")
        return lines

    def send(self, link: Link, line: bytes) -> bool:
        """Send a short line, for which a connection always has room; tell whether it still stands."""
        try:
            link.socket.sendall(line)
        except OSError as error:
            self.drop(link, _reason(error))
        return not link.closed

    def drop(self, link: Link, trouble: str) -> None:
        """Close a connection."""
        self._selector.unregister(link.socket)
        self.open.remove(link)
        link.socket.close()
        link.closed = True
        if link.dialled is not None:
            self._dial_again(link.dialled, trouble)

    def _dial_again(self, index: int, trouble: str) -> None:
        self.trouble[index] = trouble
        self._due[index] = time.monotonic() + PAUSE

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self.listener.accept()
            _watch(connection)
            self._add(connection, None)
        strangers = [link for link in self.open if link.dialled is None and not link.known]
        if len(strangers) > STRANGERS:
            self.drop(strangers[0], "too many")

    def _add(self, connection: socket.socket, dialled: int | None) -> Link:
        connection.setblocking(False)
        link = Link(connection, dialled, time.monotonic())
        self.open.append(link)
        self._selector.register(connection, selectors.EVENT_READ, link)
        return link

    def _receive(self, link: Link) -> list[bytes]:
        """Read what has come; keep and answer the hello, give the lines after it; hang up on whoever says none."""
        try:
            block = link.socket.recv(LINE_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            block = b""
        *lines, link.received = (link.received + block).split(b"\n")
        if link.hello is None and lines:
            link.hello, link.greeted = read_hello(lines.pop(0)), time.monotonic()
            if link.hello is None:
                block = b""
            elif link.dialled is None:
                self.send(link, self.me.line())
        if (not block or len(link.received) > LINE_BYTES) and not link.closed:
            self.drop(link, "was here, and has left" if link.known else "does not answer as a worker does")
        return lines


def _call(index: int, address: str, calls: "queue.SimpleQueue[tuple[int, socket.socket | str]]") -> None:
    """Connect to a worker; put the connection, or what was in the way, in the queue."""
    answer: socket.socket | str
    try:
        answer = socket.create_connection(split_address(address), DIAL_SECONDS)
        _watch(answer)
    except (OSError, UnicodeError) as error:
        answer = _reason(error)
    calls.put((index, answer))


def _watch(connection: socket.socket) -> None:
    """Let the system notice when the other end is gone without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
