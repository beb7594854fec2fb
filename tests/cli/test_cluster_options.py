"""Options that choose a cluster: every command has them, and takes them from the environment."""

import os
import subprocess
from collections.abc import Mapping

import pytest

from tests.cluster.api import ApiServer
from tests.cluster.conftest import BIN

STATUS_COMMANDS = {"status": ["status"], "logs": ["logs", "ann"], "cancel": ["cancel", "ann"]}
POD_COMMANDS = {
    "submit": ["submit", "ann"],
    "pipeline": ["pipeline", "ann"],
    "put": ["put", __file__, "mine"],
    "fetch": ["fetch", "comparison", os.devnull],
    "runs list": ["runs", "list", "--cluster"],
    "runs rm": ["runs", "rm", "mine", "--cluster", "--yes"],
}
CLUSTER_OPTIONS = ("--namespace -n", "EMOTION_NAMESPACE", "--context", "EMOTION_CONTEXT")
POD_OPTIONS = ("--store-claim", "EMOTION_STORE_CLAIM", "--overlay", "EMOTION_OVERLAY", "--image")


def run(environment: Mapping[str, str], *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "emotion"), *arguments]
    own = {**environment, **variables}
    return subprocess.run(command, env=own, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("name", [*STATUS_COMMANDS, *POD_COMMANDS])
def test_the_help_of_every_command_lists_them(environment: Mapping[str, str], name: str) -> None:
    shown = " ".join(run(environment, *name.split(), "--help", COLUMNS="200").stdout.split())
    options = (*CLUSTER_OPTIONS, *(POD_OPTIONS if name in POD_COMMANDS else ()))
    assert [option for option in options if option not in shown] == []


@pytest.mark.parametrize("name", [*STATUS_COMMANDS, *POD_COMMANDS])
def test_the_environment_chooses_namespace_and_context(
    api: ApiServer, environment: Mapping[str, str], name: str
) -> None:
    arguments = (STATUS_COMMANDS | POD_COMMANDS)[name]
    run(environment, *arguments, EMOTION_NAMESPACE="elsewhere")
    namespaces = [request.path for request in api.requests if "/namespaces/" in request.path]
    assert namespaces
    assert all("/namespaces/elsewhere" in path for path in namespaces)
    unknown = run(environment, *arguments, EMOTION_CONTEXT="unknown")
    assert unknown.returncode == 2
    assert 'context "unknown" does not exist' in unknown.stderr


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("name", [*STATUS_COMMANDS, *POD_COMMANDS])
def test_a_namespace_that_does_not_exist_is_missing_input(environment: Mapping[str, str], name: str) -> None:
    done = run(environment, *(STATUS_COMMANDS | POD_COMMANDS)[name], "-n", "nosuch", "--context", "test")
    assert done.returncode == 66
    assert "there is no namespace nosuch" in done.stderr
    assert "kubectl --context=test get namespaces" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("name", POD_COMMANDS)
def test_the_environment_chooses_claim_and_overlay_of_the_pods(
    api: ApiServer, environment: Mapping[str, str], name: str
) -> None:
    claim = run(environment, *POD_COMMANDS[name], EMOTION_STORE_CLAIM="other")
    assert claim.returncode == 66
    assert "no persistentvolumeclaim other in the namespace emotion" in claim.stderr
    overlay = run(environment, *POD_COMMANDS[name], EMOTION_OVERLAY="nowhere")
    assert overlay.returncode == 66
    assert "nowhere has no kustomization.yaml" in overlay.stderr
    assert not api.all("Job")


@pytest.mark.parametrize("name", POD_COMMANDS)
def test_the_pods_have_the_image_of_the_command_line(api: ApiServer, environment: Mapping[str, str], name: str) -> None:
    api.refuse("POST", "Job", 403, "Forbidden", "exceeded quota: jobs")
    arguments = [*POD_COMMANDS[name][:1]] if " " not in name else POD_COMMANDS[name][:2]
    run(environment, *arguments, "--image", "r.example/mine:1", *POD_COMMANDS[name][len(arguments) :])
    images = [
        request.body["spec"]["template"]["spec"]["containers"][0]["image"]
        for request in api.requests
        if request.method == "POST" and request.body and request.body["kind"] == "Job"
    ]
    assert "r.example/mine:1" in images
