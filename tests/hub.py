"""A hub on the loopback interface, for the real client of the Hugging Face hub."""

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "cab853a1dbdf4c42c2b3ef2173804746df8825fe"
# The hub publishes the SHA-256 of these files, and git's digest of all others.
LARGE = (".safetensors", ".h5", ".parquet")
# Exactly the files that a fetch of weights takes.
TOY_FILES = {
    "config.json": b'{"model_type": "bert"}',
    "tokenizer.json": b'{"model": {"type": "WordPiece"}}',
    "vocab.txt": b"[PAD]\nglad\n",
    "model.safetensors": bytes(range(256)) * 2000,
}


@dataclass
class Repository:
    """A commit of a repository, the newest on the branch main."""

    files: dict[str, bytes]
    commit: str = COMMIT


@dataclass
class Hub:
    """A hub's repositories by path, such as `/datasets/dair-ai/emotion`, and the requests to the hub.

    A file in `cut` loses its connection once, after that many bytes. The hub lists a file in `lost` and never sends
    it. `sent` counts the bytes by file.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    endpoint: str = ""
    asked: list[str] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    sent: dict[str, int] = field(default_factory=dict)

    def gets(self) -> list[str]:
        """The names of the downloaded files, in order."""
        return [path.rpartition("/")[2] for path in self.asked if path.startswith("GET ") and "/resolve/" in path]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.find()

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        content = self.find()
        sent = self.hub.cut.pop(name, len(content))
        self.wfile.write(content[:sent])
        self.hub.sent[name] = self.hub.sent.get(name, 0) + sent
        self.close_connection = sent < len(content)

    def find(self) -> bytes:
        self.hub.asked.append(f"{self.command} {self.path}")
        path, _, rest = self.path.partition("/resolve/")
        revision, _, name = rest.partition("/")
        repository = self.hub.repositories.get(path)
        if repository is None:
            return self.refuse("RepoNotFound", 404)
        if revision not in {"main", repository.commit}:
            return self.refuse("RevisionNotFound", 404)
        if name not in repository.files:
            return self.refuse("EntryNotFound", 404, repository.commit)
        if self.command == "GET" and name in self.hub.lost:
            return self.refuse("", 500)
        return self.answer(repository, name)

    def refuse(self, reason: str, status: int, commit: str = "") -> bytes:
        self.send_response(status)
        self.send_header("X-Error-Code", reason)
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return b""

    def answer(self, repository: Repository, name: str) -> bytes:
        whole = repository.files[name]
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        digest = hashlib.sha256(whole) if name.endswith(LARGE) else hashlib.sha1(whole, usedforsecurity=False)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.send_header("X-Repo-Commit", repository.commit)
        self.send_header("ETag", f'"{digest.hexdigest()}"')
        self.send_header("Content-Length", str(len(whole) - start))
        self.end_headers()
        return whole[start:]

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(repositories: dict[str, Repository]) -> Iterator[Hub]:
    """Serve the repositories until the block ends."""
    hub = Hub(repositories)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(
    endpoint: str, home: Path, *arguments: str, script: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `emotion` in a process of its own, since the hub's client reads its environment at import.

    `home` is the client's folder; `script` runs before the command.
    """
    code = f"import sys\n{script}\nfrom emotion.cli.main import main\nsys.argv = ['emotion', *sys.argv[1:]]\nmain()"
    given = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "NO_PROXY": "*", **environment}
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith("HF_")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**kept, **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
