"""The commands that the manifests run, as they stand: in containers that get what a pod gets."""

import csv
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from emotion.cluster.classify_options import ClassifyOptions
from emotion.cluster.copy_files import download, upload
from emotion.cluster.job_spec import JobSpec, check_spec
from emotion.cluster.kubectl import Kubectl
from emotion.cluster.render import Rendered, render
from emotion.cluster.store_files import local_files, remote_files
from emotion.cluster.store_pod import StorePod
from emotion.data.sample import generate
from emotion.store.archive import FileEntry
from tests.builders import write_dataset
from tests.images.containers import DOCKER, PINNED, TINY, Container, docker, environment, expanded, inspect, open_to_all

DATA, INPUT = "small", "Inbox"
UNITS = {"m": 1e-3, "": 1, "Mi": 2**20, "Gi": 2**30}
RUN_FILES = {
    "architecture.json",
    "figures",
    "history.csv",
    "metrics.json",
    "model",
    "params.json",
    "predictions",
    "progress.json",
    "report.txt",
    "tensorboard",
    "weights",
}
pytestmark = pytest.mark.images


def quantity(text: str) -> float:
    number = text.rstrip("MGim")
    return float(number) * UNITS[text[len(number) :]]


@dataclass(frozen=True)
class Ended:
    """How a pod ended, and all that it said."""

    code: int
    words: str


@dataclass
class Node:
    """Runs pods as kubelet does, with a folder as the claim of the store, and no network unless there is one."""

    claim: Path
    network: str = "none"
    pods: list[Container] = field(default_factory=list)

    def start(self, job: Rendered, index: int = 0, *more: str) -> Container:
        """Start a pod of the Job; `index` is told where the Job is Indexed."""
        name = f"emotion-test-{uuid.uuid4().hex[:8]}"
        docker("run", "--detach", "--name", name, *self._options(job, index), *more, *_command(job, index))
        self.pods.append(Container(name))
        return self.pods[-1]

    def run(self, job: Rendered, index: int = 0, *more: str) -> Ended:
        """Run a pod of the Job to its end."""
        pod = self.start(job, index, *more)
        ended = Ended(pod.wait(), pod.words())
        assert "Traceback" not in ended.words
        return ended

    def clear(self) -> None:
        for pod in self.pods:
            pod.remove()

    def _options(self, job: Rendered, index: int) -> list[str]:
        spec, container = job.pod, job.container
        user, limits = spec["securityContext"], container["resources"]["limits"]
        own = container["securityContext"]
        assert own["readOnlyRootFilesystem"]
        assert not own["allowPrivilegeEscalation"]
        memory = str(int(quantity(limits["memory"])))
        options = [*PINNED, "--read-only", "--security-opt", "no-new-privileges", "--network", self.network]
        options += [part for capability in own["capabilities"]["drop"] for part in ("--cap-drop", capability)]
        options += ["--user", f"{user['runAsUser']}:{user['runAsGroup']}", "--group-add", str(user["fsGroup"])]
        # An engine refuses more cores than there are.
        options += ["--cpus", str(min(quantity(limits["cpu"]), os.cpu_count() or 1))]
        options += ["--memory", memory, "--memory-swap", memory]
        options += ["--stop-timeout", str(spec["terminationGracePeriodSeconds"])]
        if "completionMode" in job.job["spec"]:
            options += ["--hostname", f"{job.name}-{index}"]
        options += [part for pair in _environment(job, index).items() for part in ("--env", "=".join(pair))]
        return [*options, *self._mounts(job)]

    def _mounts(self, job: Rendered) -> list[str]:
        volumes = {volume["name"]: volume for volume in job.pod["volumes"]}
        options = []
        for mount in job.container["volumeMounts"]:
            target, volume = mount["mountPath"], volumes[mount["name"]]
            if "emptyDir" in volume:
                size = int(quantity(volume["emptyDir"]["sizeLimit"]))
                # What is on the node's disk there is in memory here, and as little is written.
                options += (
                    ["--shm-size", str(size)]
                    if target == "/dev/shm"
                    else ["--tmpfs", f"{target}:exec,mode=1777,size={size}"]
                )
                continue
            source = self._store(mount) if "persistentVolumeClaim" in volume else self._parameters(job, volume)
            options += ["--volume", f"{source}:{target}{':ro' if mount.get('readOnly') else ''}"]
        return options

    def _store(self, mount: dict[str, Any]) -> Path:
        """The folder of the claim that is mounted, made where it lacks, for everybody."""
        folder = self.claim / str(mount.get("subPath", ""))
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o777)
        return folder

    def _parameters(self, job: Rendered, volume: dict[str, Any]) -> Path:
        """A ConfigMap as a folder of links, as kubelet writes it, so that all its files change at once."""
        wanted = volume["configMap"]["name"]
        found = [item for item in job.others if (item["kind"], item["metadata"]["name"]) == ("ConfigMap", wanted)]
        folder = self.claim.parent / f"{wanted}-{uuid.uuid4().hex[:8]}"
        (folder / "..version").mkdir(parents=True)
        (folder / "..data").symlink_to("..version")
        for name, content in found[0]["data"].items():
            (folder / "..version" / name).write_text(content)
            (folder / name).symlink_to(f"..data/{name}")
        return open_to_all(folder)


def _environment(job: Rendered, index: int) -> Mapping[str, str]:
    """The container's variables; there is no Secret of the hub, which is optional."""
    indexed = {"JOB_COMPLETION_INDEX": str(index)} if "completionMode" in job.job["spec"] else {}
    return {**environment(job.container), **indexed}


def _command(job: Rendered, index: int) -> list[str]:
    """The test's image instead of the manifest's, and the command line with variables in their places."""
    image = os.environ["TRAIN_IMAGE" if "emotion-train" in job.container["image"] else "CLASSIFY_IMAGE"]
    words = [expanded(word, _environment(job, index)) for word in job.container.get("args", [])]
    first, *rest = job.container.get("command", [""])
    return [*(["--entrypoint", first] if first else []), image, *rest, *words]


@pytest.fixture(scope="module")
def start_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Node]]:
    """Give nodes, each with an empty claim; their pods are gone after the module."""
    nodes: list[Node] = []

    def call(*arguments: Any) -> Node:
        claim = tmp_path_factory.mktemp("node") / "claim"
        claim.mkdir()
        nodes.append(Node(open_to_all(claim, 0o777), *arguments))
        return nodes[-1]

    yield call
    for node in nodes:
        node.clear()


@pytest.fixture
def node(start_node: Callable[..., Node]) -> Node:
    """Give a node whose store has the data and nothing else."""
    return with_data(start_node())


def with_data(node: Node) -> Node:
    rows = generate()
    folder = node.claim / "data" / DATA
    folder.mkdir(parents=True)
    write_dataset(folder, train=rows["train"][:1200], validation=rows["validation"][:120], test=rows["test"][:120])
    return node


def ann(*changes: str, **options: Any) -> Rendered:
    return render(check_spec(JobSpec("ann", data=DATA, settings=(*TINY, *changes), **options)))


@dataclass(frozen=True)
class Trained:
    """A node whose store has a run of the ANN."""

    node: Node
    job: Rendered
    ended: Ended

    @property
    def run(self) -> Path:
        return self.node.claim / "runs" / "ann" / self.job.spec.run


@pytest.fixture(scope="module")
def trained(start_node: Callable[..., Node]) -> Trained:
    """Let the ANN be trained, once for all who only read its run."""
    node, job = with_data(start_node()), ann()
    return Trained(node, job, node.run(job))


@pytest.fixture(scope="module")
def compared(trained: Trained) -> Ended:
    """Let its store be compared."""
    return trained.node.run(render(check_spec(JobSpec("aggregate"))))


def test_a_training_ends_with_a_complete_run_and_again_it_has_nothing_to_do(trained: Trained) -> None:
    assert trained.ended.code == 0, trained.ended.words
    assert {path.name for path in trained.run.iterdir()} == RUN_FILES
    assert json.loads((trained.run / "metrics.json").read_text())["epochs"] == 2
    model = {"model.onnx", "tokenizer.json", "config.json", "README.md", "SHA256SUMS"}
    assert {path.name for path in (trained.run / "model").iterdir()} == model
    # Read-only mounts stayed empty but for the data.
    assert list((trained.node.claim / "weights").iterdir()) == []
    assert [path.name for path in (trained.node.claim / "data").iterdir()] == [DATA]
    assert {path.stat().st_uid for path in trained.run.rglob("*")} == {10001}
    before = (trained.run / "metrics.json").stat().st_mtime_ns
    again = trained.node.run(trained.job)
    assert again.code == 0, again.words
    lines = [json.loads(line) for line in again.words.splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines if line["event"] in {"start", "epoch", "complete"}] == ["complete"]
    assert (trained.run / "metrics.json").stat().st_mtime_ns == before


def test_comparing_writes_the_table_and_the_winner(trained: Trained, compared: Ended) -> None:
    assert compared.code == 0, compared.words
    assert "val. accuracy" in compared.words
    comparison = trained.node.claim / "comparison"
    names = {f"comparison.{kind}" for kind in ("csv", "html", "json", "md")}
    names |= {"best.json", "composites.json", "figures"}
    assert {path.name for path in comparison.iterdir() if path.name[0] != "."} == names
    assert json.loads((comparison / "best.json").read_text())["run"] == f"ann/{trained.job.spec.run}"
    assert "Recommended model" in (comparison / "comparison.html").read_text()


def test_shards_of_which_one_is_killed_and_repeated_give_the_output_of_the_command_line(
    trained: Trained, compared: Ended, tmp_path: Path
) -> None:
    assert compared.code == 0, compared.words
    node = trained.node
    texts = [text for rows in generate().values() for text, _ in rows]
    write_inputs(node.claim / "inputs" / INPUT, texts)
    job = render(check_spec(JobSpec("classify", classify=ClassifyOptions(source=INPUT, shards=3))))
    pods = [node.start(job, index) for index in range(3)]
    # In the middle of its part, which has no name until it is whole.
    opened = ("find", "/proc", "-maxdepth", "3", "-lname", "/store/predictions/*")
    pods[1].until(lambda: docker("exec", pods[1].name, *opened, check=False) != "")
    pods[1].kill("KILL")
    codes = [pod.wait() for pod in pods]
    assert codes == [0, 137, 0], "\n".join(pod.words() for pod in pods)
    output = node.claim / "predictions" / INPUT
    assert not (output / "a.csv").exists()
    again = node.run(job, 1)
    assert again.code == 0, again.words
    emotion = str(Path(sys.executable).with_name("emotion"))
    command = [emotion, "classify", str(node.claim / "inputs" / INPUT), str(tmp_path / "here"), "--store"]
    subprocess.run([*command, str(node.claim)], check=True, capture_output=True)
    names = ["a.csv", "a.csv.errors.csv", "b.csv"]
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == names
    assert sorted(path.name for path in output.iterdir() if path.is_file() and path.name[0] != ".") == names
    for name in names:
        assert (output / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def write_inputs(folder: Path, texts: list[str]) -> None:
    """Write a large file, some rows of which have no text, and a small one."""
    folder.mkdir(parents=True)
    rows = [(number, "" if number % 997 == 0 else texts[number % len(texts)]) for number in range(90_000)]
    for name, some in (("a.csv", rows), ("b.csv", rows[1:10])):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([("id", "text"), *some])
    open_to_all(folder)


def test_data_that_is_not_there_ends_the_job(node: Node) -> None:
    job = render(check_spec(JobSpec("ann", data="other", settings=TINY)))
    ended = node.run(job)
    assert ended.code == 66, ended.words
    assert "/store/data/other" in ended.words
    assert_ends(job, 66)


def assert_ends(job: Rendered, code: int) -> None:
    """See that an end with this code is the Job's."""
    actions = [
        rule["action"]
        for rule in job.job["spec"]["podFailurePolicy"]["rules"]
        if code in rule.get("onExitCodes", {}).get("values", [])
    ]
    assert actions == ["FailJob"]


@pytest.mark.parametrize("cause", ["full", "not ours"])
def test_runs_that_cannot_be_written_end_the_job(node: Node, cause: str) -> None:
    job = ann("model.embedding_dim=64")
    more = []
    if cause == "full":
        job.container["volumeMounts"] = [
            mount for mount in job.container["volumeMounts"] if mount["mountPath"] != "/store/runs"
        ]
        more = ["--mount", "type=tmpfs,destination=/store/runs,tmpfs-size=64k,tmpfs-mode=1777"]
    else:
        (node.claim / "runs").mkdir(mode=0o755)
    ended = node.run(job, 0, *more)
    assert ended.code == 73, ended.words
    assert "cannot write /store/runs" in ended.words
    assert_ends(job, 73)


def test_a_pod_that_is_evicted_leaves_a_checkpoint_and_the_next_one_goes_on(node: Node) -> None:
    job = ann("training.epochs=60", "training.patience=1000")
    run = node.claim / "runs" / "ann" / job.spec.run
    pod = node.start(job)
    pod.until(lambda: (run / "progress.json").exists() and json.loads((run / "progress.json").read_text())["step"] > 20)
    pod.stop()
    assert pod.wait() == 143
    assert "Traceback" not in pod.words()
    assert list((run / "checkpoints").glob("*.json"))
    ended = node.run(job)
    assert ended.code == 0, ended.words
    assert json.loads((run / "metrics.json").read_text())["resumes"] == 1


def test_prefetch_without_a_network_says_so_and_ends(node: Node) -> None:
    ended = node.run(render(check_spec(JobSpec("prefetch", models=("minilm",)))))
    assert ended.code == 69, ended.words
    assert "unreachable" in ended.words
    # What is there stays.
    assert (node.claim / "data" / DATA / "train.csv").exists()


@pytest.fixture
def network() -> Iterator[str]:
    """Give a network that ends here, as the policy of the workers has it."""
    name = f"emotion-test-{uuid.uuid4().hex[:8]}"
    docker("network", "create", "--internal", name)
    yield name
    docker("network", "rm", name)


def test_two_workers_train_one_run_together(start_node: Callable[..., Node], network: str) -> None:
    node, job = with_data(start_node(network)), ann(workers=2)
    service = job.pod["subdomain"]
    try:
        # The headless Service gives these names to pods.
        pods = [node.start(job, index, "--network-alias", f"{job.name}-{index}.{service}") for index in range(2)]
        codes = [pod.wait() for pod in pods]
        logs = [pod.words() for pod in pods]
        assert codes == [0, 0], "\n".join(logs)
        assert not any("Traceback" in log for log in logs)
    finally:
        node.clear()
        node.pods.clear()
    run = node.claim / "runs" / "ann" / job.spec.run
    assert {path.name for path in run.iterdir()} == RUN_FILES
    assert "worker 1 of 2 has finished its part" in logs[1]


@dataclass(frozen=True)
class Exec(Kubectl):
    """`docker exec` in the place of `kubectl exec`."""

    def stream(self, *arguments: str, stdin: bool = False) -> subprocess.Popen[bytes]:
        place = arguments.index("--")
        pod, options = arguments[place - 2], ["--interactive"] if stdin else []
        command = [DOCKER, "exec", *options, pod, *arguments[place + 1 :]]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe if stdin else subprocess.DEVNULL, stdout=pipe, stderr=pipe)


def test_files_go_into_the_store_and_out_of_it_through_the_transfer_job_s_container(node: Node, tmp_path: Path) -> None:
    job = render(JobSpec("transfer", run="0a1b2c3d"), "k8s/transfer")
    pod = StorePod(Exec("emotion"), node.start(job).name)
    assert pod.run("id", "-u").strip() == b"10001"
    for program in (
        "sh",
        "find",
        "sha256sum",
        "stat",
        "tail",
        "sync",
        "mv",
        "cat",
        "mkdir",
        "dirname",
        "rm",
        "realpath",
        "flock",
    ):
        assert pod.run("sh", "-c", 'command -v "$1"', "sh", program), program
    source, target = tmp_path / "mine", PurePosixPath("/store/inputs/mine")
    (source / "in ner").mkdir(parents=True)
    (source / "a $(b) 'c'.csv").write_text("text\nhappy\n")
    (source / "in ner" / "large.bin").write_bytes(os.urandom(9 << 20))
    files = local_files(source)
    moved: list[int] = []

    def advance(size: int, _: int) -> None:
        moved.append(size)

    assert upload(pod, source, files, target, advance).written == [entry.path for entry in files]
    assert sum(moved) == sum(entry.size for entry in files)
    there = [path for path in (node.claim / "inputs").rglob("*") if path.is_file()]
    assert {path.relative_to(node.claim / "inputs" / "mine").as_posix() for path in there} == {
        entry.path for entry in files
    }
    assert {(path.stat().st_uid, path.stat().st_gid) for path in there} == {(10001, 10001)}
    assert sorted_by_path(remote_files(pod, target)) == sorted_by_path(files)
    assert upload(pod, source, files, target, advance).written == []
    back = tmp_path / "back"
    download(pod, target, files, back, advance)
    assert sorted_by_path(local_files(back)) == sorted_by_path(files)


def sorted_by_path(entries: list[FileEntry]) -> list[FileEntry]:
    return sorted(entries, key=lambda entry: entry.path)


def test_the_transfer_job_s_container_goes_at_once(node: Node) -> None:
    pod = node.start(render(JobSpec("transfer", run="0a1b2c3d"), "k8s/transfer"))
    asked = time.monotonic()
    pod.stop()
    assert not inspect(pod.name)["State"]["Running"]
    # An engine, or a kubelet, that was told nothing would wait for ten seconds, or thirty.
    assert time.monotonic() - asked < 10
