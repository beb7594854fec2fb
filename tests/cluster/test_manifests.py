"""What the manifests promise: alone, with every component and overlay, and as `emotion submit` renders them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from emotion import __version__
from emotion.cluster.job_spec import OTHER_JOBS, JobSpec, find_overlay
from emotion.errors import ExitCode
from emotion.models.registry import MODELS, params_file
from emotion.params.toml import load_params, read_model_name
from emotion.reader import JOB_NAMESPACE
from tests.cluster.job_fields import (
    GPU,
    Object,
    component,
    container,
    limits,
    pod,
    quantity,
    settings,
    shared_memory,
    tolerated,
    variables,
)
from tests.cluster.renderings import JOBS, KINDS, OVERLAYS, ROOT, SETUPS, SPECS, build, everything
from tests.images.containers import expanded

QUEUE = "kueue.x-k8s.io/queue-name"
JOB_NAME = "batch.kubernetes.io/job-name"
LABELS = {f"app.kubernetes.io/{name}" for name in ("name", "component", "instance", "part-of", "version")}
TRANSFORMERS = [name for name, model in MODELS.items() if model.pretrained]
SPOT = {"cloud.google.com/gke-spot", "kubernetes.azure.com/scalesetpriority", "karpenter.sh/capacity-type"}
# DNS of most clusters, and of OpenShift, whose pods listen on another port than their Service.
DNS = [("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353)]
# Exit codes of errors that every attempt would repeat.
PERMANENT = [code for code in ExitCode if code.permanent]
# Sweeps: an Indexed Job with a pod per point.
SWEEPS = {name for name, spec in SPECS.items() if spec.points}
# The folders of the store that a job reads, and those that it writes.
READS = {
    "train": {"data", "inputs", "weights"},
    "prefetch": set[str](),
    "aggregate": {"runs"},
    "classify": {"inputs", "runs", "comparison"},
}
WRITES = {"train": {"runs"}, "prefetch": {"data", "weights"}, "aggregate": {"comparison"}, "classify": {"predictions"}}


@pytest.fixture(scope="module")
def renderings() -> dict[str, list[Object]]:
    """Give all rendered objects, by the rendering's name."""
    return everything()


@pytest.fixture(scope="module")
def jobs(renderings: dict[str, list[Object]]) -> dict[str, Object]:
    """Give the Jobs, by the rendering's name."""
    found = {name: of_kind(objects, "Job") for name, objects in renderings.items()}
    assert {len(jobs) for name, jobs in found.items() if name not in SETUPS} == {1}
    return {name: jobs[0] for name, jobs in found.items() if jobs}


def labels_of_pods(job: Object) -> dict[str, str]:
    labels: dict[str, str] = job["spec"]["template"]["metadata"]["labels"]
    return labels


def trainings(jobs: dict[str, Object]) -> Iterator[tuple[str, Object]]:
    return ((name, job) for name, job in jobs.items() if component(job) == "train")


def keys(content: Any) -> set[str]:
    """All keys of all mappings in some content."""
    if isinstance(content, dict):
        return set(content).union(*map(keys, content.values()))
    return set[str]().union(*map(keys, content)) if isinstance(content, list) else set()


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [content for content in objects if content["kind"] == kind]


def only(objects: list[Object], kind: str, name: str = "") -> Object:
    """The only object of a kind, or of a kind and a name."""
    (found,) = [content for content in of_kind(objects, kind) if name in {"", content["metadata"]["name"]}]
    return found


def by_key(entries: list[Object], key: str) -> dict[str, Object]:
    return {entry[key]: entry for entry in entries}


def has(name: str, part: str) -> bool:
    """Whether the rendering has a component or an overlay; SPECS says so of the renderings that begin with submit-."""
    return not name.startswith("submit-") and f"-{part}-" in f"{name}-"


@pytest.mark.parametrize("version", ["1.33", "1.34", "1.35", "1.36", "1.37"])
def test_every_supported_api_knows_every_field(renderings: dict[str, list[Object]], version: str) -> None:
    # Many renderings share objects: equal ones are validated once.
    distinct = {json.dumps(content, sort_keys=True): content for objects in renderings.values() for content in objects}
    assert len(distinct) > 100
    for content in distinct.values():
        assert kubernetes_validate.validate(content, version, strict=True) == version


def test_a_job_alone_is_one_object_and_its_parameters(renderings: dict[str, list[Object]]) -> None:
    for job in JOBS:
        kinds = [content["kind"] for content in renderings[job]]
        assert sorted(kinds) == (["Job"] if job in OTHER_JOBS else ["ConfigMap", "Job"]), job
        assert only(renderings[job], "Job")["metadata"]["name"] == job


def test_no_job_brings_storage_or_rights_or_says_in_which_namespace_it_is(
    renderings: dict[str, list[Object]],
) -> None:
    for name, objects in renderings.items():
        if name in SETUPS:
            continue
        workers = "multi-worker" in name or name == "submit-bert-all"
        allowed = {"Job", "ConfigMap"} | ({"Service", "NetworkPolicy"} if workers else set())
        assert {content["kind"] for content in objects} <= allowed, name
        assert "namespace" not in keys(objects), name


def test_pods_that_were_evicted_or_may_try_again_count_for_nothing_and_hopeless_ones_end_the_job(
    jobs: dict[str, Object],
) -> None:
    for name, job in jobs.items():
        # Bad data fails one shard; a training that diverges, or does not fit the data, one point. The others go on.
        alone = [65] if component(job) == "classify" else [70, 78] if name in SWEEPS else []
        others = [("FailJob", [code for code in PERMANENT if code not in alone])]
        ends = [("FailIndex", alone), *others] if alone else others
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
        if component(job) == "classify" or name in SWEEPS:
            assert spec["backoffLimitPerIndex"] >= 2, name
            assert "backoffLimit" not in spec, name
        else:
            assert spec["backoffLimit"] >= 2, name
        assert spec["activeDeadlineSeconds"] >= 600, name
        assert spec["ttlSecondsAfterFinished"] > 0, name
        # A second pod on the same run would wait for the lease.
        assert spec["podReplacementPolicy"] == "Failed", name
        assert pod(job)["restartPolicy"] == "Never", name


def test_pods_get_two_minutes_for_a_checkpoint_and_those_that_have_none_go_at_once(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        assert pod(job)["terminationGracePeriodSeconds"] == (1 if component(job) == "transfer" else 120), name


def test_every_pod_says_what_it_needs_which_is_within_its_limits(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        requests = container(job)["resources"]["requests"]
        assert set(requests) == {"cpu", "memory", "ephemeral-storage"}, name
        assert set(limits(job)) - {GPU} == set(requests), name
        for resource, request in requests.items():
            assert 0 < quantity(request) <= quantity(limits(job)[resource]), f"{name}: {resource}"


def test_pods_run_where_a_namespace_is_restricted_and_know_nothing_of_the_cluster(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        spec, user = pod(job), pod(job)["securityContext"]
        assert user["runAsNonRoot"] is True, name
        # No node has such a user.
        assert user["runAsUser"] >= 10_000, name
        assert user["seccompProfile"] == {"type": "RuntimeDefault"}, name
        # Pods start without a walk through a store of a million files.
        assert user["fsGroupChangePolicy"] == "OnRootMismatch", name
        assert container(job)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(spec), name
        assert {kind for volume in spec["volumes"] for kind in set(volume) - {"name"}} <= {
            "configMap",
            "emptyDir",
            "persistentVolumeClaim",
        }, name
        assert spec["serviceAccountName"] == "emotion", name
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert [set(secret) for secret in spec["imagePullSecrets"]] == [{"name"}], name


def test_temporary_files_and_shared_memory_have_room_of_their_own(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        volumes = by_key(pod(job)["volumes"], "name")
        mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in container(job)["volumeMounts"]}
        assert mounted["/tmp"]["emptyDir"].keys() == {"sizeLimit"}, name  # noqa: S108
        assert mounted["/dev/shm"]["emptyDir"]["medium"] == "Memory", name  # noqa: S108
        # Shared memory counts towards the pod's limit.
        assert shared_memory(job) <= quantity(limits(job)["memory"]), name


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
        overlay = find_overlay(next((overlay for overlay in OVERLAYS if has(name, overlay)), ""))
        if name.startswith("submit-"):
            spec = SPECS[name]
            overlay = spec.overlay or Path()
            if spec.image:
                assert container(job)["image"] == spec.image
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
        mounts = by_key(container(job)["volumeMounts"], "mountPath")
        own = {"/tmp", "/dev/shm"}  # noqa: S108
        if component(job) == "transfer":
            assert set(mounts) == {"/store", *own}
            assert mounts["/store"] == {"mountPath": "/store", "name": "store"}
            continue
        reads, writes = READS[component(job)], WRITES[component(job)]
        params = {"/params"} if component(job) == "train" else set[str]()
        assert set(mounts) == {f"/store/{folder}" for folder in reads | writes} | own | params, name
        for folder in reads | writes:
            mount = mounts[f"/store/{folder}"]
            assert (mount["name"], mount["subPath"]) == ("store", folder), name
        writable = {path for path, mount in mounts.items() if not mount.get("readOnly")}
        assert writable == {f"/store/{folder}" for folder in writes} | own, name


def test_the_store_is_the_claim_of_the_setup_or_the_one_that_was_named(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        volumes = pod(job)["volumes"]
        claims = [volume["persistentVolumeClaim"] for volume in volumes if "persistentVolumeClaim" in volume]
        expected = SPECS[name].claim if name.startswith("submit-") else None
        assert claims == [{"claimName": expected or "emotion"}], name


def test_prefetch_alone_has_the_hub_s_token_and_address_if_there_are_any(jobs: dict[str, Object]) -> None:
    token = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token", "optional": True}}}
    for name, job in jobs.items():
        given = [variable for variable in container(job).get("env", []) if "valueFrom" in variable]
        secret = [variable for variable in given if "secretKeyRef" in variable["valueFrom"]]
        # Pods know their own namespace, and those of a classification their Job.
        own = [variable for variable in given if "fieldRef" in variable["valueFrom"]]
        assert len(given) == len(secret) + len(own), name
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
            assert (GPU in limits(jobs[name])) == wanted, name
            assert (GPU in tolerated(jobs[name])) == wanted, name
            assert variables(jobs[name])["EMOTION_DEVICE"] == ("gpu" if wanted else "cpu"), name


def test_the_gpu_component_gives_one_to_any_job_and_lets_it_not_go_on_without(jobs: dict[str, Object]) -> None:
    for job in KINDS:
        name = f"{job}-gpu"
        assert limits(jobs[name])[GPU] == "1", name
        assert GPU in tolerated(jobs[name]), name
        expected = "gpu" if job in {*MODELS, "classify"} else None
        assert variables(jobs[name]).get("EMOTION_DEVICE") == expected, name


def test_without_gpus_no_job_asks_for_one(jobs: dict[str, Object]) -> None:
    without = [name for name in jobs if has(name, "cpu") or has(name, "local")]
    assert len(without) > 2 * len(KINDS)
    for name in [*without, "submit-minilm-cpu", "submit-lstm-local"]:
        assert GPU not in limits(jobs[name]), name
        expected = "cpu" if component(jobs[name]) in {"train", "classify"} else None
        assert variables(jobs[name]).get("EMOTION_DEVICE") == expected, name


@pytest.mark.parametrize("job", ["ann", "bert", "classify"])
@pytest.mark.parametrize(("components", "device"), [(("gpu", "cpu"), "cpu"), (("cpu", "gpu"), "gpu")])
def test_the_last_of_the_components_cpu_and_gpu_decides(job: str, components: tuple[str, str], device: str) -> None:
    paths = [f"k8s/components/{name}" for name in components]
    rendered = only(build({"resources": [f"jobs/{job}"], "components": paths}), "Job")
    assert variables(rendered)["EMOTION_DEVICE"] == device
    assert limits(rendered).get(GPU) == ("1" if device == "gpu" else None)
    assert container(rendered)["args"][0] == component(rendered)
    assert not any("device" in word for word in container(rendered)["args"])


def test_several_gpus_come_with_cores_and_shared_memory(jobs: dict[str, Object]) -> None:
    for name in ("bert-multi-gpu", "bert-cluster-multi-gpu", "bert-multi-gpu-kueue-spot-multi-worker"):
        single, several = container(jobs["bert"])["resources"], container(jobs[name])["resources"]
        assert several["limits"][GPU] == "4", name
        for resource in ("cpu", "memory"):
            assert quantity(several["requests"][resource]) > quantity(single["requests"][resource]), name
        assert shared_memory(jobs[name]) > shared_memory(jobs["bert"]), name


def test_no_patch_names_a_position() -> None:
    files = [path for folder in ("k8s", "jobs") for path in (ROOT / folder).rglob("*.yaml")]
    assert len(files) > 30
    # Paths of JSON patches, and of replacements.
    position = re.compile(r"path: /\S*/\d+(?:/|,|$)|- (?:metadata|spec)\.\S*\.\d+(?:\.|$)")
    assert not [f"{path}: {line}" for path in files for line in path.read_text().splitlines() if position.search(line)]


def test_a_queue_is_the_job_s_alone(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        spec = SPECS.get(name, JobSpec("ann"))
        cluster = has(name, "cluster") or (spec.overlay is not None and spec.overlay.name == "cluster")
        queues = {has(name, "kueue"): "default", cluster and component(job) == "train": "research"}
        # The component stands above the overlay.
        wanted = spec.queue or ("default" if has(name, "kueue") else queues.get(True))
        assert job["metadata"]["labels"].get(QUEUE) == wanted, name
        # With the label, Kueue would queue the pods, too.
        assert QUEUE not in labels_of_pods(job), name


def test_spot_jobs_go_to_spot_nodes_alone_and_are_let_in_there(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        spot = has(name, "spot") or (name.startswith("submit-") and SPECS[name].spot)
        nodes = pod(job).get("affinity", {}).get("nodeAffinity", {})
        required = nodes.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
        # A node needs to meet one term: a cluster has the labels of one provider.
        assert (len(required) >= 4) == spot, name
        assert (set(tolerated(job)) >= SPOT) == spot, name


def test_nobody_waits_five_minutes_for_a_lost_node(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        timed = [toleration for toleration in pod(job)["tolerations"] if "tolerationSeconds" in toleration]
        seconds = {toleration["key"]: toleration["tolerationSeconds"] for toleration in timed}
        assert seconds == {"node.kubernetes.io/not-ready": 60, "node.kubernetes.io/unreachable": 60}, name


def test_workers_find_each_other_by_their_job_s_name_and_nobody_else_reaches_them(
    renderings: dict[str, list[Object]], jobs: dict[str, Object]
) -> None:
    names = [name for name in jobs if has(name, "multi-worker")]
    assert len(names) >= 20
    for name in (*names, "submit-bert-all"):
        job, count = jobs[name], SPECS[name].workers if name in SPECS else 2
        own = job["metadata"]["name"]
        # The run is in the name: two runs of a model have two services.
        assert own != "bert", name
        service, policy = only(renderings[name], "Service"), only(renderings[name], "NetworkPolicy")
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
                {"ports": [{"protocol": protocol, "port": port} for protocol, port in DNS]},
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
        assert ("subdomain" in pod(job)) == workers, name
        assert ("completionMode" in job["spec"]) == (workers or name in SWEEPS), name


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
    for name, folder, model in (("classify", "inbox", None), ("submit-classify", "Inbox", "ann/s1-0a1b2c3d")):
        found = variables(jobs[name])
        assert found["EMOTION_INPUT"] == f"/store/inputs/{folder}"
        assert found["EMOTION_OUTPUT"] == f"/store/predictions/{folder}"
        assert found.get("EMOTION_MODEL") == model


def test_a_classification_takes_int8_if_the_model_has_it(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        expected = "auto" if component(job) == "classify" else None
        assert variables(job).get("EMOTION_PRECISION") == expected, name


def test_prefetch_fetches_the_weights_of_the_models_that_have_some(jobs: dict[str, Object]) -> None:
    assert container(jobs["prefetch"])["args"] == ["prefetch"]
    assert container(jobs["submit-prefetch"])["args"] == ["prefetch", "bert"]


def test_a_training_in_the_cluster_has_the_parameters_of_the_command_line(
    renderings: dict[str, list[Object]], jobs: dict[str, Object], tmp_path: Path
) -> None:
    for name, job in trainings(jobs):
        spec = SPECS.get(name, JobSpec("ann"))
        model, found = job["metadata"]["labels"]["app.kubernetes.io/name"], variables(job)
        params = only(renderings[name], "ConfigMap")
        assert list(params["data"]) == ["params.toml", *(["points.json"] if name in SWEEPS else [])], name
        text = params["data"]["params.toml"]
        assert text.encode() == params_file(model).read_bytes(), name
        # An unchanged name under changed parameters: only an immutable object is safe, and the Job's name has the run.
        assert params["immutable"] is True, name
        assert params["metadata"]["name"] == job["metadata"]["name"], name
        volume = by_key(pod(job)["volumes"], "name")["params"]
        assert volume == {"name": "params", "configMap": {"name": params["metadata"]["name"]}}, name
        assert by_key(container(job)["volumeMounts"], "mountPath")["/params"]["name"] == "params", name
        assert found["EMOTION_PARAMS"] == "/params/params.toml", name
        assert found["EMOTION_DATA"] == f"/store/data/{spec.data}", name
        (tmp_path / "params.toml").write_text(text)
        # The file says which model it is for.
        assert read_model_name(tmp_path / "params.toml") == model, name
        in_cluster = load_params(model, tmp_path / "params.toml", settings(job))
        here = load_params(model, params_file(model), spec.settings)
        assert in_cluster.digest() == here.digest(), name
        assert in_cluster.model_dump(exclude={"resources"}) == here.model_dump(exclude={"resources"}), name


def test_pods_know_their_namespace_for_the_hints_in_their_logs(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        of_container = {variable["name"]: variable for variable in container(job)["env"]}
        source = of_container[JOB_NAMESPACE]["valueFrom"]
        assert source == {"fieldRef": {"fieldPath": "metadata.namespace"}}, name


def test_logs_of_pods_are_lines_of_json(jobs: dict[str, Object]) -> None:
    for name, job in jobs.items():
        expected = "json" if component(job) in {"train", "classify"} else None
        assert variables(job).get("EMOTION_LOG_FORMAT") == expected, name


def test_the_setup_is_what_all_jobs_need_and_no_job_has(renderings: dict[str, list[Object]]) -> None:
    for name in SETUPS:
        kinds = sorted(content["kind"] for content in renderings[name])
        assert kinds == ["Namespace", "NetworkPolicy", "NetworkPolicy", "PersistentVolumeClaim", "ServiceAccount"]
        space = only(renderings[name], "Namespace")
        assert space["metadata"]["name"] == ("research-emotion" if name == "setup-cluster" else "emotion")
        assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        inside = [content for content in renderings[name] if content["kind"] != "Namespace"]
        assert {content["metadata"]["namespace"] for content in inside} == {space["metadata"]["name"]}


def test_the_store_is_for_many_nodes_unless_the_cluster_has_one(renderings: dict[str, list[Object]]) -> None:
    for name in SETUPS:
        claim = only(renderings[name], "PersistentVolumeClaim", "emotion")
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce" if name == "setup-local" else "ReadWriteMany"]
        assert quantity(claim["spec"]["resources"]["requests"]["storage"]) >= 10 * 2**30
    assert only(renderings["setup-cluster"], "PersistentVolumeClaim")["spec"]["storageClassName"] == "nfs"


def test_the_account_of_all_jobs_has_no_token(renderings: dict[str, list[Object]]) -> None:
    for name in SETUPS:
        account = only(renderings[name], "ServiceAccount", "emotion")
        assert account["automountServiceAccountToken"] is False


def test_nothing_goes_in_or_out_but_prefetch_s_way_to_the_hub(
    renderings: dict[str, list[Object]], jobs: dict[str, Object]
) -> None:
    for name in SETUPS:
        closed = only(renderings[name], "NetworkPolicy", "deny-all")["spec"]
        assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        way = only(renderings[name], "NetworkPolicy", "prefetch")["spec"]
        proxy = [("TCP", 3128)] if name == "setup-cluster" else []
        assert way["policyTypes"] == ["Egress"]
        assert all(rule.keys() == {"ports"} for rule in way["egress"])
        ports = [(port["protocol"], port["port"]) for rule in way["egress"] for port in rule["ports"]]
        assert ports == [*DNS, ("TCP", 443), *proxy]
        wanted = way["podSelector"]["matchLabels"].items()
        selected = {component(job) for job in jobs.values() if wanted <= labels_of_pods(job).items()}
        assert selected == {"prefetch"}
