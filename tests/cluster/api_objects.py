"""Stores the objects of the tests' Kubernetes API: checks, selects and watches the kinds that the project uses."""

import copy
import datetime
import re
import secrets
import threading
import uuid
from dataclasses import dataclass
from typing import Any

import kubernetes_validate


@dataclass(frozen=True)
class Kind:
    """A kind of object, as discovery names it; `fields` are the fields that field selectors may use."""

    name: str
    plural: str
    api: str = "v1"
    namespaced: bool = True
    short: str = ""
    fields: frozenset[str] = frozenset()

    @property
    def group(self) -> str:
        """The API group; "" for the core group."""
        return self.api.rpartition("/")[0]

    @property
    def root(self) -> str:
        """The path of the group's version."""
        return f"apis/{self.api}" if self.group else f"api/{self.api}"

    @property
    def resource(self) -> str:
        """The resource's name in messages of the API, such as jobs.batch."""
        return f"{self.plural}.{self.group}".rstrip(".")


KUEUE = "kueue.x-k8s.io/v1beta1"
EVENT_FIELDS = {"reason", "reportingComponent", "source", "type"} | {
    f"involvedObject.{field}" for field in ("apiVersion", "fieldPath", "kind", "name", "namespace", "uid")
}
POD_FIELDS = {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase"}
KINDS = {
    kind.name: kind
    for kind in (
        Kind("ConfigMap", "configmaps", short="cm"),
        Kind("Event", "events", short="ev", fields=frozenset(EVENT_FIELDS)),
        Kind("Namespace", "namespaces", namespaced=False, short="ns", fields=frozenset({"status.phase"})),
        Kind("Node", "nodes", namespaced=False, short="no", fields=frozenset({"spec.unschedulable"})),
        Kind("PersistentVolumeClaim", "persistentvolumeclaims", short="pvc"),
        Kind("Pod", "pods", short="po", fields=frozenset(POD_FIELDS)),
        Kind("ResourceQuota", "resourcequotas", short="quota"),
        Kind("Secret", "secrets", fields=frozenset({"type"})),
        Kind("Service", "services", short="svc"),
        Kind("ServiceAccount", "serviceaccounts", short="sa"),
        Kind("CronJob", "cronjobs", "batch/v1", short="cj"),
        Kind("Job", "jobs", "batch/v1", fields=frozenset({"status.successful"})),
        Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io/v1", short="netpol"),
        Kind("Workload", "workloads", KUEUE, short="wl"),
    )
}
# The finalizer of an object that waits for the end of the objects that it owns.
FOREGROUND = "foregroundDeletion"
VERBS = ["create", "delete", "get", "list", "patch", "watch"]
FIRST_STATUS: dict[str, dict[str, Any]] = {
    "Job": {},
    "Namespace": {"phase": "Active"},
    "PersistentVolumeClaim": {"phase": "Pending"},
    "Pod": {"phase": "Pending"},
}
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
TERM = re.compile(
    r"\s*(?P<absent>!)?\s*(?P<key>[\w./-]+)\s*"
    r"(?:(?P<equal>==?|!=)\s*(?P<value>[^\s,]*)|(?P<member>in|notin)\s*\((?P<values>[^)]*)\))?\s*"
)
FIELD = re.compile(r"([\w.]+)!?==?")
OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")


class ApiError(Exception):
    """A refusal, as a v1.Status with its reason."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = {
            "apiVersion": "v1",
            "kind": "Status",
            "metadata": {},
            "status": "Failure",
            "code": code,
            "reason": reason,
            "message": message,
        }


def merged(target: Any, patch: Any) -> Any:
    """Apply an RFC 7396 patch, in which null removes. Directives of a strategic patch ($...) are ignored."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif not key.startswith("$"):
            result[key] = merged(result.get(key), value)
    return result


def has_term(term: str, values: dict[str, str]) -> bool:
    """Whether labels (or fields) match a term of a selector."""
    match = TERM.fullmatch(term)
    if match is None:
        raise ApiError(400, "BadRequest", f"unable to parse requirement: {term!r}")
    value = values.get(match["key"])
    if match["equal"]:
        return (value == match["value"]) is (match["equal"] != "!=")
    if match["member"]:
        return (value in {member.strip() for member in match["values"].split(",")}) is (match["member"] == "in")
    return (value is None) is bool(match["absent"])


def selects(selector: str, values: dict[str, str]) -> bool:
    """Whether labels (or fields) match every term of a selector."""
    return all(has_term(term, values) for term in OUTSIDE_PARENTHESES.split(selector)) if selector else True


def resources(kinds: list[Kind]) -> dict[str, Any]:
    """Describe the kinds of a group."""
    found: list[dict[str, Any]] = [
        {
            "name": kind.plural,
            "singularName": kind.name.lower(),
            "kind": kind.name,
            "namespaced": kind.namespaced,
            "verbs": VERBS,
            "shortNames": [kind.short] if kind.short else [],
        }
        for kind in kinds
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": kinds[0].api, "resources": found}


def openapi(kinds: list[Kind]) -> dict[str, Any]:
    """Describe a group's kinds as far as kubectl reads: the server checks fields and supports dry runs."""
    parameters = [{"name": name, "in": "query"} for name in ("dryRun", "fieldValidation")]
    paths = {}
    for kind in kinds:
        meant = {"group": kind.group, "version": kind.api.rpartition("/")[2], "kind": kind.name}
        patch = {"parameters": parameters, "responses": {}, "x-kubernetes-group-version-kind": meant}
        paths[f"/{kind.root}/{kind.plural}/{{name}}"] = {"patch": patch}
    return {"openapi": "3.0.0", "info": {"title": "test", "version": "v1"}, "paths": paths}


def groups(roots: dict[str, list[Kind]]) -> dict[str, Any]:
    """List the groups except the core group."""
    named = [kinds[0] for kinds in roots.values() if kinds[0].group]
    versions = {kind.group: {"groupVersion": kind.api, "version": kind.api.rpartition("/")[2]} for kind in named}
    listed = [
        {"name": group, "versions": [version], "preferredVersion": version} for group, version in versions.items()
    ]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def discovery(version: str, *, kueue: bool) -> dict[str, dict[str, Any]]:
    """Give the answers of discovery, by path."""
    roots: dict[str, list[Kind]] = {}
    for kind in KINDS.values():
        if kueue or kind.api != KUEUE:
            roots.setdefault(kind.root, []).append(kind)
    major, minor = version.lstrip("v").split(".")[:2]
    return {
        "/version": {"major": major, "minor": minor, "gitVersion": version, "platform": "linux/amd64"},
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/apis": groups(roots),
        "/openapi/v3": {"paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}"} for root in roots}},
        **{f"/{root}": resources(kinds) for root, kinds in roots.items()},
        **{f"/openapi/v3/{root}": openapi(kinds) for root, kinds in roots.items()},
    }


def check_fields(kind: Kind, selector: str) -> None:
    """Refuse a selector of a field that the API does not index for the kind."""
    for path in FIELD.findall(selector):
        if path not in kind.fields | {"metadata.name", "metadata.namespace"}:
            raise ApiError(400, "BadRequest", f"field label not supported: {path}")


def value_at(item: dict[str, Any], path: str) -> str:
    """Give the value of a field; "" where the object lacks it."""
    value: Any = item
    for step in path.split("."):
        value = value.get(step, "") if isinstance(value, dict) else ""
    return str(value)


def is_wanted(item: dict[str, Any], query: dict[str, str]) -> bool:
    """Whether a request's selectors match an object."""
    of_fields = query.get("fieldSelector", "")
    fields = {path: value_at(item, path) for path in FIELD.findall(of_fields)}
    return selects(of_fields, fields) and selects(query.get("labelSelector", ""), item["metadata"].get("labels", {}))


def check(item: dict[str, Any], version: str, *, strict: bool) -> None:
    """Refuse an object that breaks the API's schema or its rules for names and labels."""
    kind, name = item["kind"], item["metadata"].get("name", "")
    try:
        kubernetes_validate.validate(item, version, strict=strict)
    except kubernetes_validate.ValidationError as error:
        location = ".".join(str(step) for step in error.path)
        if error.validator == "additionalProperties":
            text = f'{kind} in version "v1" cannot be handled as a {kind}: strict decoding error: unknown field'
            raise ApiError(400, "BadRequest", f"{text} in {location or kind}: {error.message}") from None
        raise ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {location}: {error.message}') from None
    if not NAME.fullmatch(name) or len(name) > 253:
        raise ApiError(422, "Invalid", f'{kind} "{name}" is invalid: metadata.name: Invalid value: "{name}"')
    for value in item["metadata"].get("labels", {}).values():
        if not LABEL.fullmatch(value):
            raise ApiError(422, "Invalid", f'{kind} "{name}" is invalid: metadata.labels: Invalid value: "{value}"')


def check_immutable(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuse a change of what the API never changes: a Job's template, the data of an immutable ConfigMap."""
    name = new["metadata"]["name"]
    if new["kind"] == "Job" and old["spec"]["template"] != new["spec"]["template"]:
        text = "spec.template: Invalid value: {...}: field is immutable"
        raise ApiError(422, "Invalid", f'Job.batch "{name}" is invalid: {text}')
    if new["kind"] == "ConfigMap" and old.get("immutable") and old.get("data") != new.get("data"):
        text = "data: Forbidden: field is immutable when `immutable` is set"
        raise ApiError(422, "Invalid", f'ConfigMap "{name}" is invalid: {text}')


def is_owned(item: dict[str, Any], owner: dict[str, Any]) -> bool:
    """Whether the deletion of `owner` also deletes `item`."""
    about, name = item["metadata"], owner["metadata"]["name"]
    if any(reference["uid"] == owner["metadata"]["uid"] for reference in about.get("ownerReferences", [])):
        return True
    if owner["kind"] == "Namespace":
        return bool(about.get("namespace") == name)
    # Scenes may add a Job's pods with labels but without owner references.
    labels = about.get("labels", {})
    of_job = name in (labels.get("batch.kubernetes.io/job-name"), labels.get("job-name"))
    same = about.get("namespace") == owner["metadata"].get("namespace")
    return owner["kind"] == "Job" and item["kind"] == "Pod" and of_job and same


def is_in(item: dict[str, Any], kind: str, namespace: str) -> bool:
    """Whether an object has a kind and is in a namespace ("" is any namespace)."""
    return item["kind"] == kind and (namespace in ("", item["metadata"].get("namespace")) or not KINDS[kind].namespaced)


class Objects:
    """All objects and the history of their changes, under one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.history: list[tuple[str, dict[str, Any]]] = []
        self.revision = 0
        self._held: dict[tuple[str, str, str], dict[str, Any]] = {}

    def add(self, kind: str, name: str, *, namespace: str = "emotion", **fields: Any) -> dict[str, Any]:
        """Add an object; it replaces an object of its name, and keeps that object's uid."""
        with self.lock:
            old = self.get(kind, name, namespace)
            kept = {key: old["metadata"][key] for key in ("uid", "creationTimestamp")} if old else {}
            # kubectl breaks on a pod without containers.
            least = {"spec": {"containers": [{"name": "main", "image": "test"}]}} if kind == "Pod" else {}
            new = merged({"metadata": kept, **least}, merged(fields, {"metadata": {"name": name}}))
            return self.put("MODIFIED" if old else "ADDED", self.filled_in(KINDS[kind], namespace, new))

    def get(self, kind: str, name: str, namespace: str = "emotion") -> dict[str, Any] | None:
        """Give a copy of one object."""
        with self.lock:
            return copy.deepcopy(self._held.get(self._key(kind, name, namespace)))

    def clear(self) -> None:
        """Forget all objects."""
        with self.lock:
            self._held.clear()

    def all(self, kind: str, namespace: str = "emotion") -> list[dict[str, Any]]:
        """Give copies of a kind's objects in a namespace ("" is any namespace), sorted by name."""
        with self.lock:
            found = [item for item in self._held.values() if is_in(item, kind, namespace)]
            return copy.deepcopy(sorted(found, key=lambda item: str(item["metadata"]["name"])))

    def update(self, kind: str, name: str, change: dict[str, Any], namespace: str = "emotion") -> dict[str, Any]:
        """Merge a change into an object; None removes a field, lists are replaced."""
        with self.lock:
            return self.put("MODIFIED", merged(self._held[self._key(kind, name, namespace)], change))

    def remove(self, kind: str, name: str, namespace: str = "emotion", *, orphan: bool = False) -> None:
        """Delete an object and, unless `orphan`, the objects that it owns; finalizers delay this to `release`."""
        with self.lock:
            key = self._key(kind, name, namespace)
            if self._held[key]["metadata"].get("finalizers"):
                self.update(kind, name, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, namespace)
                return
            gone = self._held.pop(key)
            self._note("DELETED", gone)
            if not orphan:
                self._remove_owned(gone)

    def remove_in_foreground(self, kind: str, name: str, namespace: str = "emotion") -> None:
        """Delete the objects that an object owns, and the object once none of them is left."""
        with self.lock:
            owner = self.update(kind, name, {"metadata": {"finalizers": [FOREGROUND]}}, namespace)
            self.remove(kind, name, namespace)
            self._remove_owned(owner)
            self._finish(owner)

    def release(self, kind: str, name: str, namespace: str = "emotion") -> None:
        """Remove an object's finalizers: an object that is being deleted disappears, and perhaps its owner."""
        with self.lock:
            item = self.update(kind, name, {"metadata": {"finalizers": None}}, namespace)
            if "deletionTimestamp" in item["metadata"]:
                self.remove(kind, name, namespace)
                for owner in [owner for owner in self._held.values() if is_owned(item, owner)]:
                    self._finish(owner)

    def _remove_owned(self, owner: dict[str, Any]) -> None:
        for item in [item for item in self._held.values() if is_owned(item, owner)]:
            about = item["metadata"]
            # The object may be gone with another owner.
            if self.get(item["kind"], about["name"], about.get("namespace", "")):
                self.remove(item["kind"], about["name"], about.get("namespace", ""))

    def _finish(self, owner: dict[str, Any]) -> None:
        waits = FOREGROUND in owner["metadata"].get("finalizers", [])
        if waits and not any(is_owned(item, owner) for item in self._held.values()):
            self.release(owner["kind"], owner["metadata"]["name"], owner["metadata"].get("namespace", ""))

    def put(self, event: str, item: dict[str, Any]) -> dict[str, Any]:
        """Store a complete object under a new resourceVersion and notify the watches."""
        with self.lock:
            item = copy.deepcopy(item)
            about = item["metadata"]
            key = self._key(item["kind"], about["name"], about.get("namespace", ""))
            old = self._held.get(key)
            if old and "generation" in old["metadata"] and old.get("spec") != item.get("spec"):
                about["generation"] = old["metadata"]["generation"] + 1
            self._held[key] = item
            self._note(event, item)
            return copy.deepcopy(item)

    def filled_in(self, kind: Kind, namespace: str, item: dict[str, Any]) -> dict[str, Any]:
        """Add the fields that the server sets."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        about: dict[str, Any] = {"uid": str(uuid.uuid4()), "creationTimestamp": now}
        about |= {"generation": 1} if "spec" in item else {}
        about |= {key: value for key, value in item.get("metadata", {}).items() if value is not None}
        if kind.namespaced:
            about["namespace"] = namespace
        if "name" not in about and "generateName" in about:
            end = "".join(secrets.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5))
            about["name"] = about["generateName"] + end
        status = {"status": copy.deepcopy(FIRST_STATUS[kind.name])} if kind.name in FIRST_STATUS else {}
        return {**status, **copy.deepcopy(item), "apiVersion": kind.api, "kind": kind.name, "metadata": about}

    def changes(self, kind: str, namespace: str, since: int) -> list[tuple[str, dict[str, Any]]]:
        """Give a kind's changes in a namespace ("" is any namespace) after a revision."""
        with self.lock:
            return [change for change in self.history[since:] if is_in(change[1], kind, namespace)]

    def _note(self, event: str, item: dict[str, Any]) -> None:
        self.revision += 1
        item["metadata"]["resourceVersion"] = str(self.revision)
        self.history.append((event, copy.deepcopy(item)))

    @staticmethod
    def _key(kind: str, name: str, namespace: str) -> tuple[str, str, str]:
        return kind, namespace if KINDS[kind].namespaced else "", name
