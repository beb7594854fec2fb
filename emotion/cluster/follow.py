"""Follows Jobs to their ends: reports why they wait, what they log, which pods were lost, and how the Jobs ended.

The cluster is polled, so a lost connection is only a pause. The follower only remembers what it has reported.
"""

import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from emotion.cluster.job_outcome import JobOutcome, deleted_outcome, image_error_outcome, job_outcome
from emotion.cluster.job_status import JobStatus, Phase, Pod, is_image_error, reason_hint
from emotion.cluster.kubectl import Kubectl, UnreachableError
from emotion.cluster.log_lines import readable
from emotion.cluster.observe import job_statuses
from emotion.cluster.pod_log import PodLog
from emotion.errors import UnavailableError

POLL_SECONDS = 2.0
# Limits on waiting for a server that does not answer, and for an image that cannot be pulled.
UNREACHABLE_SECONDS = 600.0
IMAGE_SECONDS = 120.0
# Limit on reading the rest of a log after its pod's end.
DRAIN_SECONDS = 15.0
# Pods of a Job whose logs are read at once: nobody reads the logs of a hundred shards.
MAX_LOGS = 4
# Seconds until an unchanged reason is reported again.
REPEAT_SECONDS = 60.0

WAITING_TEXTS = {Phase.WAITING: " for its pod", Phase.RETRYING: ": another pod comes"}


@dataclass
class FollowedJob:
    """The logs that are read for a Job, and what has been reported of the Job."""

    name: str
    reported: str = ""
    reported_at: float = 0.0
    image_error_since: float | None = None
    logs: dict[str, PodLog] = field(default_factory=dict)
    reported_pods: set[str] = field(default_factory=set)
    outcome: JobOutcome | None = None


class Follower:
    """Follows Jobs; `on_line(job, line)` gets every line for people with its Job's name, "" for all Jobs."""

    def __init__(self, kubectl: Kubectl, names: Sequence[str], on_line: Callable[[str, str], None]) -> None:
        self.kubectl, self.on_line = kubectl, on_line
        self.jobs = {name: FollowedJob(name) for name in names}
        self.lines: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.unreachable_since: float | None = None

    def run(self) -> list[JobOutcome]:
        """Follow all Jobs to their ends; the outcomes have the order of the names.

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
            self.on_line("", f"lost the connection ({error.message}): trying again; the jobs go on meanwhile")
        elif time.monotonic() - self.unreachable_since > UNREACHABLE_SECONDS:
            minutes = UNREACHABLE_SECONDS / 60
            raise UnavailableError(f"the cluster has not answered for {minutes:.0f} minutes", error.hint) from error

    def _update(self, job: FollowedJob, status: JobStatus | None) -> None:
        if status is None:
            # The deletion of a Job also deletes its pods and their logs.
            self._finish(job, deleted_outcome(job.name), drain_seconds=0)
            return
        self._read_logs(job, status)
        self._report_lost_pods(job, status)
        if status.phase.over:
            self._finish(job, job_outcome(status))
        else:
            self._report_status(job, status)

    def _finish(self, job: FollowedJob, outcome: JobOutcome, drain_seconds: float = DRAIN_SECONDS) -> None:
        for log in job.logs.values():
            log.finish(drain_seconds)
        self._flush()
        job.outcome = outcome
        if len(self.jobs) > 1:
            self.on_line(job.name, f"failed: {outcome.reason}" if outcome.exit_code else outcome.reason)

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
        """Give a callback that queues a pod's lines, with `mark` before each line."""

        def on_line(line: str) -> None:
            if text := readable(line):
                self.lines.put((job.name, mark + text))

        return on_line

    def _report_lost_pods(self, job: FollowedJob, status: JobStatus) -> None:
        """Report every pod that failed or is gone, once."""
        for name in job.logs.keys() - {pod.name for pod in status.pods} - job.reported_pods:
            job.reported_pods.add(name)
            job.logs[name].stop()
            self.on_line(job.name, f"pod {name} is gone")
        for pod in status.pods:
            if pod.ended is None or pod.succeeded or pod.name in job.reported_pods:
                continue
            job.reported_pods.add(pod.name)
            if not status.phase.over:
                self._report_lost_pod(job, pod)

    def _report_lost_pod(self, job: FollowedJob, pod: Pod) -> None:
        if pod.name in job.logs:
            job.logs[pod.name].finish(DRAIN_SECONDS)
            self._flush()
        node = f" on {pod.node}" if pod.node else ""
        self.on_line(job.name, f"pod {pod.name}{node} is lost: {_end_text(pod)}; the job goes on with another one")

    def _report_status(self, job: FollowedJob, status: JobStatus) -> None:
        """Report the status where it has changed, and a reason again after a minute."""
        text = _status_text(status)
        now = time.monotonic()
        # The kubelet retries a failed pull, and its two reasons alternate: report the first one only.
        topic = "image" if is_image_error(status.reason) else text
        if topic != job.reported or (status.reason and now - job.reported_at > REPEAT_SECONDS):
            job.reported, job.reported_at = topic, now
            self.on_line(job.name, text)
            if hint := reason_hint(status.reason):
                self.on_line(job.name, f"  {hint}")
        self._give_up_on_image(job, status, now)

    def _give_up_on_image(self, job: FollowedJob, status: JobStatus, now: float) -> None:
        if status.phase is Phase.RUNNING or not is_image_error(status.reason):
            job.image_error_since = None
        elif job.image_error_since is None:
            job.image_error_since = now
        elif now - job.image_error_since > IMAGE_SECONDS:
            self._finish(job, image_error_outcome(status))


def _end_text(pod: Pod) -> str:
    ended = pod.ended
    if ended is None:
        return "no reason is known"
    if ended.lost or ended.exit_code is None:
        return ended.lost or ended.reason or "no reason is known"
    code = f"exit code {ended.exit_code}"
    return code if ended.reason in {"", "Error"} else f"{ended.reason}, {code}"


def _status_text(status: JobStatus) -> str:
    reason = f": {status.reason}" if status.reason else ""
    if status.phase is Phase.RUNNING and status.completions > 1:
        waiting = f"; one waits{reason}" if reason else ""
        return f"{status.phase}: {status.succeeded} of {status.completions} pods done{waiting}"
    if status.phase is Phase.RUNNING:
        pod = status.current
        return f"{status.phase} on {pod.node}" if pod and pod.node else f"{status.phase}"
    return f"{status.phase}{reason or WAITING_TEXTS.get(status.phase, '')}"
