"""`emotion doctor --cluster`: the versions, the setup, and who can write the folders of the store."""

import json

import pytest

from emotion.doctor.cluster import FOLDERS
from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion, api, emotion, environment, lent_store, start
from tests.cluster.renderings import everything

__all__ = ["api", "emotion", "environment", "lent_store", "start"]


@pytest.mark.usefixtures("lent_store")
def test_it_creates_the_folders_and_leaves_no_job(api: ApiServer, emotion: Emotion) -> None:
    done = emotion("doctor", "--cluster", "--json")
    assert done.returncode == 0, done.stderr
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert {check["state"] for check in found.values()} == {"ok"}
    assert found["store folders"]["found"] == f"jobs can write {', '.join(FOLDERS)}"
    # The kubelet would create them as root.
    assert {path.name for path in api.store.iterdir()} == set(FOLDERS)
    assert not [path for folder in FOLDERS for path in (api.store / folder).iterdir()]
    assert api.all("Job") == []


@pytest.mark.usefixtures("lent_store")
def test_a_folder_that_jobs_cannot_write_has_its_owner_and_a_way_out(api: ApiServer, emotion: Emotion) -> None:
    # A file in the folder's place stops root, too.
    (api.store / "runs").write_text("")
    (api.store / "runs").chmod(0o640)
    done = emotion("doctor", "--cluster", "--json")
    assert done.returncode == 73, done.stderr
    assert "store folder runs" in done.stderr
    (check,) = [check for check in json.loads(done.stdout) if check["state"] == "failure"]
    assert "and cannot write it: it belongs to " in check["found"]
    assert "with mode 640" in check["found"]
    assert "chown" in check["todo"]
    assert check["todo"].endswith(" runs")


@pytest.mark.usefixtures("lent_store")
def test_a_root_of_the_store_in_which_nothing_can_be_created(api: ApiServer, emotion: Emotion) -> None:
    (api.store / "data").symlink_to(api.store / "nowhere" / "else")
    done = emotion("doctor", "--cluster")
    assert done.returncode == 73, done.stderr
    assert "the store's root belongs to" in " ".join(done.stdout.split())


def test_a_missing_setup_is_a_failure(api: ApiServer, emotion: Emotion) -> None:
    api.remove("PersistentVolumeClaim", "emotion")
    done = emotion("doctor", "--cluster", "--json")
    assert done.returncode == 66, done.stderr
    (check,) = [check for check in json.loads(done.stdout) if check["state"] == "failure"]
    assert check["found"] == "there is no persistentvolumeclaim emotion in the namespace emotion"
    assert "kubectl apply -k k8s/setup" in check["todo"]


def test_a_data_set_of_this_machine_does_not_go_with_a_cluster(emotion: Emotion) -> None:
    done = emotion("doctor", "--cluster", "--data", "mine")
    assert done.returncode == 2
    assert "--data is a folder on this machine" in done.stderr


def test_an_unknown_context_is_a_wrong_command_line(emotion: Emotion) -> None:
    done = emotion("doctor", "--cluster", "--context", "unknown")
    assert done.returncode == 2
    assert 'context "unknown" does not exist' in done.stderr


def test_it_knows_every_folder_that_a_job_mounts() -> None:
    mounts = {
        mount["subPath"]
        for objects in everything().values()
        for item in objects
        if item["kind"] == "Job"
        for mount in item["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        if "subPath" in mount
    }
    assert set(FOLDERS) == mounts
