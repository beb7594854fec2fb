"""Submissions of one run at the same moment, or after one that was cut off: one Job, which all follow."""

import threading
import time
from typing import Any

import pytest

from tests.cluster.api import ApiServer, Request
from tests.cluster.conftest import Emotion, Start, read_until
from tests.cluster.scenes import SUBMITTED_KINDS, Scene, play, submitted_objects

PEOPLE = 20
AT_WORK = "running already"


def added(api: ApiServer, kind: str) -> list[dict[str, Any]]:
    """Give every object of a kind that was ever added."""
    return [item for event, item in api.history if event == "ADDED" and item["kind"] == kind]


def uids(api: ApiServer) -> set[str]:
    return {item["metadata"]["uid"] for kind in SUBMITTED_KINDS for item in api.all(kind)}


def owner(item: dict[str, Any]) -> str:
    (reference,) = item["metadata"]["ownerReferences"]
    return str(reference["uid"])


def submit_together(api: ApiServer, start: Start, people: int) -> list[str]:
    """Submit a run by several people, end its Job when all follow it, and give what the people read."""
    all_follow = threading.Event()

    def train(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod, "training begins")
        assert all_follow.wait(240)
        scene.end(pod)
        scene.complete()

    play(api, train)
    processes = [start("submit", "ann", "--run", "mine") for _ in range(people)]
    # The output of a process is short enough to wait in its pipe.
    output = [read_until(process, "job ann-mine: ", 240) for process in processes]
    all_follow.set()
    output = [text + process.communicate(timeout=120)[1] for text, process in zip(output, processes, strict=True)]
    assert [process.returncode for process in processes] == [0] * people, output
    assert all("job ann-mine is complete" in text for text in output), output
    return output


@pytest.mark.timeout(600)
def test_a_new_run_has_one_job_and_one_pod_and_all_follow_it(api: ApiServer, start: Start) -> None:
    # Every submission finds no Job, and asks to create one.
    api.gather("POST", "Job", PEOPLE)
    output = submit_together(api, start, PEOPLE)
    (job,), (_,), (params,) = (added(api, kind) for kind in ("Job", "Pod", "ConfigMap"))
    assert owner(params) == job["metadata"]["uid"]
    assert sorted("job ann-mine: created" in text for text in output) == [False] * (PEOPLE - 1) + [True]
    assert sum(AT_WORK in text for text in output) == PEOPLE - 1


@pytest.mark.timeout(300)
def test_an_ended_job_is_replaced_once(api: ApiServer, emotion: Emotion, start: Start) -> None:
    people = 4
    assert emotion("submit", "ann", "--run", "mine", "--no-follow").returncode == 0
    (ended,) = api.all("Job")
    Scene(api, ended).complete()
    # Every submission finds the ended Job, and asks to delete it.
    api.gather("DELETE", "Job", people)
    output = submit_together(api, start, people)
    assert len(added(api, "Job")) == 2
    assert len(added(api, "Pod")) == 1
    assert sum("created again" in text for text in output) == 1
    assert [owner(item) for item in api.all("ConfigMap")] == [api.all("Job")[0]["metadata"]["uid"]]


def test_what_belongs_to_a_job_has_its_owner_from_the_start(api: ApiServer, emotion: Emotion) -> None:
    assert emotion("submit", "bert", "--workers", 2, "--no-follow").returncode == 0
    (job,) = api.all("Job")
    kinds = [item["kind"] for event, item in api.history if event == "ADDED" and item["kind"] in SUBMITTED_KINDS]
    assert kinds[0] == "Job"
    assert sorted(kinds[1:]) == sorted(SUBMITTED_KINDS[1:])
    for kind in SUBMITTED_KINDS[1:]:
        (item,) = added(api, kind)
        assert owner(item) == job["metadata"]["uid"]


def test_what_a_killed_submission_did_not_create_is_added_to_its_job(api: ApiServer, emotion: Emotion) -> None:
    assert emotion("submit", "bert", "--workers", 2, "--no-follow").returncode == 0
    (job,) = api.all("Job")
    for kind in SUBMITTED_KINDS[1:]:
        api.remove(kind, api.all(kind)[0]["metadata"]["name"])
    again = emotion("submit", "bert", "--workers", 2, "--no-follow")
    assert again.returncode == 0, again.stderr
    assert AT_WORK in again.stderr
    assert len(submitted_objects(api)) == len(SUBMITTED_KINDS)
    assert {owner(item) for kind in SUBMITTED_KINDS[1:] for item in api.all(kind)} == {job["metadata"]["uid"]}
    before = uids(api)
    assert emotion("submit", "bert", "--workers", 2, "--no-follow").returncode == 0
    assert uids(api) == before


def test_a_job_with_one_pod_gets_no_service_of_a_submission_with_two(api: ApiServer, emotion: Emotion) -> None:
    assert emotion("submit", "ann", "--no-follow").returncode == 0
    again = emotion("submit", "ann", "--workers", 2, "--no-follow")
    assert again.returncode == 0, again.stderr
    assert [name.partition("/")[0] for name in submitted_objects(api)] == ["Job", "ConfigMap"]


@pytest.mark.parametrize(
    "leftover", [None, [{"apiVersion": "batch/v1", "kind": "Job", "name": "ann-mine", "uid": "x"}]]
)
def test_an_object_of_a_deleted_job_is_replaced(api: ApiServer, emotion: Emotion, leftover: Any) -> None:
    assert emotion("submit", "ann", "--run", "mine", "--no-follow").returncode == 0
    (params,) = api.all("ConfigMap")
    api.update("ConfigMap", params["metadata"]["name"], {"metadata": {"ownerReferences": leftover}})
    api.remove("Job", "ann-mine")
    done = emotion("submit", "ann", "--run", "mine", "--no-follow")
    assert done.returncode == 0, done.stderr
    (now,) = api.all("ConfigMap")
    assert now["metadata"]["uid"] != params["metadata"]["uid"]
    assert owner(now) == api.all("Job")[0]["metadata"]["uid"]


def test_a_job_that_is_being_deleted_is_waited_for(api: ApiServer, emotion: Emotion) -> None:
    """A Job with the finalizer foregroundDeletion exists until its last pod has ended."""
    assert emotion("submit", "ann", "--run", "mine", "--no-follow").returncode == 0
    (job,) = api.all("Job")
    api.update("Job", "ann-mine", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
    api.slow_deletion = 3
    since = time.monotonic()
    done = emotion("submit", "ann", "--run", "mine", "--no-follow")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - since > 3
    assert api.all("Job")[0]["metadata"]["uid"] != job["metadata"]["uid"]
    assert "created again" in done.stderr


def test_a_failed_submission_deletes_no_job_but_its_own(api: ApiServer, emotion: Emotion) -> None:
    def replace(api: ApiServer, job: dict[str, Any]) -> None:
        api.remove("Job", job["metadata"]["name"])
        api.add("Job", job["metadata"]["name"], metadata={"labels": job["metadata"]["labels"]}, spec=job["spec"])

    api.when_created("Job", replace)
    message = 'configmaps is forbidden: User "me" cannot create resource "configmaps"'
    api.refuse("POST", "ConfigMap", 403, "Forbidden", message, dry_run=False)
    done = emotion("submit", "ann", "--run", "mine", "--no-follow")
    assert done.returncode == 69, done.stderr
    assert [name.partition("/")[0] for name in submitted_objects(api)] == ["Job"]


def test_a_job_of_the_same_name_that_came_later_is_not_deleted(api: ApiServer, emotion: Emotion) -> None:
    """The Job that a person cancels is replaced between the person's two requests."""
    assert emotion("submit", "ann", "--run", "mine", "--no-follow").returncode == 0
    (job,) = api.all("Job")
    now: dict[str, Any] = {}

    def replace(request: Request) -> None:
        if request.method == "DELETE" and not now:
            api.remove("Job", "ann-mine")
            now.update(api.add("Job", "ann-mine", metadata={"labels": job["metadata"]["labels"]}, spec=job["spec"]))

    api.before_request = replace
    assert emotion("cancel", "ann-mine").returncode == 0
    assert [item["metadata"]["uid"] for item in api.all("Job")] == [now["metadata"]["uid"]]
