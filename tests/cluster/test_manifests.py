"""What the manifests promise: alone, with every component and overlay, and as orders render them."""

import itertools
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from emotion import __version__
from emotion.cluster.job_spec import OTHER_JOBS, JobSpec, check_spec, find_overlay
from emotion.cluster.kubectl import TIMEOUT, Kubectl
from emotion.cluster.render import render
from emotion.cluster.submit import check_accepted
from emotion.errors import UsageError
from emotion.models.registry import MODELS, params_file
from emotion.params.toml import load_params
from tests.cluster.renderings import JOBS, KINDS, KUBECTL, ORDERS, OVERLAYS, ROOT, SETUPS, everything
from tests.images.containers import expanded

Object = dict[str, Any]
GPU = "nvidia.com/gpu"
QUEUE = "kueue.x-k8s.io/queue-name"
JOB_NAME = "batch.kubernetes.io/job-name"
LABELS = {f"app.kubernetes.io/{name}" for name in ("name", "component", "instance", "part-of", "version")}
TRANSFORMERS = [name for name, model in MODELS.items() if model.checkpoint]
SPOT = {"cloud.google.com/gke-spot", "kubernetes.azure.com/scalesetpriority", "karpenter.sh/capacity-type"}
# What ends the same way however often it is tried.
HOPELESS = [2, 65, 66, 70, 73, 78]
UNITS = {"m": 1e-3, "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
# Who mounts which folders of the store, and who may write there.
READS = {
    "train": {"data", "weights"},
    "prefetch": set[str](),
    "aggregate": {"runs"},
    "classify": {"inputs", "runs", "comparison"},
}
WRITES = {"train": {"runs"}, "prefetch": {"data", "weights"}, "aggregate": {"comparison"}, "classify": {"predictions"}}


@dataclass(frozen=True)
class Desk(Kubectl):
    """Takes what is handed to kubectl, and does nothing."""

    handed: list[str] = field(default_factory=list)

    def run(self, *_: str, content: str | None = None, timeout: str = TIMEOUT) -> str:  # noqa: ARG002
        self.handed.append(content or "")
        return ""


@pytest.fixture(scope="module")
def renderings() -> dict[str, list[Object]]:
    """Give all of them, by name."""
    return everything()


@pytest.fixture(scope="module")
def jobs(renderings: dict[str, list[Object]]) -> dict[str, Object]:
    """Give the Job of each rendering that has one."""
    found = {name: [each for each in objects if each["kind"] == "Job"] for name, objects in renderings.items()}
    assert {len(each) for name, each in found.items() if name not in SETUPS} == {1}
    return {name: each[0] for name, each in found.items() if each}


def pod(job: Object) -> Object:
    spec: Object = job["spec"]["template"]["spec"]
    return spec


def container(job: Object) -> Object:
    only: list[Object] = pod(job)["containers"]
    assert len(only) == 1
    assert "initContainers" not in pod(job)
    return only[0]


def labels_of_pods(job: Object) -> dict[str, str]:
    labels: dict[str, str] = job["spec"]["template"]["metadata"]["labels"]
    return labels


def component(job: Object) -> str:
    name: str = job["metadata"]["labels"]["app.kubernetes.io/component"]
    return name


def trainings(jobs: dict[str, Object]) -> Iterator[tuple[str, Object]]:
    return ((name, job) for name, job in jobs.items() if component(job) == "train")


def settings(job: Object) -> list[str]:
    """What follows each --set."""
    args: list[str] = container(job)["args"]
    return [value for option, value in itertools.pairwise(args) if option == "--set"]


def variables(job: Object) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(job).get("env", []) if "value" in each}


def shared_memory(job: Object) -> float:
    sizes = [each["emptyDir"]["sizeLimit"] for each in pod(job)["volumes"] if each["name"] == "shm"]
    return quantity(sizes[0])


def tolerated(job: Object) -> list[str]:
    return [each["key"] for each in pod(job)["tolerations"]]


def quantity(text: str) -> float:
    number = text.rstrip("KMGim")
    return float(number) * UNITS[text[len(number) :]]


def keys(content: Any) -> set[str]:
    """All keys of all mappings in it."""
    if isinstance(content, dict):
        return set(content).union(*map(keys, content.values()))
    return set[str]().union(*map(keys, content)) if isinstance(content, list) else set()


def one(objects: list[Object], kind: str, name: str = "") -> Object:
    found = [each for each in objects if each["kind"] == kind and name in {"", each["metadata"]["name"]}]
    assert len(found) == 1
    return found[0]


def has(name: str, part: str) -> bool:
    """Whether the rendering of this name has a component or an overlay; `submit-` is for orders, which say it apart."""
    return not name.startswith("submit-") and f"-{part}-" in f"{name}-"


@pytest.mark.parametrize("version", ["1.33", "1.34", "1.35", "1.36", "1.37"])
def test_every_supported_api_knows_every_field(renderings: dict[str, list[Object]], version: str) -> None:
    # Each distinct object once: many renderings have a part in common.
    distinct = {json.dumps(each, sort_keys=True): each for objects in renderings.values() for each in objects}
    assert len(distinct) > 100
    for each in distinct.values():
        assert kubernetes_validate.validate(each, version, strict=True) == version


def test_a_job_alone_is_one_object_and_its_parameters(renderings: dict[str, list[Object]]) -> None:
    for job in JOBS:
        kinds = [each["kind"] for each in renderings[job]]
        assert sorted(kinds) == (["Job"] if job in OTHER_JOBS else ["ConfigMap", "Job"]), job
        assert [each["metadata"]["name"] for each in renderings[job] if each["kind"] == "Job"] == [job]


def test_no_job_brings_storage_or_rights_or_says_in_which_namespace_it_is(
    renderings: dict[str, list[Object]],
) -> None:
    for name, objects in renderings.items():
        if name in SETUPS:
            continue
        workers = "multi-worker" in name or name == "submit-bert-all"
        allowed = {"Job", "ConfigMap"} | ({"Service", "NetworkPolicy"} if workers else set())
        assert {each["kind"] for each in objects} <= allowed, name
        assert "namespace" not in keys(objects), name


def test_pods_that_were_evicted_or_may_try_again_count_for_nothing_and_hopeless_ones_end_the_job(
    jobs: dict[str, Object],
) -> None:
    for name, job in jobs.items():
        # Bad data is one shard's: the others go on.
        fail = [("FailIndex", [65]), ("FailJob", [2, 66, 70, 73, 78])]
        ends = fail if component(job) == "classify" else [("FailJob", HOPELESS)]
        disrupted, *by_code = job["spec"]["podFailurePolicy"]["rules"]
        assert disrupted == {
            "action": "Ignore",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        }, name
        assert by_code == [
            {"action": action, "onExitCodes": {"operator": "In", "values": values}}
            for action, values in (("Ignore", [75]), *ends)
        ], name


def test_a_job_is_tried_again_a_few_times_by_one_pod_at_a_time_and_ends_and_goes_sometime(
    jobs: dict[str, Object],
) -> None:
    for name, job in jobs.items():
        spec = job["spec"]
        if component(job) == "classify":
            assert spec["backoffLimitPerIndex"] >= 2, name
            assert "backoffLimit" not in spec, name
        else:
            assert spec["backoffLimit"] >= 2, name
        assert spec["activeDeadlineSeconds"] >= 600, name
        assert spec["ttlSecondsAfterFinished"] > 0, name
        # Two pods on one run would wait for each other's lease.
        assert spec["podReplacementPolicy"] == "Failed", name
        assert pod(job)["restartPolicy"] == "Never", name


def test_pods_get_two_minutes_for_a_checkpoint_and_those_that_have_none_go_at_once(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        assert pod(job)["terminationGracePeriodSeconds"] == (1 if component(job) == "transfer" else 120), name


def test_every_pod_says_what_it_needs_which_is_within_its_limits(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        requests, limits = (container(job)["resources"][each] for each in ("requests", "limits"))
        assert set(requests) == {"cpu", "memory", "ephemeral-storage"}, name
        assert set(limits) - {GPU} == set(requests), name
        for resource, request in requests.items():
            assert 0 < quantity(request) <= quantity(limits[resource]), f"{name}: {resource}"


def test_pods_run_where_a_namespace_is_restricted_and_know_nothing_of_the_cluster(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        spec, user = pod(job), pod(job)["securityContext"]
        assert user["runAsNonRoot"] is True, name
        # Not a user of any node.
        assert user["runAsUser"] >= 10_000, name
        assert user["seccompProfile"] == {"type": "RuntimeDefault"}, name
        # A store of a million files is not walked through at each start.
        assert user["fsGroupChangePolicy"] == "OnRootMismatch", name
        assert container(job)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(spec), name
        assert {kind for each in spec["volumes"] for kind in set(each) - {"name"}} <= {
            "configMap",
            "emptyDir",
            "persistentVolumeClaim",
        }, name
        assert spec["serviceAccountName"] == "emotion", name
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert [set(each) for each in spec["imagePullSecrets"]] == [{"name"}], name


def test_temporary_files_and_shared_memory_have_room_of_their_own(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        volumes = {each["name"]: each for each in pod(job)["volumes"]}
        mounted = {each["mountPath"]: volumes[each["name"]] for each in container(job)["volumeMounts"]}
        assert mounted["/tmp"]["emptyDir"].keys() == {"sizeLimit"}, name  # noqa: S108
        assert mounted["/dev/shm"]["emptyDir"]["medium"] == "Memory", name  # noqa: S108
        # Shared memory counts as the pod's own.
        memory = container(job)["resources"]["limits"]["memory"]
        assert quantity(mounted["/dev/shm"]["emptyDir"]["sizeLimit"]) <= quantity(memory), name  # noqa: S108


def test_jobs_and_their_pods_are_found_by_the_recommended_labels(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        labels = job["metadata"]["labels"]
        assert set(labels) - {QUEUE} == LABELS, name
        assert labels_of_pods(job) == {key: value for key, value in labels.items() if key != QUEUE}, name
        assert labels["app.kubernetes.io/version"] == __version__, name
        assert labels["app.kubernetes.io/part-of"] == "emotion", name
        kind, what = component(job), labels["app.kubernetes.io/name"]
        assert what in MODELS if kind == "train" else what == kind, name
        assert job["metadata"]["name"].startswith(what), name


def test_a_run_is_its_job_s_instance_and_the_end_of_its_name() -> None:
    for order in (JobSpec("ann"), JobSpec("classify", source="Inbox"), JobSpec("lstm", run="mine")):
        rendered = render(check_spec(order))
        run = rendered.spec.run
        assert run
        assert rendered.job["metadata"]["labels"]["app.kubernetes.io/instance"] == run
        assert rendered.name == f"{order.job}-{run}"
        if order.trains:
            assert rendered.container["args"][-2:] == ["--run", run]


def test_the_image_s_own_entry_point_runs_but_where_files_are_moved(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        if component(job) == "transfer":
            assert container(job)["command"] == ["sleep", "infinity"], name
            assert "args" not in container(job), name
        else:
            assert "command" not in container(job), name
            assert container(job)["args"][0] == component(job), name


def test_all_images_come_from_one_component_unless_an_overlay_or_the_person_says_otherwise(
    jobs: dict[str, Object],
) -> None:
    for name, job in jobs.items():
        trains = component(job) in {"train", "prefetch"}
        overlay = find_overlay(next((each for each in OVERLAYS if has(name, each)), ""))
        if name.startswith("submit-"):
            order = ORDERS[name]
            overlay = order.overlay or Path()
            if order.image:
                assert container(job)["image"] == order.image
                continue
        variant = "cuda" if trains and overlay.name != "local" else "cpu"
        registry = "registry.example.org/team/" if overlay.name == "cluster" else ""
        image = f"{registry}emotion-{'train' if trains else 'classify'}:{__version__}-{variant}"
        assert container(job)["image"] == image, name


def test_the_component_names_the_images_that_make_builds() -> None:
    content = yaml.safe_load((ROOT / "k8s/components/images/kustomization.yaml").read_text())
    assert content["images"] == [
        {"name": "emotion-train", "newTag": f"{__version__}-cuda"},
        {"name": "emotion-classify", "newTag": f"{__version__}-cpu"},
    ]


def test_each_job_sees_what_it_needs_of_the_store_and_writes_its_own_results_alone(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        mounts = {each["mountPath"]: each for each in container(job)["volumeMounts"]}
        own = {"/tmp", "/dev/shm"}  # noqa: S108
        if component(job) == "transfer":
            assert set(mounts) == {"/store", *own}
            assert mounts["/store"] == {"mountPath": "/store", "name": "store"}
            continue
        reads, writes = READS[component(job)], WRITES[component(job)]
        params = {"/params"} if component(job) == "train" else set[str]()
        assert set(mounts) == {f"/store/{each}" for each in reads | writes} | own | params, name
        for folder in reads | writes:
            mount = mounts[f"/store/{folder}"]
            assert (mount["name"], mount["subPath"]) == ("store", folder), name
        writable = {path for path, mount in mounts.items() if not mount.get("readOnly")}
        assert writable == {f"/store/{each}" for each in writes} | own, name


def test_the_store_is_the_claim_of_the_setup_or_the_one_that_was_named(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        claims = [each["persistentVolumeClaim"] for each in pod(job)["volumes"] if "persistentVolumeClaim" in each]
        expected = ORDERS[name].claim if name.startswith("submit-") else None
        assert claims == [{"claimName": expected or "emotion"}], name


def test_prefetch_alone_has_the_hub_s_token_and_address_if_there_are_any(jobs: dict[str, Object]) -> None:
    token = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token", "optional": True}}}
    for name, job in jobs.items():
        secret = [each for each in container(job).get("env", []) if "valueFrom" in each]
        others = container(job).get("envFrom", [])
        if component(job) == "prefetch":
            assert secret == [token], name
            assert others == [{"configMapRef": {"name": "hub", "optional": True}}], name
        else:
            assert (secret, others) == ([], []), name
            assert "HF_TOKEN" not in variables(job), name


def test_trainings_look_for_weights_in_the_store_alone(jobs: dict[str, Object]) -> None:
    for name, job in trainings(jobs):
        assert variables(job)["HF_HUB_OFFLINE"] == "1", name


def test_transformers_want_a_gpu_and_other_trainings_none(jobs: dict[str, Object]) -> None:
    for model in MODELS:
        wanted = model in TRANSFORMERS
        parts = ("kueue", "spot", "cluster") if model in KINDS else ()
        for name in (model, *(f"{model}-{part}" for part in parts)):
            assert (GPU in container(jobs[name])["resources"]["limits"]) == wanted, name
            assert (GPU in tolerated(jobs[name])) == wanted, name
            assert settings(jobs[name]) == [f"resources.device={'gpu' if wanted else 'cpu'}"], name


def test_the_gpu_component_gives_one_to_any_job_and_lets_it_not_go_on_without(jobs: dict[str, Object]) -> None:
    for job in KINDS:
        name = f"{job}-gpu"
        assert container(jobs[name])["resources"]["limits"][GPU] == "1", name
        assert GPU in tolerated(jobs[name]), name
        assert settings(jobs[name]) == (["resources.device=gpu"] if job in MODELS else []), name
        assert ("--device=gpu" in container(jobs[name])["args"]) == (job == "classify"), name


def test_without_gpus_nothing_of_them_is_left(jobs: dict[str, Object]) -> None:
    without = [name for name in jobs if has(name, "cpu") or has(name, "local")]
    assert len(without) > 2 * len(KINDS)
    for name in [*without, "submit-minilm-cpu", "submit-lstm-local"]:
        assert GPU not in container(jobs[name])["resources"]["limits"], name
        assert GPU not in tolerated(jobs[name]), name
        assert "gpu" not in " ".join(container(jobs[name]).get("args", [])), name


def test_several_gpus_come_with_cores_and_shared_memory(jobs: dict[str, Object]) -> None:
    for name in ("bert-multi-gpu", "bert-cluster-multi-gpu", "bert-multi-gpu-kueue-spot-multi-worker"):
        one, four = container(jobs["bert"])["resources"], container(jobs[name])["resources"]
        assert four["limits"][GPU] == "4", name
        for resource in ("cpu", "memory"):
            assert quantity(four["requests"][resource]) > quantity(one["requests"][resource]), name
        assert shared_memory(jobs[name]) > shared_memory(jobs["bert"]), name


@pytest.mark.parametrize("job", ["bert", "ann", "classify"])
def test_as_many_gpus_as_were_asked_for(job: str) -> None:
    rendered = render(check_spec(JobSpec(job, gpus=2, image="registry.example/with-cuda:1")))
    assert rendered.container["resources"]["limits"][GPU] == "2"
    assert GPU in tolerated(rendered.job)
    assert shared_memory(rendered.job) >= 8 * 2**30
    assert {"resources.device=gpu", "--device=gpu"} & set(rendered.container["args"])


def test_gpus_that_were_asked_for_are_there_and_tolerated_whatever_the_overlay_does() -> None:
    for overlay in OVERLAYS:
        rendered = render(check_spec(JobSpec("bert", gpus=1, overlay=find_overlay(overlay))))
        assert rendered.container["resources"]["limits"][GPU] == "1", overlay
        assert "resources.device=gpu" in settings(rendered.job), overlay
        assert GPU in tolerated(rendered.job), overlay


def test_a_queue_is_the_job_s_alone(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        order = ORDERS.get(name, JobSpec("ann"))
        cluster = has(name, "cluster") or (order.overlay is not None and order.overlay.name == "cluster")
        queues = {has(name, "kueue"): "default", cluster and component(job) == "train": "research"}
        # The component stands above the overlay.
        wanted = order.queue or ("default" if has(name, "kueue") else queues.get(True))
        assert job["metadata"]["labels"].get(QUEUE) == wanted, name
        # Kueue would take the pods for jobs of their own.
        assert QUEUE not in labels_of_pods(job), name


def test_spot_jobs_go_to_spot_nodes_alone_and_are_let_in_there(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        spot = has(name, "spot") or (name.startswith("submit-") and ORDERS[name].spot)
        nodes = pod(job).get("affinity", {}).get("nodeAffinity", {})
        required = nodes.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
        # Any of the terms will do: a cluster has the label of one provider.
        assert (len(required) >= 4) == spot, name
        assert (set(tolerated(job)) >= SPOT) == spot, name


def test_nobody_waits_five_minutes_for_a_lost_node(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        seconds = {
            each["key"]: each["tolerationSeconds"] for each in pod(job)["tolerations"] if "tolerationSeconds" in each
        }
        assert seconds == {"node.kubernetes.io/not-ready": 60, "node.kubernetes.io/unreachable": 60}, name


def test_workers_find_each_other_by_their_job_s_name_and_nobody_else_reaches_them(
    renderings: dict[str, list[Object]], jobs: dict[str, Object]
) -> None:
    names = [name for name in jobs if has(name, "multi-worker")]
    assert len(names) >= 20
    for name in (*names, "submit-bert-all"):
        job, count = jobs[name], ORDERS[name].workers if name in ORDERS else 2
        own = job["metadata"]["name"]
        # Its run is in the name: two runs of a model are two services.
        assert own != "bert", name
        service = next(each for each in renderings[name] if each["kind"] == "Service")
        policy = next(each for each in renderings[name] if each["kind"] == "NetworkPolicy")
        assert service["metadata"]["name"] == policy["metadata"]["name"] == own, name
        assert pod(job)["subdomain"] == variables(job)["EMOTION_SERVICE"] == own, name
        assert service["spec"]["clusterIP"] == "None", name
        assert service["spec"]["publishNotReadyAddresses"] is True, name
        mine = {JOB_NAME: own}
        assert service["spec"]["selector"] == mine, name
        among = [{"podSelector": {"matchLabels": mine}}]
        assert policy["spec"] == {
            "podSelector": {"matchLabels": mine},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": among}],
            "egress": [
                {"to": among},
                {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
            ],
        }, name
        spec = job["spec"]
        assert spec["completionMode"] == "Indexed", name
        assert int(variables(job)["EMOTION_WORKERS"]) == spec["completions"] == spec["parallelism"] == count, name
        assert spec["successPolicy"] == {"rules": [{"succeededIndexes": "0"}]}, name


def test_a_job_without_workers_is_not_indexed(jobs: dict[str, Object]) -> None:
    for name, job in trainings(jobs):
        workers = "EMOTION_WORKERS" in variables(job)
        assert workers == has(name, "multi-worker") or name == "submit-bert-all", name
        assert ("completionMode" in job["spec"]) == ("subdomain" in pod(job)) == workers, name


def test_each_pod_that_classifies_has_its_share_and_all_shares_are_somebody_s(jobs: dict[str, Object]) -> None:
    found = [(name, job) for name, job in jobs.items() if component(job) == "classify"]
    assert len(found) > 5
    for name, job in found:
        spec, shards = job["spec"], variables(job)["SHARDS"]
        assert spec["completionMode"] == "Indexed", name
        assert spec["completions"] == spec["parallelism"] == int(shards), name
        assert int(shards) == (7 if name == "submit-classify" else 4), name
        args = container(job)["args"]
        shares = {
            expanded(args[args.index("--shard") + 1], {**variables(job), "JOB_COMPLETION_INDEX": str(index)})
            for index in range(spec["completions"])
        }
        assert shares == {f"{index}/{shards}" for index in range(spec["completions"])}, name


def test_what_is_classified_and_where_to_is_named_in_the_store(jobs: dict[str, Object]) -> None:
    args = container(jobs["submit-classify"])["args"]
    assert args[1:3] == ["/store/inputs/Inbox", "/store/predictions/Inbox"]
    assert "--model=ann/s1-0a1b2c3d" in args


def test_prefetch_fetches_the_weights_of_the_models_that_have_some(jobs: dict[str, Object]) -> None:
    assert container(jobs["prefetch"])["args"] == ["prefetch"]
    assert container(jobs["submit-prefetch"])["args"] == ["prefetch", "bert"]
    none = render(check_spec(JobSpec("prefetch", models=("ann", "lstm"), data="mine")))
    assert none.container["args"] == ["prefetch", "--no-weights", "--no-data"]


def test_a_training_in_the_cluster_has_the_parameters_of_the_command_line(
    renderings: dict[str, list[Object]], jobs: dict[str, Object], tmp_path: Path
) -> None:
    for name, job in trainings(jobs):
        order = ORDERS.get(name, JobSpec("ann"))
        model, args = job["metadata"]["labels"]["app.kubernetes.io/name"], container(job)["args"]
        maps = [each for each in renderings[name] if each["kind"] == "ConfigMap"]
        assert [list(each["data"]) for each in maps] == [["params.toml"]], name
        text = maps[0]["data"]["params.toml"]
        assert text.encode() == params_file(model).read_bytes(), name
        # The name has a digest of the content, and the run's name: the volume has to follow.
        volumes = {each["name"]: each for each in pod(job)["volumes"]}
        assert volumes["params"] == {"name": "params", "configMap": {"name": maps[0]["metadata"]["name"]}}, name
        mounts = {each["mountPath"]: each["name"] for each in container(job)["volumeMounts"]}
        assert args[:4] == ["train", model, "--params", "/params/params.toml"], name
        assert mounts["/params"] == "params", name
        assert args[args.index("--data") + 1] == f"/store/data/{order.data}", name
        (tmp_path / "params.toml").write_text(text)
        in_cluster = load_params(model, tmp_path / "params.toml", settings(job))
        here = load_params(model, params_file(model), order.settings)
        assert in_cluster.digest() == here.digest(), name
        assert in_cluster.model_dump(exclude={"resources"}) == here.model_dump(exclude={"resources"}), name


def test_settings_reach_the_training_as_they_were_typed(tmp_path: Path) -> None:
    typed = ("training.epochs=2", "training.class_weights=balanced", 'data.text_column="a, b"', "resources.wait=7")
    rendered = render(check_spec(JobSpec("lstm", settings=typed)))
    (tmp_path / "params.toml").write_text(rendered.others[0]["data"]["params.toml"])
    in_cluster = load_params("lstm", tmp_path / "params.toml", settings(rendered.job))
    assert in_cluster == load_params("lstm", params_file("lstm"), [*typed, "resources.device=cpu"])
    assert in_cluster.resources.wait == 7


@pytest.mark.parametrize(
    "value", ["$(HOME)", "$(HF_HUB_OFFLINE)", "$$(HF_HUB_OFFLINE)", "US$$", "$", "$HOME", "a, 'b': \"c\" {d}\\n # e"]
)
def test_the_cluster_puts_no_variable_into_what_was_typed(value: str) -> None:
    rendered = render(check_spec(JobSpec("ann", settings=(f"data.label_column={value}",))))
    # kubelet expands the args, once, with the container's own variables.
    environment = {"HOME": "/tmp", **variables(rendered.job)}  # noqa: S108
    received = [expanded(word, environment) for word in rendered.container["args"]]
    assert f"data.label_column={value}" in received


@pytest.mark.parametrize("run", ["s1-0a1b2c3d", "123", "true", "null", "1e3", "0o14", "2026-01-01"])
def test_kubectl_reads_what_was_rendered_whatever_a_run_is_called(run: str) -> None:
    rendered = render(check_spec(JobSpec("ann", run=run)))
    desk = Desk("emotion")
    check_accepted(desk, rendered)
    assert len(desk.handed) == len(rendered.others) + 1
    # What is submitted, and what --dry-run prints.
    for content in (desk.handed[-1], rendered.yaml):
        # A local command, which asks no server, but reads as `kubectl create` does.
        command = [KUBECTL, "annotate", "--local", "--filename=-", "read=yes", "--output=json"]
        read = subprocess.run(command, input=content, capture_output=True, text=True, check=False)
        assert read.returncode == 0, read.stderr
    job = rendered.job
    assert job["metadata"]["labels"]["app.kubernetes.io/instance"] == run
    assert container(job)["args"][-2:] == ["--run", run]


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x y", "..", "-x", "x\n", "/x", "x" * 101, "$(HOME)", "é"])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--data"):
        check_spec(JobSpec("ann", data=name))
    with pytest.raises(UsageError, match="--input"):
        check_spec(JobSpec("classify", source=name))


def test_inputs_whose_names_differ_are_jobs_whose_names_differ() -> None:
    sources = ["inbox", "Inbox", "INBOX", "in.box", "in_box", "in-box", "x" * 40, "x" * 41]
    runs = {check_spec(JobSpec("classify", source=source)).run for source in sources}
    assert len(runs) == len(sources)


def test_the_setup_is_what_all_jobs_need_and_no_job_has(renderings: dict[str, list[Object]]) -> None:
    for name in SETUPS:
        kinds = sorted(each["kind"] for each in renderings[name])
        assert kinds == ["Namespace", "NetworkPolicy", "NetworkPolicy", "PersistentVolumeClaim", "ServiceAccount"]
        space = one(renderings[name], "Namespace")
        assert space["metadata"]["name"] == ("research-emotion" if name == "setup-cluster" else "emotion")
        assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        inside = [each for each in renderings[name] if each["kind"] != "Namespace"]
        assert {each["metadata"]["namespace"] for each in inside} == {space["metadata"]["name"]}


def test_the_store_is_for_many_nodes_unless_the_cluster_has_one(renderings: dict[str, list[Object]]) -> None:
    for name in SETUPS:
        claim = one(renderings[name], "PersistentVolumeClaim", "emotion")
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce" if name == "setup-local" else "ReadWriteMany"]
        assert quantity(claim["spec"]["resources"]["requests"]["storage"]) >= 10 * 2**30
    assert one(renderings["setup-cluster"], "PersistentVolumeClaim")["spec"]["storageClassName"] == "nfs"


def test_the_account_of_all_jobs_has_no_token(renderings: dict[str, list[Object]]) -> None:
    for name in SETUPS:
        account = one(renderings[name], "ServiceAccount", "emotion")
        assert account["automountServiceAccountToken"] is False


def test_nothing_goes_in_or_out_but_prefetch_s_way_to_the_hub(
    renderings: dict[str, list[Object]], jobs: dict[str, Object]
) -> None:
    for name in SETUPS:
        closed = one(renderings[name], "NetworkPolicy", "deny-all")["spec"]
        assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        way = one(renderings[name], "NetworkPolicy", "prefetch")["spec"]
        proxy = [("TCP", 3128)] if name == "setup-cluster" else []
        assert way["policyTypes"] == ["Egress"]
        assert [rule.keys() for rule in way["egress"]] == [{"ports"}]
        ports = [(each["protocol"], each["port"]) for each in way["egress"][0]["ports"]]
        assert ports == [("UDP", 53), ("TCP", 53), ("TCP", 443), *proxy]
        wanted = way["podSelector"]["matchLabels"].items()
        selected = {component(job) for job in jobs.values() if wanted <= labels_of_pods(job).items()}
        assert selected == {"prefetch"}
