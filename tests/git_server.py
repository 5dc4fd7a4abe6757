"""A git server over HTTP on a free loopback port: git's own, or plain files (the dumb protocol)."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PERSON = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (
        ("NAME", "Ann"),
        ("EMAIL", "ann@example.org"),
        ("DATE", "1700000000 +0000"),
    )
}


@dataclass(frozen=True)
class Work:
    """A repository with a working copy."""

    folder: Path

    @classmethod
    def new(cls, folder: Path) -> "Work":
        folder.mkdir(parents=True)
        work = cls(folder)
        work.git("init", "--quiet", "--initial-branch=main")
        return work

    def git(self, *arguments: str) -> str:
        """Run git; return what it says."""
        environment = {**os.environ, **PERSON, "GIT_CONFIG_GLOBAL": "/dev/null"}
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str]) -> str:
        """Write files and commit all; return the commit."""
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "A change")
        return self.git("rev-parse", "HEAD")

    def publish(self, bare: Path) -> None:
        """Make the copy that a server shows; older copies are replaced."""
        if bare.exists():
            self.git("push", "--quiet", "--mirror", str(bare))
        else:
            self.git("clone", "--quiet", "--mirror", ".", str(bare))
        self.git("--git-dir", str(bare), "update-server-info")


@contextmanager
def serving(root: Path, dumb: bool = False) -> Iterator[str]:
    """Serve the repositories below `root` for the block; yield the address."""
    backend = subprocess.check_output(["git", "--exec-path"], text=True).strip()

    class Dumb(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(root))  # type: ignore[arg-type]

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002
            pass

    class Smart(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, Path(backend) / "git-http-backend", root)

        do_POST = do_GET

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Dumb if dumb else Smart)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(request: BaseHTTPRequestHandler, backend: Path, root: Path) -> None:
    """Let git's own server answer, by CGI."""
    path, _, query = request.path.partition("?")
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": request.command,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
    }
    body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
    done = subprocess.run([str(backend)], env=environment, input=body, capture_output=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
    status = next((value for name, value in lines if name == "Status"), "200 OK")
    request.send_response(int(status.split()[0]))
    for name, value in lines:
        if name != "Status":
            request.send_header(name, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)
