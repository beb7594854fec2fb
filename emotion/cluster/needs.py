"""Checks that a cluster has what jobs need: namespace, service account, claims. Unreadable objects count as present."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emotion.cluster.kubectl import DEFAULT_NAMESPACE, Kubectl
from emotion.errors import InputMissingError

if TYPE_CHECKING:
    from emotion.cluster.render import Rendered


def check_namespace(kubectl: Kubectl) -> None:
    """Check that the namespace exists: for a missing namespace, the server returns empty lists.

    Raises:
        InputMissingError: the namespace does not exist.
    """
    if not kubectl.exists("namespace", kubectl.namespace):
        listing = kubectl.cluster_command("get", "namespaces")
        hint = f"name another namespace with -n ({listing}), or {_setup_hint(kubectl)}"
        raise InputMissingError(f"there is no namespace {kubectl.namespace}", hint)


def check_needs(kubectl: Kubectl, jobs: "Sequence[Rendered]") -> None:
    """Check that the namespace, the service account and the claims exist.

    Raises:
        InputMissingError: the namespace, the service account or a claim does not exist.
    """
    check_namespace(kubectl)
    needs = {("serviceaccount", str(job.pod["serviceAccountName"])) for job in jobs}
    needs |= {("persistentvolumeclaim", job.claim) for job in jobs}
    for kind, name in sorted(needs):
        if not kubectl.exists(kind, name):
            other_claim = "; --store-claim names another claim" if kind == "persistentvolumeclaim" else ""
            reason = f"there is no {kind} {name} in the namespace {kubectl.namespace}"
            raise InputMissingError(reason, f"{_setup_hint(kubectl)}{other_claim}")


def _setup_hint(kubectl: Kubectl) -> str:
    """Explain how to apply the setup; the kustomization itself names the namespace."""
    if kubectl.namespace == DEFAULT_NAMESPACE:
        apply = kubectl.cluster_command("apply", "-k", "k8s/setup")
        return f"apply the setup once: {apply} (on a one-machine cluster k8s/overlays/local/setup)"
    apply = kubectl.cluster_command("apply", "-k", "COPY")
    return f"apply the setup once: {apply}, where COPY is k8s/overlays/cluster/setup with this namespace"
