"""A small Kubernetes API in the test's own process, for the real kubectl."""

import asyncio
import copy
import json
import re
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from tests.cluster.api_objects import (
    FOREGROUND,
    KINDS,
    ApiError,
    Kind,
    Objects,
    check,
    check_fields,
    check_immutable,
    discovery,
    is_wanted,
    merged,
)
from tests.cluster.api_streams import TICK, Logs, execute, tick

PATH = re.compile(
    r"/(?P<root>api/v1|apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/.))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<part>[a-z]+))?"
)
PATCHES = {"application/merge-patch+json", "application/strategic-merge-patch+json"}
Act = Callable[["ApiServer", dict[str, Any]], None]


@dataclass(frozen=True)
class Request:
    """A request of kubectl; repeated values of a query (such as `command`) are joined by spaces."""

    method: str
    path: str
    query: dict[str, str]
    body: Any

    @property
    def dry(self) -> bool:
        """Whether the request is a dry run."""
        options = self.body if self.method == "DELETE" and self.body else {}
        return self.query.get("dryRun") == "All" or options.get("dryRun") == ["All"]


@dataclass(frozen=True)
class Target:
    """The target of a path: all objects of a kind, one object, or a part of an object (log, exec)."""

    kind: Kind
    namespace: str
    name: str
    part: str


@dataclass
class Refusal:
    """An error for the next matching requests; `kind` is "Job", "Pod/log" or "Pod/exec", for example."""

    method: str
    kind: str
    error: ApiError
    times: int
    dry_run: bool | None


def parse_path(path: str) -> Target:
    """Find the kind and the name in a path."""
    match = PATH.fullmatch(path)
    named = [kind for kind in KINDS.values() if match and (kind.root, kind.plural) == (match["root"], match["plural"])]
    if match is None or not named:
        raise ApiError(404, "NotFound", "the server could not find the requested resource")
    return Target(named[0], match["namespace"] or "", match["name"] or "", match["part"] or "")


def stale(target: Target, uid: str, found: str) -> str:
    """Say that a request is about another object of the same name, as the API does."""
    what = f'Operation cannot be fulfilled on {target.kind.resource} "{target.name}"'
    text = f"the UID in the precondition ({uid}) does not match the UID in record ({found})"
    return f"{what}: {text}. The object might have been deleted and then recreated"


def end_of_list(kind: Kind, revision: int) -> dict[str, Any]:
    """Build the event that ends a watch's list of the existing objects."""
    about = {"resourceVersion": str(revision), "annotations": {"k8s.io/initial-events-end": "true"}}
    return {"apiVersion": kind.api, "kind": kind.name, "metadata": about}


async def send_changes(response: web.StreamResponse, changes: list[tuple[str, dict[str, Any]]]) -> None:
    """Send changes as the events of a watch."""
    for event, item in changes:
        await response.write(json.dumps({"type": event, "object": item}).encode() + b"\n")


class ApiServer(Objects):
    """`with ApiServer(store=folder) as api:` gives a cluster with an empty namespace "emotion"."""

    def __init__(self, store: Path) -> None:
        super().__init__()
        self.store = store
        self.url = ""
        self.version = "v1.36.1"
        self.kueue = False
        # Seconds between a request for a command in a pod and the command's start: about 0.1 on a real cluster.
        self.exec_seconds = 0.0
        # Seconds that a Job, deleted in the foreground, waits for its pods.
        self.slow_deletion = 0.0
        self.before_request: Callable[[Request], None] = lambda _: None
        self.requests: list[Request] = []
        self._acts: list[tuple[str, Act]] = []
        self._refusals: list[Refusal] = []
        self._to_lose = 0
        self._gathering: dict[tuple[str, str], int] = {}
        self._logs = Logs()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.1)
        for name in ("default", "emotion"):
            self.add("Namespace", name)
            self.add("ServiceAccount", "default", namespace=name)

    def __enter__(self) -> Self:
        self.store.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        # Threads of the test end with its objects.
        self.clear()
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def kubeconfig(self, path: Path, *, context: str = "test", namespace: str = "emotion") -> Path:
        """Write a kubeconfig for this server."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "contexts": [{"name": context, "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": "test", "user": {}}],
        }
        path.write_text(json.dumps(config))
        return path

    def when_created(self, kind: str, act: Act) -> None:
        """Run `act` in a new thread after every creation by kubectl."""
        self._acts.append((kind, act))

    def refuse(
        self,
        method: str,
        kind: str,
        code: int,
        reason: str,
        message: str,
        *,
        times: int = 1_000_000,
        dry_run: bool | None = None,
    ) -> None:
        """Answer matching requests with a v1.Status; `kind` may name a part: "Pod/log", "Pod/exec"."""
        self._refusals.append(Refusal(method, kind, ApiError(code, reason, message), times, dry_run))

    def lose(self, times: int) -> None:
        """Close the connections of the next requests, except discovery, without executing or answering them."""
        self._to_lose = times

    def gather(self, method: str, kind: str, count: int) -> None:
        """Hold matching requests, except dry runs, until `count` of them wait; then answer all."""
        self._gathering[method, kind] = count

    def log(self, pod: str, line: str, namespace: str = "emotion", *, late: int = 0) -> None:
        """Add a line to a pod's log; after the log's end, the line starts the log of the next container.

        The line's time is `late` nanoseconds ago.
        """
        with self.lock:
            self._logs.append(self._uid(pod, namespace), line, late)

    def end_log(self, pod: str, namespace: str = "emotion") -> None:
        """End a pod's log, as its container's end does."""
        with self.lock:
            self._logs.of(self._uid(pod, namespace))[-1].ended = True

    def cut_logs(self) -> None:
        """Close the connections of all clients that follow a log."""
        self._do(self._logs.cut())

    def _uid(self, pod: str, namespace: str) -> str:
        found = self.get("Pod", pod, namespace)
        if found is None:
            raise LookupError(f"no pod {pod} in {namespace}")
        return str(found["metadata"]["uid"])

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=2**26)
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0])

    async def _stop(self) -> None:
        await self._runner.cleanup()
        # Commands continue without their client, but end with the test.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        query = {key: " ".join(request.query.getall(key)) for key in request.query}
        # `kubectl delete --raw` sends JSON without a content type, and the API reads a body without one as JSON.
        typed = request.content_type.endswith("json") or "Content-Type" not in request.headers
        body = await request.json() if request.can_read_body and typed else None
        asked = Request(request.method, request.path, query, body)
        self.requests.append(asked)
        self.before_request(asked)
        if (known := discovery(self.version, kueue=self.kueue).get(request.path)) is not None:
            return web.json_response(known)
        if request.path == "/openapi/v2":
            # An empty protobuf message: kubectl then leaves the checks of a List's items to the server.
            return web.Response()
        try:
            target = parse_path(request.path)
            if self._loses(request):
                return web.Response()
            self._refused(asked, target)
            await self._gathered(asked, target)
            check_fields(target.kind, query.get("fieldSelector", ""))
            return await self._respond(request, asked, target)
        except ApiError as error:
            return web.json_response(error.status, status=error.code)

    def _loses(self, request: web.Request) -> bool:
        if not self._to_lose or request.transport is None:
            return False
        self._to_lose -= 1
        request.transport.abort()
        return True

    def _refused(self, asked: Request, target: Target) -> None:
        what = f"{target.kind.name}/{target.part}".rstrip("/")
        # kubectl sends a POST, for SPDY, after a refused GET of a WebSocket.
        method = "GET" if target.part == "exec" else asked.method
        for refusal in self._refusals:
            wanted = (refusal.method, refusal.kind) == (method, what) and refusal.dry_run in (None, asked.dry)
            if wanted and refusal.times > 0:
                refusal.times -= 1
                raise refusal.error

    async def _gathered(self, asked: Request, target: Target) -> None:
        what = (asked.method, target.kind.name)
        if asked.dry or what not in self._gathering:
            return
        self._gathering[what] -= 1
        while self._gathering[what] > 0:
            await asyncio.sleep(TICK)

    async def _respond(self, request: web.Request, asked: Request, target: Target) -> web.StreamResponse:
        watch = asked.query.get("watch") in ("true", "1")
        match asked.method, target.part, watch:
            case "GET", "log", False:
                return await self._send_log(request, asked.query, target)
            case "GET" | "POST", "exec", False:
                await asyncio.sleep(self.exec_seconds)
                return await execute(request, self._there(target), asked.query, self.store)
            case "GET", "", True:
                return await self._watch(request, asked.query, target)
        content = self._carry_out(asked, target, request.content_type)
        return web.json_response(content, status=201 if asked.method == "POST" else 200)

    def _carry_out(self, asked: Request, target: Target, content_type: str) -> dict[str, Any]:
        match asked.method, bool(target.name), target.part:
            case "GET", True, "":
                return self._there(target)
            case "GET", False, "":
                return self._list(asked.query, target)
            case "POST", False, "":
                return self._create(asked, target)
            case "PATCH", True, "":
                return self._patch(asked, target, content_type)
            case "DELETE", True, "":
                return self._delete(asked, target)
        text = "the server does not allow this method on the requested resource"
        raise ApiError(405, "MethodNotAllowed", text)

    def _there(self, target: Target) -> dict[str, Any]:
        item = self.get(target.kind.name, target.name, target.namespace)
        if item is None:
            raise ApiError(404, "NotFound", f'{target.kind.resource} "{target.name}" not found')
        return item

    async def _send_log(self, request: web.Request, query: dict[str, str], target: Target) -> web.StreamResponse:
        pod = self._there(target)

        def exists() -> bool:
            now = self.get("Pod", target.name, target.namespace)
            return now is not None and now["metadata"]["uid"] == pod["metadata"]["uid"]

        with self.lock:
            log = self._logs.asked_for(pod, query)
        return await self._logs.send(request, log, query, exists)

    def _wanted(self, query: dict[str, str], target: Target) -> list[dict[str, Any]]:
        return [item for item in self.all(target.kind.name, target.namespace) if is_wanted(item, query)]

    def _list(self, query: dict[str, str], target: Target) -> dict[str, Any]:
        with self.lock:
            items = self._wanted(query, target)
            about = {"resourceVersion": str(self.revision)}
        for item in items:
            # A real list omits the kind of its items, and kubectl adds it again.
            del item["apiVersion"], item["kind"]
        return {"apiVersion": target.kind.api, "kind": f"{target.kind.name}List", "metadata": about, "items": items}

    async def _watch(self, request: web.Request, query: dict[str, str], target: Target) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        until = self._loop.time() + float(query.get("timeoutSeconds", "3600"))
        with self.lock:
            since = int(query.get("resourceVersion") or 0)
            now = [] if since else self._wanted(query, target)
            since = since or self.revision
        await send_changes(response, [("ADDED", item) for item in now])
        if query.get("sendInitialEvents") == "true":
            await send_changes(response, [("BOOKMARK", end_of_list(target.kind, since))])
        while await tick(request) and self._loop.time() < until:
            with self.lock:
                changes = self.changes(target.kind.name, target.namespace, since)
                since = self.revision
            await send_changes(response, [change for change in changes if is_wanted(change[1], query)])
        return response

    def _create(self, asked: Request, target: Target) -> dict[str, Any]:
        kind, body = target.kind, asked.body
        if body is None:
            raise ApiError(415, "UnsupportedMediaType", "only JSON here: kubectl create -f sends it")
        if (body.get("apiVersion"), body.get("kind")) != (kind.api, kind.name):
            raise ApiError(400, "BadRequest", f"{kind.name} in {kind.api} expected")
        with self.lock:
            item = self.filled_in(kind, target.namespace, body)
            check(item, self.version, strict=asked.query.get("fieldValidation") == "Strict")
            if kind.namespaced:
                self._there(Target(KINDS["Namespace"], "", target.namespace, ""))
            name = item["metadata"]["name"]
            if self.get(kind.name, name, target.namespace):
                raise ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists')
            if asked.dry:
                return item
            created = self.put("ADDED", item)
        for act in (act for of, act in self._acts if of == kind.name):
            threading.Thread(target=act, args=(self, copy.deepcopy(created)), daemon=True).start()
        return created

    def _patch(self, asked: Request, target: Target, content_type: str) -> dict[str, Any]:
        if content_type not in PATCHES:
            raise ApiError(415, "UnsupportedMediaType", f"the body was in an unknown format: {content_type}")
        with self.lock:
            old = self._there(target)
            new: dict[str, Any] = merged(old, asked.body)
            if new["metadata"].get("resourceVersion") != old["metadata"]["resourceVersion"]:
                text = "the object has been modified; please apply your changes to the latest version and try again"
                what = f'Operation cannot be fulfilled on {target.kind.resource} "{target.name}"'
                raise ApiError(409, "Conflict", f"{what}: {text}")
            check_immutable(old, new)
            check(new, self.version, strict=asked.query.get("fieldValidation") == "Strict")
            return new if asked.dry or new == old else self.put("MODIFIED", new)

    def _delete(self, asked: Request, target: Target) -> dict[str, Any]:
        with self.lock:
            about = self._there(target)["metadata"]
            if (uid := (asked.body or {}).get("preconditions", {}).get("uid", about["uid"])) != about["uid"]:
                raise ApiError(409, "Conflict", stale(target, uid, about["uid"]))
            policy = (asked.body or {}).get("propagationPolicy")
            if not asked.dry and self.slow_deletion and policy == "Foreground":
                self._delete_later(target)
            elif not asked.dry and policy == "Foreground":
                self.remove_in_foreground(target.kind.name, target.name, target.namespace)
            elif not asked.dry:
                self.remove(target.kind.name, target.name, target.namespace, orphan=policy == "Orphan")
        details = {"name": target.name, "group": target.kind.group, "kind": target.kind.plural, "uid": about["uid"]}
        return {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success", "details": details}

    def _delete_later(self, target: Target) -> None:
        change = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [FOREGROUND]}
        self.update(target.kind.name, target.name, {"metadata": change}, target.namespace)
        gone = (target.kind.name, target.name, target.namespace)
        self._loop.call_later(self.slow_deletion, self.release, *gone)
