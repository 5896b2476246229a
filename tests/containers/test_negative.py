"""That the claims could fail: what the rules and the trials are there for does happen without them."""

import base64
import http.server
import re
import signal
import subprocess
import tarfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tests import answers
from tests.conftest import ASGICTL
from tests.containers import lab, projects

PASSWORD = "s3cr3t-of-the-index"


@pytest.fixture
def project(tmp_path: Path, engine: None) -> Path:
    """Lay out a project, and scaffold it."""
    folder = projects.write(tmp_path / "shop", projects.KINDS["plain"])
    lab.call(str(ASGICTL), "scaffold", folder=folder)
    return folder


def test_shell_form(project: Path) -> None:
    """A CMD in the shell form is told by `--check`, fails `--verify`, and does take the whole grace period."""
    dockerfile = project / "Dockerfile"
    text = re.sub(r"(?m)^CMD \[.*", "CMD asgictl serve asgi:app --prod; true", dockerfile.read_text())
    dockerfile.write_text(text)

    checked = subprocess.run([ASGICTL, "scaffold", "--check"], cwd=project, capture_output=True, text=True, check=False)
    verified = subprocess.run(
        [ASGICTL, "scaffold", "--verify"], cwd=project, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 1
    assert "exec-form: the shell form keeps SIGTERM from the server" in checked.stdout
    assert verified.returncode == 1
    assert re.search(r"failed    stop .* the server was killed after 1[5-9]\.\d s", verified.stdout), verified.stdout
    assert "shutdown ran" not in verified.stderr


def test_wrong_app(project: Path) -> None:
    """An app that is not there fails `--verify` with the server's own message."""
    (project / "asgi.py").write_text("application = None\n")

    done = subprocess.run(
        [ASGICTL, "scaffold", "asgi:app", "--verify"], cwd=project, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "failed    ready" in done.stdout
    assert done.stderr.splitlines()[-1] == "error: ready: the container exited with status 3"
    assert "error: `asgi` has no attribute `app`" in done.stderr


class Guarded(http.server.BaseHTTPRequestHandler):
    """The index, for those who have the password."""

    given: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        """Pass a file on."""
        expected = base64.b64encode(f"builder:{PASSWORD}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {expected}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            return
        with urllib.request.urlopen(f"{lab.INDEX.removesuffix('/simple')}{self.path}") as answer:
            content = answer.read()
        self.send_response(200)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.end_headers()
        self.wfile.write(content)
        self.given.add(self.path)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def guarded(engine: None) -> Iterator[str]:
    """Serve the index to those who have the password; yield its URL."""
    Guarded.given.clear()
    with http.server.ThreadingHTTPServer((lab.GATEWAY, 0), Guarded) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{lab.GATEWAY}:{server.server_address[1]}/simple"
        server.shutdown()
        thread.join()


@pytest.mark.skipif(lab.SYSTEM, reason="needs the index inside the namespace")
@pytest.mark.parametrize("kind", ["plain", "uv"])
def test_credentials_stay_out(tmp_path: Path, guarded: str, kind: str) -> None:
    """The password of an index is used by the build, and is in no layer, no history and no file that was written."""
    folder = projects.write(tmp_path / "shop", projects.KINDS[kind])
    (folder / "netrc").write_text(f"machine {lab.GATEWAY} login builder password {PASSWORD}\n")
    options = ("--index-url", guarded, "--index-secret", "netrc")
    lab.call(str(ASGICTL), "scaffold", *options, "--save", folder=folder)

    lab.call("docker", "compose", "build", "--no-cache", "--build-arg", f"PIP_INDEX_URL={guarded}", folder=folder)

    assert any(path.endswith(".whl") for path in Guarded.given)
    assert leaks("shop:latest", tmp_path) == []
    written = [file for file in folder.rglob("*") if file.is_file() and file.name != "netrc"]
    assert not [file for file in written if PASSWORD.encode() in file.read_bytes()]


def test_the_leak_that_is_looked_for_exists(tmp_path: Path, engine: None) -> None:
    """The same look finds the password where a single stage is given it as an argument; so does `--check`."""
    folder = projects.write(tmp_path / "shop", projects.KINDS["plain"])
    text = f"FROM {lab.BASE}\nARG PIP_INDEX_URL\nRUN pip --version\nCOPY asgi.py ./\nUSER 10001\n"
    lab.build(folder, "leaky", f'{text}CMD ["true"]\n')
    lab.call(
        "docker",
        "build",
        "--tag",
        "leaky",
        "--build-arg",
        f"PIP_INDEX_URL=http://u:{PASSWORD}@x/simple",
        ".",
        folder=folder,
    )

    done = subprocess.run([ASGICTL, "scaffold", "--check"], cwd=folder, capture_output=True, text=True, check=False)

    assert leaks("leaky", tmp_path) == ["history"]
    assert "index-in-history" in done.stdout


def leaks(image: str, folder: Path) -> list[str]:
    """Return where the password is: in an image's history, its configuration, or a file of a layer."""
    found = ["history"] if PASSWORD in lab.call("docker", "history", "--no-trunc", image) else []
    archive = folder / "image.tar"
    lab.call("docker", "save", "--output", str(archive), image)
    with tarfile.open(archive) as whole:
        for member in whole.getmembers():
            if member.name.endswith("layer.tar"):
                with tarfile.open(fileobj=whole.extractfile(member)) as layer:
                    found += [
                        entry.name
                        for entry in layer.getmembers()
                        if entry.isfile()
                        and PASSWORD.encode() in (layer.extractfile(entry) or tarfile.io.BytesIO()).read()  # type: ignore[attr-defined]
                    ]
    return found


def test_env_stays_out(project: Path) -> None:
    """Keys and `.env` are not in the image, wherever they lie."""
    for name in (".env", "deep/.env", "ssl/cert.pem", "ssl/cert.key", "deep/er/client.p12", ".env.example"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("X=1\n")
    lab.call("docker", "build", "--tag", "kept-out", ".", folder=project)

    listed = lab.call(
        "docker", "run", "--rm", "--network", "none", "kept-out", "find", "/app", "-type", "f"
    ).splitlines()

    assert sorted(Path(line).name for line in listed) == [".env.example", ".python-version", "asgi.py"]


def test_verify_leaves_nothing_behind(project: Path) -> None:
    """After `--verify` there is neither its container nor its image, also when it is interrupted."""
    lab.call(str(ASGICTL), "scaffold", "--verify", folder=project)
    with subprocess.Popen([ASGICTL, "scaffold", "--verify"], cwd=project, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the image is there
        process.send_signal(signal.SIGINT)
        process.stdout.read()

    assert process.returncode == 130
    left = lab.call("docker", "ps", "--all", "--format", "{{.Names}}") + lab.call(
        "docker", "images", "--format", "{{.Repository}}"
    )
    assert "verify" not in left


def test_json_of_a_failure(project: Path) -> None:
    """`--verify --json` is one object, also when it fails."""
    (project / "asgi.py").write_text("raise RuntimeError('no luck')\napp = None\n")

    done = subprocess.run(
        [ASGICTL, "scaffold", "asgi:app", "--verify", "--json"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    answer = answers.result(done.stdout)
    assert answer["passed"] is False
    assert any("no luck" in line for line in answer["steps"][-1]["lines"])
