"""Checks a cluster: versions, the setup, and whether jobs can write the store's folders."""

from collections.abc import Callable, Iterator

from emotion.cluster.job_spec import JobSpec
from emotion.cluster.kubectl import Kubectl, check_versions
from emotion.cluster.store_pod import StorePod, store_pod
from emotion.doctor.checks import Check, State
from emotion.errors import EmotionError, ExitCode, UsageError

# The folders that jobs mount. The kubelet creates a missing folder as root.
FOLDERS = ("data", "weights", "inputs", "runs", "comparison", "predictions")
# Creates missing folders as the jobs' user. For every folder that this user cannot write, prints folder, place, owner,
# mode and user; the place of a missing folder is the store's root.
PROBE = """
for folder in "$@"; do
  mkdir -p "/store/$folder" 2> /dev/null
  probe=$(mktemp "/store/$folder/.doctor-XXXXXX" 2> /dev/null) && rm "$probe" && continue
  place=$folder
  [ -e "/store/$place" ] || place=.
  echo "$folder $place $(stat --format='%u:%g %a' "/store/$place") $(id -u):$(id -g)"
done
"""


def run_cluster_checks(kubectl: Kubectl, spec: JobSpec, report: Callable[[str], None]) -> Iterator[Check]:
    """Run all checks in turn; `spec` says how pods are made, and `report` gets lines for people.

    Raises:
        UsageError: kubectl has no such context.
    """
    try:
        check_versions(kubectl)
        yield Check("Kubernetes", "kubectl and the cluster know all fields of the jobs")
        with store_pod(kubectl, spec, report) as pod:
            yield Check("store pod", f"runs in the namespace {kubectl.namespace}")
            yield from _folders(pod)
    except UsageError:
        raise
    except EmotionError as error:
        yield Check("cluster", error.message, State.FAILURE, error.hint, error.exit_code)


def _folders(pod: StorePod) -> Iterator[Check]:
    lines = pod.run("sh", "-c", PROBE, "doctor", *FOLDERS).decode().splitlines()
    problems = [_problem(*line.split()) for line in lines]
    writable = [folder for folder in FOLDERS if not any(line.startswith(f"{folder} ") for line in lines)]
    if writable:
        yield Check("store folders", f"jobs can write {', '.join(writable)}")
    yield from problems


def _problem(folder: str, place: str, owner: str, mode: str, user: str) -> Check:
    what = "the store's root" if place == "." else "it"
    found = f"jobs run as {user} and cannot write it: {what} belongs to {owner} with mode {mode}"
    todo = f"on the storage server, in the store's folder: chown {user} {place}"
    return Check(f"store folder {folder}", found, State.FAILURE, todo, ExitCode.CANNOT_WRITE)
