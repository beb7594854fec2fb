"""Follows Jobs until they end: reports reasons for waiting, log lines, lost pods and outcomes.

The follower polls the cluster, so a lost connection is only a pause. It remembers only what it has reported.
"""

import queue
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from emotion.cluster.job_outcome import (
    JobOutcome,
    cancelled_outcome,
    describe_failure,
    image_error_outcome,
    job_outcome,
)
from emotion.cluster.job_status import JobStatus, Phase, is_image_error, reason_hint
from emotion.cluster.kubectl import Kubectl, UnreachableError
from emotion.cluster.log_lines import readable
from emotion.cluster.observe import job_statuses
from emotion.cluster.pod_log import PodLog
from emotion.cluster.pod_status import Pod
from emotion.errors import UnavailableError

POLL_SECONDS = 2.0
# Limits on waiting for an unreachable server, and for an image that cannot be pulled.
UNREACHABLE_SECONDS = 600.0
IMAGE_SECONDS = 120.0
# Limit on reading the rest of a log after its pod ended.
DRAIN_SECONDS = 15.0
# At most this many logs of a Job are read at once: nobody reads the logs of a hundred shards.
MAX_LOGS = 4

WAITING_TEXTS = {Phase.WAITING: " for its pod", Phase.RETRYING: ": another pod will start"}


@dataclass
class FollowedJob:
    """A followed Job: its open logs, and what has been reported."""

    name: str
    reported: str = ""
    image_error_since: float | None = None
    logs: dict[str, PodLog] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    reported_removals: set[str] = field(default_factory=set)
    reported_pods: set[str] = field(default_factory=set)
    outcome: JobOutcome | None = None


class Follower:
    """Follows Jobs; `on_line(job, line)` gets every line for people. The name "" stands for all Jobs."""

    def __init__(self, kubectl: Kubectl, names: Sequence[str], on_line: Callable[[str, str], None]) -> None:
        self.kubectl, self.on_line = kubectl, on_line
        self.jobs = {name: FollowedJob(name) for name in names}
        self.lines: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.unreachable_since: float | None = None

    def run(self) -> list[JobOutcome]:
        """Follow all Jobs until they end; return outcomes in the order of the names.

        Raises:
            UnavailableError: the server has not answered for ten minutes.
        """
        try:
            while self._open_jobs():
                self._poll()
                self._wait()
        finally:
            for job in self.jobs.values():
                for log in job.logs.values():
                    log.stop()
        return [job.outcome for job in self.jobs.values() if job.outcome is not None]

    def _open_jobs(self) -> list[FollowedJob]:
        return [job for job in self.jobs.values() if job.outcome is None]

    def _wait(self) -> None:
        """Pass log lines on until the next poll."""
        deadline = time.monotonic() + POLL_SECONDS
        while (left := deadline - time.monotonic()) > 0 and self._open_jobs():
            try:
                self.on_line(*self.lines.get(timeout=left))
            except queue.Empty:
                return

    def _flush(self) -> None:
        while not self.lines.empty():
            self.on_line(*self.lines.get())

    def _poll(self) -> None:
        jobs = self._open_jobs()
        try:
            statuses = {status.name: status for status in job_statuses(self.kubectl, [job.name for job in jobs])}
        except UnreachableError as error:
            self._report_lost_connection(error)
            return
        if self.unreachable_since is not None:
            self.on_line("", "the connection is back")
            self.unreachable_since = None
        for job in jobs:
            self._update(job, statuses.get(job.name))

    def _report_lost_connection(self, error: UnreachableError) -> None:
        if self.unreachable_since is None:
            self.unreachable_since = time.monotonic()
            self.on_line("", f"lost the connection ({error.message}): trying again; the jobs continue meanwhile")
        elif time.monotonic() - self.unreachable_since > UNREACHABLE_SECONDS:
            minutes = UNREACHABLE_SECONDS / 60
            raise UnavailableError(f"the cluster has not answered for {minutes:.0f} minutes", error.hint) from error

    def _update(self, job: FollowedJob, status: JobStatus | None) -> None:
        if status is None:
            self._finish(job, cancelled_outcome(job.name))
            return
        self._read_logs(job, status)
        self._report_pods(job, status)
        if status.phase.over:
            self._finish(job, job_outcome(self.kubectl, status))
        else:
            self._report_status(job, status)

    def _finish(self, job: FollowedJob, outcome: JobOutcome) -> None:
        for log in job.logs.values():
            log.finish(DRAIN_SECONDS)
        self._flush()
        # A pod's last lines are the end of its log: a reader of the log has seen them.
        last = "".join(outcome.last_lines.splitlines()[-1:])
        read = any(log.recent.has_text(last) for log in job.logs.values())
        job.outcome = replace(outcome, last_lines="") if read else outcome
        if len(self.jobs) > 1:
            self.on_line(job.name, str(outcome))

    def _read_logs(self, job: FollowedJob, status: JobStatus) -> None:
        several = status.completions > 1
        free = MAX_LOGS - sum(log.is_alive() for log in job.logs.values())
        for pod in sorted(status.pods, key=lambda pod: pod.index):
            if pod.name not in job.logs and free > 0 and (pod.started or pod.ended is not None):
                mark = f"{pod.index}: " if several and pod.index >= 0 else ""
                job.logs[pod.name] = log = PodLog(self.kubectl, pod.name, self._queue_lines(job, mark))
                log.start()
                free -= 1
            if pod.ended is not None and pod.name in job.logs:
                job.logs[pod.name].pod_ended.set()

    def _queue_lines(self, job: FollowedJob, mark: str) -> Callable[[str], None]:
        """Make a callback that queues a pod's lines, with `mark` before every line."""

        def on_line(line: str) -> None:
            if text := readable(line):
                self.lines.put((job.name, mark + text))

        return on_line

    def _report_pods(self, job: FollowedJob, status: JobStatus) -> None:
        """Report removed, failed and lost pods once."""
        gone = job.pods.keys() - {pod.name for pod in status.pods}
        job.pods |= {pod.name: pod for pod in status.pods}
        for pod in job.pods.values():
            if pod.removal and pod.ended is None and pod.name not in gone | job.reported_removals:
                job.reported_removals.add(pod.name)
                self.on_line(job.name, f"{_pod_text(pod)} is being {pod.removal}")
            lost = pod.failed or (pod.name in gone and pod.started and not pod.succeeded)
            # After the Job's end the outcome names the reason for failed pods, and the Job stops other pods.
            if lost and status.phase.goes_on and pod.name not in job.reported_pods:
                job.reported_pods.add(pod.name)
                self._report_lost_pod(job, status, pod)

    def _report_lost_pod(self, job: FollowedJob, status: JobStatus, pod: Pod) -> None:
        if pod.name in job.logs:
            job.logs[pod.name].finish(DRAIN_SECONDS)
            self._flush()
        following = "" if pod.name in status.final_failures else "; another pod replaces it"
        self.on_line(job.name, f"{_pod_text(pod)} {describe_failure(pod)}{following}")

    def _report_status(self, job: FollowedJob, status: JobStatus) -> None:
        """Report the status if it has changed."""
        text = _status_text(status)
        # The kubelet retries a failed pull, and its two reasons alternate: report the first one only. Every attempt to
        # create a pod uses another pod name.
        topic = "image" if is_image_error(status.reason) else re.sub(r'pods "[^"]*"', "pods", text)
        if topic != job.reported:
            job.reported = topic
            self.on_line(job.name, text)
            if hint := reason_hint(self.kubectl, status.reason):
                self.on_line(job.name, f"  {hint}")
        self._give_up_on_image(job, status, time.monotonic())

    def _give_up_on_image(self, job: FollowedJob, status: JobStatus, now: float) -> None:
        if status.phase is Phase.RUNNING or not is_image_error(status.reason):
            job.image_error_since = None
        elif job.image_error_since is None:
            job.image_error_since = now
        elif now - job.image_error_since > IMAGE_SECONDS:
            self._finish(job, image_error_outcome(self.kubectl, status))


def _pod_text(pod: Pod) -> str:
    return f"pod {pod.name} on {pod.node}" if pod.node else f"pod {pod.name}"


def _status_text(status: JobStatus) -> str:
    reason = f": {status.reason}" if status.reason else ""
    if status.phase is Phase.RUNNING and status.completions > 1:
        waiting = f"; one waits{reason}" if reason else ""
        return f"{status.phase}: {status.succeeded} of {status.completions} pods done{waiting}"
    if status.phase is Phase.RUNNING:
        pod = status.current
        return f"{status.phase} on {pod.node}" if pod and pod.node else f"{status.phase}"
    return f"{status.phase}{reason or WAITING_TEXTS.get(status.phase, '')}"
