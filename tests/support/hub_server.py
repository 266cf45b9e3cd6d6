"""A Hub of one repository on this machine: it answers as huggingface.co does when a library asks whether its cache is right."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
REPOSITORY = "org/name"


def fill_cache(cache: Path, files: Path) -> None:
    """Put FILES into CACHE as huggingface_hub keeps them: as blobs by their hashes, that the snapshot of branch main links to."""
    repository = cache / f"models--{REPOSITORY.replace('/', '--')}"
    for name in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (repository / name).mkdir(parents=True)
    (repository / "refs/main").write_text(COMMIT)
    for path in files.iterdir():
        blob = repository / "blobs" / _tag(path)
        blob.write_bytes(path.read_bytes())
        (repository / "snapshots" / COMMIT / path.name).symlink_to(f"../../blobs/{blob.name}")


def _tag(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def serving(files: Path, asked: list[str]) -> Iterator[str]:
    """Serve FILES as the repository, noting in ASKED what was asked for; gives the address."""

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(f"HEAD {self.path}")
            path = files / self.path.rpartition("/")[2]
            if not self.path.startswith(f"/{REPOSITORY}/resolve/") or not path.is_file():
                self._say(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
                return
            size = str(path.stat().st_size)
            self._say(200, {"X-Repo-Commit": COMMIT, "ETag": f'"{_tag(path)}"', "Content-Length": size, "X-Linked-Size": size})

        def do_GET(self) -> None:
            asked.append(f"GET {self.path}")
            if self.path.startswith(f"/api/models/{REPOSITORY}/revision/"):
                named = [{"rfilename": path.name} for path in sorted(files.iterdir())]
                self._say(200, {}, {"id": REPOSITORY, "sha": COMMIT, "siblings": named})
            else:
                self._say(404, {"X-Error-Code": "EntryNotFound"}, {"error": "there is none"})

        def _say(self, status: int, headers: dict[str, str], body: Any = None) -> None:
            said = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(said)), "Content-Type": "application/json"} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
