"""Submitted Jobs: created objects, Jobs that exist already, refusals of the cluster, and no leftovers."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emotion.cluster.labels import PARAMS_DIGEST
from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion
from tests.cluster.scenes import SUBMITTED_KINDS, Scene, play, submitted_objects, succeed


def test_a_job_is_created_with_what_goes_with_it_and_takes_it_along_when_it_goes(
    api: ApiServer, emotion: Emotion
) -> None:
    done = emotion("submit", "bert", "--workers", 2, "--no-follow")
    assert done.returncode == 0, done.stderr
    (job,) = api.all("Job")
    name = job["metadata"]["name"]
    assert name.startswith("bert-s1-")
    assert [name.partition("/")[0] for name in submitted_objects(api)] == [
        "Job",
        "ConfigMap",
        "Service",
        "NetworkPolicy",
    ]
    assert emotion("cancel", name).returncode == 0
    assert submitted_objects(api) == []


def test_a_job_at_work_is_followed_and_not_created_again(api: ApiServer, emotion: Emotion) -> None:
    emotion("submit", "ann", "--no-follow")
    (job,) = api.all("Job")
    scene = Scene(api, job)
    pod = scene.pod()
    scene.run(pod, "still training")
    again = emotion("submit", "ann", "--no-follow")
    assert "running already" in again.stderr
    assert [item["metadata"]["uid"] for item in api.all("Job")] == [job["metadata"]["uid"]]


def test_a_job_at_work_with_other_workers_is_the_same_job(api: ApiServer, emotion: Emotion) -> None:
    emotion("submit", "ann", "--no-follow")
    again = emotion("submit", "ann", "--workers", 2, "--no-follow")
    assert again.returncode == 0, again.stderr
    assert "running already" in again.stderr
    assert len(api.all("Job")) == 1


def test_a_job_that_is_over_is_created_again(api: ApiServer, emotion: Emotion) -> None:
    play(api, succeed)
    assert emotion("submit", "ann").returncode == 0
    before = api.all("Job")[0]["metadata"]["uid"]
    again = emotion("submit", "ann")
    assert again.returncode == 0, again.stderr
    assert "created again" in again.stderr
    (job,) = api.all("Job")
    assert job["metadata"]["uid"] != before
    assert len(api.all("ConfigMap")) == 1


@pytest.mark.parametrize("other", [("--set", "training.epochs=3"), ("--data", "mine"), ("--gpus", "1")])
def test_a_name_that_another_job_at_work_has_is_refused(
    api: ApiServer, emotion: Emotion, other: tuple[str, str]
) -> None:
    emotion("submit", "ann", "--run", "mine", "--no-follow")
    before = submitted_objects(api)
    done = emotion("submit", "ann", "--run", "mine", *other, "--no-follow")
    assert done.returncode == 2
    assert "another command line" in done.stderr
    assert "--run" in done.stderr
    assert submitted_objects(api) == before


def test_another_parameter_file_of_a_job_at_work_is_refused(api: ApiServer, emotion: Emotion) -> None:
    emotion("submit", "ann", "--run", "mine", "--no-follow")
    (job,) = api.all("Job")
    digest = hashlib.sha256(api.all("ConfigMap")[0]["data"]["params.toml"].encode()).hexdigest()
    assert job["metadata"]["annotations"][PARAMS_DIGEST] == digest
    api.update("Job", "ann-mine", {"metadata": {"annotations": {PARAMS_DIGEST: "of an older version"}}})
    done = emotion("submit", "ann", "--run", "mine", "--no-follow")
    assert done.returncode == 2, done.stderr
    assert "with another parameter file" in done.stderr


def test_what_a_variable_takes_from_the_pod_itself_makes_no_other_job(api: ApiServer, emotion: Emotion) -> None:
    emotion("submit", "ann", "--no-follow")
    (job,) = api.all("Job")
    (main,) = job["spec"]["template"]["spec"]["containers"]
    # As a version of `emotion` submitted it that had no such variable.
    main["env"] = [variable for variable in main["env"] if "value" in variable]
    api.put("MODIFIED", job)
    done = emotion("submit", "ann", "--no-follow")
    assert done.returncode == 0, done.stderr
    assert "running already" in done.stderr


def test_a_classification_at_work_with_another_number_of_shards_is_named(api: ApiServer, emotion: Emotion) -> None:
    emotion("submit", "classify", "--shards", 4, "--no-follow")
    done = emotion("submit", "classify", "--shards", 3, "--no-follow")
    assert done.returncode == 0, done.stderr
    message = "running already: this command follows the job with 4 pods; to use 3, cancel that job first"
    assert message in " ".join(done.stderr.split())
    assert api.all("Job")[0]["spec"]["completions"] == 4


@pytest.mark.parametrize(("kueue", "said"), [(False, True), (True, False)])
def test_a_queue_without_kueue_is_only_a_label(api: ApiServer, emotion: Emotion, *, kueue: bool, said: bool) -> None:
    api.kueue = kueue
    done = emotion("submit", "ann", "--queue", "research", "--no-follow")
    assert done.returncode == 0, done.stderr
    text = "the cluster has no Kueue: the queue has no effect, and the jobs start at once"
    assert (text in " ".join(done.stderr.split())) == said
    assert "no Kueue" not in emotion("submit", "lstm", "--no-follow").stderr


def refuse_job(api: ApiServer) -> None:
    api.refuse("POST", "Job", 422, "Invalid", 'Job.batch "ann" is invalid: spec.completions: Invalid value: -1')


def forbid_job(api: ApiServer) -> None:
    api.refuse("POST", "Job", 403, "Forbidden", 'jobs.batch is forbidden: User "me" cannot create resource "jobs"')


def forbid_later(api: ApiServer) -> None:
    message = 'jobs.batch is forbidden: User "me" cannot create resource "jobs"'
    api.refuse("POST", "Job", 403, "Forbidden", message, dry_run=False)


def lose_params(api: ApiServer) -> None:
    api.refuse("POST", "ConfigMap", 500, "InternalError", "etcdserver: request timed out", dry_run=False)


def quota(api: ApiServer) -> None:
    message = 'jobs.batch "ann" is forbidden: exceeded quota: jobs, requested: count/jobs.batch=1, used: 1, limited: 1'
    api.refuse("POST", "Job", 403, "Forbidden", message)


@pytest.mark.parametrize(
    ("trouble", "code", "message", "hint"),
    [
        (refuse_job, 78, "is invalid: spec.completions", "the API rejects the manifest"),
        (forbid_job, 69, "cannot create resource", "kubectl --namespace=emotion auth can-i --list"),
        (forbid_later, 69, "cannot create resource", "kubectl --namespace=emotion auth can-i --list"),
        (quota, 69, "exceeded quota", "kubectl --namespace=emotion describe resourcequota"),
        (lose_params, 69, "etcdserver: request timed out", "check that the cluster runs"),
        (
            lambda api: api.remove("PersistentVolumeClaim", "emotion"),
            66,
            "no persistentvolumeclaim emotion",
            "k8s/setup",
        ),
        (lambda api: api.remove("ServiceAccount", "emotion"), 66, "no serviceaccount emotion", "k8s/setup"),
        (lambda api: setattr(api, "version", "v1.31.4"), 69, "spec.successPolicy (stable in 1.33)", "newer cluster"),
        (lambda api: setattr(api, "version", "v1.30.4"), 69, "spec.podFailurePolicy (stable in 1.31)", "newer cluster"),
    ],
)
def test_what_the_cluster_lacks_or_refuses_is_one_message_and_leaves_nothing(
    api: ApiServer, emotion: Emotion, trouble: Callable[[ApiServer], Any], code: int, message: str, hint: str
) -> None:
    trouble(api)
    done = emotion("submit", "ann", "--no-follow")
    assert done.returncode == code, done.stderr
    assert done.stderr.count("error:") == 1
    assert message in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
    assert submitted_objects(api) == []


def test_a_broken_overlay_is_reported_with_what_kustomize_says(
    api: ApiServer, emotion: Emotion, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    patch = {"target": {"kind": "Job"}, "patch": '[{"op": "replace", "path": "/spec/nothing/here", "value": 1}]'}
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "patches": [patch]}
    (folder / "kustomization.yaml").write_text(json.dumps(component))
    done = emotion("submit", "ann", "--overlay", folder, "--no-follow")
    assert done.returncode == 78
    assert "cannot be rendered" in done.stderr
    assert "nothing" in done.stderr
    assert submitted_objects(api) == []


def test_a_field_that_the_api_does_not_know_is_refused_by_the_server(
    api: ApiServer, emotion: Emotion, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    patch = {"target": {"kind": "Job"}, "patch": '[{"op": "add", "path": "/spec/backofLimit", "value": 1}]'}
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "patches": [patch]}
    (folder / "kustomization.yaml").write_text(json.dumps(component))
    done = emotion("submit", "ann", "--overlay", folder, "--no-follow")
    assert done.returncode == 78, done.stderr
    assert "backofLimit" in done.stderr
    assert submitted_objects(api) == []


def test_who_may_only_create_jobs_can_submit(api: ApiServer, emotion: Emotion) -> None:
    for kind in ("Namespace", "ServiceAccount", "PersistentVolumeClaim"):
        api.refuse("GET", kind, 403, "Forbidden", f'{kind.lower()}s is forbidden: User "me" cannot get resource')
    done = emotion("submit", "ann", "--no-follow")
    assert done.returncode == 0, done.stderr
    assert api.all("Job")


def test_what_a_killed_submission_left_is_made_again(api: ApiServer, emotion: Emotion) -> None:
    assert emotion("submit", "bert", "--workers", 2, "--no-follow").returncode == 0
    before = {item["metadata"]["uid"] for kind in SUBMITTED_KINDS for item in api.all(kind)}
    # The Job is deleted, its other objects are not yet.
    for kind in SUBMITTED_KINDS[1:]:
        (item,) = api.all(kind)
        api.update(kind, item["metadata"]["name"], {"metadata": {"ownerReferences": None}})
    api.remove("Job", api.all("Job")[0]["metadata"]["name"])
    assert len(submitted_objects(api)) == 3
    done = emotion("submit", "bert", "--workers", 2, "--no-follow")
    assert done.returncode == 0, done.stderr
    now = [item for kind in SUBMITTED_KINDS for item in api.all(kind)]
    assert len(now) == 4
    assert not before & {item["metadata"]["uid"] for item in now}
    (uid,) = [item["metadata"]["uid"] for item in now if item["kind"] == "Job"]
    assert {item["metadata"]["ownerReferences"][0]["uid"] for item in now if item["kind"] != "Job"} == {uid}
