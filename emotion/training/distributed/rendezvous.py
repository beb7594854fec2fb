"""Workers meet before TensorFlow's servers start, which would wait for each other for ever and hold Python's lock.

Each worker dials all others and answers those that dial it. Who is linked with all of them both ways says so, on every
connection that it has dialled, and leaves when all others have said so too: nobody leaves while another one may still
have to reach it, and all leave at about the same time.
"""

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from emotion.errors import BadParametersError, TryAgainError
from emotion.training.distributed.links import Hello, Link, Links
from emotion.training.distributed.topology import Topology, split_address

MET = b"met"
# Longer than the connection of a lost process lasts: who comes in its place waits so long.
RIVAL_SECONDS = 5.0
FIRST_NEWS, NEWS = 2.0, 10.0
BIND_PAUSE = 0.2
MOST_NAMES = 10


def meet(cluster: Topology, digest: str, seconds: float, tell: Callable[[str], None]) -> None:
    """Wait until all workers are here, do the same job, and know it of each other; then leave the port free.

    `digest` says what the job is, in at most a few hundred characters. `tell` hears who is missing.

    Raises:
        TryAgainError: not all are here within `seconds`, or another process keeps this worker's port.
        BadParametersError: a worker has another digest or is there twice, or the port may not be used.
    """
    start = time.monotonic()
    me = Hello(cluster.index, len(cluster.workers), digest, secrets.token_hex(16))
    with _listening(cluster, start + seconds, tell) as listener, Links(listener, me, cluster.workers) as links:
        meeting = _Meeting(cluster, me, links)
        told: list[int] = []
        news = start + FIRST_NEWS
        while not meeting.complete():
            now, missing = time.monotonic(), meeting.missing()
            if now >= start + seconds:
                raise meeting.failure(missing, seconds)
            if now >= news and missing != told:
                names = _listed([cluster.workers[index] for index in missing])
                tell(f"waiting for {len(missing)} of {me.workers} workers: {names}, up to {seconds:g} s")
                told, news = missing, now + NEWS
            meeting.step()


@contextlib.contextmanager
def _listening(cluster: Topology, end: float, tell: Callable[[str], None]) -> Iterator[socket.socket]:
    """Listen on this worker's port until the block ends; a port in use may become free before `end`."""
    _, port = split_address(cluster.address)
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    told = False
    while True:
        try:
            listener = socket.create_server(("", port), family=family, dualstack_ipv6=both, backlog=128)
            break
        except PermissionError as error:
            reason = f"port {port} may not be used: {os.strerror(error.errno or 0)}"
            raise BadParametersError(reason, "choose one above 1023") from error
        except OSError as error:
            reason = f"port {port} of this worker ({cluster.address}) cannot be had: {os.strerror(error.errno or 0)}"
            if time.monotonic() >= end:
                raise TryAgainError(reason, "end the process that has it, or choose another port") from error
            if not told:
                tell(f"{reason}; waiting for it")
            told = True
        time.sleep(BIND_PAUSE)
    with listener:
        listener.setblocking(False)
        yield listener


@dataclass
class _Peer:
    """Another worker: the connections `to` it and `back` from it.

    `told` is the connection on which it was told that this worker has met all, and stays when that one ends: the other
    may have left. `heard` is whether it has said the same.
    """

    token: str = ""
    to: Link | None = None
    back: Link | None = None
    told: Link | None = None
    heard: bool = False

    @property
    def done(self) -> bool:
        return self.told is not None and self.heard

    @property
    def linked(self) -> bool:
        return _stands(self.to) and _stands(self.back)


def _stands(link: Link | None) -> TypeGuard[Link]:
    return link is not None and not link.closed


def _listed(names: Sequence[str]) -> str:
    more = f", and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


class _Meeting:
    """What this worker knows of all others."""

    def __init__(self, cluster: Topology, me: Hello, links: Links) -> None:
        self.cluster, self.me, self.links = cluster, me, links
        self.peers = {index: _Peer() for index in range(me.workers) if index != me.index}

    def complete(self) -> bool:
        """Tell whether all have met, and know it of each other."""
        return all(peer.done for peer in self.peers.values())

    def missing(self) -> list[int]:
        """Name the workers that this one has not met, or else those that have not met all others."""
        unmet = [index for index, peer in self.peers.items() if not (peer.linked or peer.done)]
        return unmet or [index for index, peer in self.peers.items() if not peer.done]

    def failure(self, missing: list[int], seconds: float) -> TryAgainError:
        """Say who did not come, and what stands in the way."""
        names = [f"{self.cluster.workers[index]} ({self._state(index)})" for index in missing]
        return TryAgainError(
            f"{len(missing)} of {self.me.workers} workers did not join within {seconds:g} s: {_listed(names)}",
            "look at their logs, at the headless service that names them, and at the network policy between them",
        )

    def _state(self, index: int) -> str:
        peer = self.peers[index]
        if not _stands(peer.to):
            return self.links.trouble[index]
        return "waits for others" if _stands(peer.back) else "answers, and has not reached this worker"

    def step(self) -> None:
        """Do what there is to do; wait a tick where there is nothing.

        Raises:
            BadParametersError: a worker is of another job, or there twice.
        """
        for index, peer in self.peers.items():
            if not peer.done:
                self.links.dial(index)
        for link, line in self.links.step():
            self._hear(link, line)
        for link in [link for link in self.links.open if not link.known]:
            if link.hello is not None:
                self._place(link, link.hello)
        self._tell()

    def _hear(self, link: Link, line: bytes) -> None:
        """Take the word of a worker that has met all; nothing else is said after a hello."""
        peer = next((peer for peer in self.peers.values() if peer.back is link), None)
        if peer and line == MET:
            peer.heard = True
        elif not link.closed:
            self.links.drop(link, "does not speak as a worker does")

    def _tell(self) -> None:
        """Once this worker has met all others, say so on every connection that it has dialled."""
        if all(peer.linked or peer.told for peer in self.peers.values()):
            for peer in self.peers.values():
                to = peer.to
                if _stands(to) and to is not peer.told and self.links.send(to, MET + b"\n"):
                    peer.told = to

    def _place(self, link: Link, hello: Hello) -> None:
        """Find out whose connection it is.

        Raises:
            BadParametersError: a worker is of another job, or there twice.
        """
        if (hello.digest, hello.workers) != (self.me.digest, self.me.workers):
            raise BadParametersError(
                f"{self._name(hello)} trains another job: its parameters or data differ",
                "start all workers with the same parameters, data and number of workers",
            )
        if hello.index == self.me.index and hello.token != self.me.token:
            raise self._twice(hello)
        if hello.index == self.me.index or link.dialled not in {None, hello.index}:
            self.links.drop(link, f"worker {hello.index} answers there")
            return
        peer = self.peers[hello.index]
        if peer.token == hello.token or not (_stands(peer.to) or _stands(peer.back)):
            self._take(link, hello)
        elif time.monotonic() >= link.greeted + RIVAL_SECONDS:
            raise self._twice(hello)

    def _take(self, link: Link, hello: Hello) -> None:
        """Take a worker's connection: its first, one in place of a broken one, or one of a process started again."""
        if self.peers[hello.index].token != hello.token:
            self.peers[hello.index] = _Peer(hello.token)
        peer = self.peers[hello.index]
        link.known = True
        if link.dialled is not None:
            peer.to = link
            return
        if _stands(peer.back):
            self.links.drop(peer.back, "came again")
        peer.back = link

    def _twice(self, hello: Hello) -> BadParametersError:
        return BadParametersError(
            f"{self._name(hello)} is there twice",
            "give each process an index of its own, and end what is left of earlier ones",
        )

    def _name(self, hello: Hello) -> str:
        known = hello.index < len(self.cluster.workers)
        return f"worker {hello.index} ({self.cluster.workers[hello.index]})" if known else f"worker {hello.index}"
