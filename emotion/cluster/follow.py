"""Follows Jobs to their ends: why they wait, what they log, which pods were lost and replaced, how they ended.

The cluster is asked again and again, so that a lost connection is only a pause; only what was told is remembered.
"""

import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from emotion.cluster.job_outcome import JobOutcome, deleted_outcome, job_outcome, unpulled_outcome
from emotion.cluster.job_status import JobStatus, Phase, Pod, hint, unpullable
from emotion.cluster.kubectl import Kubectl, UnreachableError
from emotion.cluster.log_lines import readable
from emotion.cluster.observe import job_statuses
from emotion.cluster.pod_log import PodLog
from emotion.errors import UnavailableError

# Seconds between two questions, until the server is given up, and until an image is.
EVERY = 2.0
LOST = 600.0
IMAGE = 120.0
# What is left of a log after its pod's end is read for so long.
DRAIN = 15.0
# Pods of one Job whose logs are read at once: of a hundred shards nobody reads a hundred.
LOGS = 4
# A reason that stays is told again after so many seconds.
AGAIN = 60.0

Tell = Callable[[str, str], None]


@dataclass
class Followed:
    """What has been told of one Job, and whose logs are read."""

    name: str
    said: str = ""
    said_at: float = 0.0
    unpulled_since: float | None = None
    logs: dict[str, PodLog] = field(default_factory=dict)
    mourned: set[str] = field(default_factory=set)
    outcome: JobOutcome | None = None


class Follower:
    """Follows Jobs; `tell(job, line)` gets every line for people, with the Job that it is about."""

    def __init__(self, kubectl: Kubectl, names: Sequence[str], tell: Tell) -> None:
        self.kubectl, self.tell = kubectl, tell
        self.jobs = {name: Followed(name) for name in names}
        self.lines: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.lost_since: float | None = None

    def run(self) -> list[JobOutcome]:
        """Follow all to their ends, in the order of their names as given.

        Raises:
            UnavailableError: the server has not answered for ten minutes.
        """
        try:
            while any(job.outcome is None for job in self.jobs.values()):
                self._look()
                self._wait()
        finally:
            for job in self.jobs.values():
                for log in job.logs.values():
                    log.stop()
        return [job.outcome for job in self.jobs.values() if job.outcome is not None]

    def _wait(self) -> None:
        """Pass lines on until it is time to look again."""
        deadline = time.monotonic() + EVERY
        while (left := deadline - time.monotonic()) > 0 and any(job.outcome is None for job in self.jobs.values()):
            try:
                self.tell(*self.lines.get(timeout=left))
            except queue.Empty:
                return

    def _pass_on(self) -> None:
        while not self.lines.empty():
            self.tell(*self.lines.get())

    def _look(self) -> None:
        open_jobs = [name for name, job in self.jobs.items() if job.outcome is None]
        try:
            standings = {each.name: each for each in job_statuses(self.kubectl, open_jobs)}
        except UnreachableError as error:
            self._lost(error)
            return
        if self.lost_since is not None:
            self.tell("", "the connection is back")
            self.lost_since = None
        for name in open_jobs:
            self._see(self.jobs[name], standings.get(name))

    def _lost(self, error: UnreachableError) -> None:
        if self.lost_since is None:
            self.lost_since = time.monotonic()
            self.tell("", f"lost the connection ({error.message}): trying again; the jobs go on meanwhile")
        elif time.monotonic() - self.lost_since > LOST:
            raise UnavailableError(f"the cluster has not answered for {LOST / 60:.0f} minutes", error.hint) from error

    def _see(self, job: Followed, standing: JobStatus | None) -> None:
        if standing is None:
            # Its pods are gone too, and their logs.
            self._end(job, deleted_outcome(job.name), drain=0)
            return
        self._read_logs(job, standing)
        self._mourn(job, standing)
        if standing.phase.over:
            self._end(job, job_outcome(standing))
        else:
            self._explain(job, standing)

    def _end(self, job: Followed, ended: JobOutcome, drain: float = DRAIN) -> None:
        for log in job.logs.values():
            log.finish(drain)
        self._pass_on()
        job.outcome = ended
        if len(self.jobs) > 1:
            self.tell(job.name, f"failed: {ended.reason}" if ended.exit_code else ended.reason)

    def _read_logs(self, job: Followed, standing: JobStatus) -> None:
        several = standing.wanted > 1
        reading = [log for log in job.logs.values() if log.is_alive()]
        room = LOGS - len(reading)
        for pod in sorted(standing.pods, key=lambda pod: pod.index):
            if pod.name not in job.logs and room > 0 and (pod.begun or pod.ended is not None):
                job.logs[pod.name] = log = PodLog(self.kubectl, pod.name, self._taker(job, pod, several=several))
                log.start()
                room -= 1
            if pod.ended is not None and pod.name in job.logs:
                job.logs[pod.name].ended.set()

    def _taker(self, job: Followed, pod: Pod, *, several: bool) -> Callable[[str], None]:
        mark = f"{pod.index}: " if several and pod.index >= 0 else ""

        def take(line: str) -> None:
            if text := readable(line):
                self.lines.put((job.name, mark + text))

        return take

    def _mourn(self, job: Followed, standing: JobStatus) -> None:
        """Say of every pod that ended badly how it did, once."""
        for name in job.logs.keys() - {pod.name for pod in standing.pods} - job.mourned:
            job.mourned.add(name)
            job.logs[name].stop()
            self.tell(job.name, f"pod {name} is gone")
        for pod in standing.pods:
            if pod.ended is None or pod.succeeded or pod.name in job.mourned:
                continue
            job.mourned.add(pod.name)
            if not standing.phase.over:
                if pod.name in job.logs:
                    job.logs[pod.name].finish(DRAIN)
                    self._pass_on()
                how = pod.ended.lost or _how(pod)
                where = f" on {pod.node}" if pod.node else ""
                self.tell(job.name, f"pod {pod.name}{where} is lost: {how}; the job goes on with another one")

    def _explain(self, job: Followed, standing: JobStatus) -> None:
        """Say why it waits, whenever that changes, and again after a minute."""
        text = _standing_words(standing)
        now = time.monotonic()
        # A pull that fails is tried again and again: two reasons by turns, and nothing new.
        topic = "image" if unpullable(standing.reason) else text
        if topic != job.said or (standing.reason and now - job.said_at > AGAIN):
            job.said, job.said_at = topic, now
            self.tell(job.name, text)
            if help_ := hint(standing.reason):
                self.tell(job.name, f"  {help_}")
        self._give_up_image(job, standing, now)

    def _give_up_image(self, job: Followed, standing: JobStatus, now: float) -> None:
        if standing.phase is Phase.RUNNING or not unpullable(standing.reason):
            job.unpulled_since = None
        elif job.unpulled_since is None:
            job.unpulled_since = now
        elif now - job.unpulled_since > IMAGE:
            self._end(job, unpulled_outcome(standing))


def _how(pod: Pod) -> str:
    ended = pod.ended
    if ended is None or ended.exit_code is None:
        return ended.reason if ended and ended.reason else "no reason is known"
    return (
        f"{ended.reason}, exit code {ended.exit_code}"
        if ended.reason not in {"", "Error"}
        else f"exit code {ended.exit_code}"
    )


WAITS = {Phase.WAITING: " for its pod", Phase.RETRYING: ": another pod comes"}


def _standing_words(standing: JobStatus) -> str:
    reason = f": {standing.reason}" if standing.reason else ""
    if standing.phase is Phase.RUNNING and standing.wanted > 1:
        others = f"; one waits{reason}" if reason else ""
        return f"{standing.phase}: {standing.succeeded} of {standing.wanted} pods done{others}"
    if standing.phase is Phase.RUNNING:
        pod = standing.current
        return f"{standing.phase} on {pod.node}" if pod and pod.node else f"{standing.phase}"
    return f"{standing.phase}{reason or WAITS.get(standing.phase, '')}"
