"""A container engine for the tests, and all that builds need, with no network but a namespace of its own.

Docker Hub and the package index are replaced by what is made here: a base image of Debian's Python, and a folder of
wheels that is served inside the namespace. With `ASGICTL_ENGINE=system` the engine that runs already is taken instead,
with the official images and the index that it reaches.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from asgictl.scaffold.versions import pinned

ROOT = Path(__file__).parents[2]
SYSTEM = os.environ.get("ASGICTL_ENGINE") == "system"
PYTHON = "3.11"
GATEWAY = "198.18.0.1"
INDEX = f"http://{GATEWAY}:3141/simple"
BASE = f"python:{PYTHON}-slim"

# Everything that the projects of the tests depend on, by what can be installed together.
_WHEELS = (
    "fastapi uvicorn django whitenoise flask a2wsgi websockets hatchling setuptools wheel poetry-core pdm-backend "
    f"editables asgiref pip uv=={pinned('uv', PYTHON)}",
    f"poetry=={pinned('poetry', PYTHON)} poetry-plugin-export=={pinned('poetry-plugin-export', PYTHON)}",
    f"pdm[locked]=={pinned('pdm', PYTHON)}",
    f"pipenv=={pinned('pipenv', PYTHON)}",
)
_PYTHON = "ca-certificates,python3,python3-pip"
_SYSTEMD = f"{_PYTHON},curl,dbus,systemd,systemd-sysv"
_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET, <linux/sched.h>


def missing() -> str | None:
    """Return why there can be no engine here, or None."""
    if SYSTEM:
        return None if shutil.which("docker") else "there is no docker"
    if sys.platform != "linux" or os.geteuid() != 0:
        return "an engine of one's own needs Linux, and root"
    programs = [name for name in ("dockerd", "ip", "mmdebstrap", "runc") if shutil.which(name) is None]
    return f"not installed: {', '.join(programs)}" if programs else None


@contextlib.contextmanager
def running(wheels: tuple[str, ...] = _WHEELS) -> Iterator[None]:
    """Have an engine that the calls of `docker` in this process reach, and an index of `wheels` and of asgictl's."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="asgictl-lab-", ignore_cleanup_errors=True)))
        if SYSTEM:
            _official_image(home)
        else:
            index = _wheels(wheels)
            base = _debian("python", _PYTHON)
            _debian("systemd", _SYSTEMD)  # while there is a network
            stack.enter_context(_namespace(f"asgictl-{os.getpid()}"))
            _programs(home)
            stack.enter_context(_engine(home))
            _index(home, index)
            stack.enter_context(_served(home / "index"))
            call("docker", "import", str(base), "asgictl-debian")
            _base_image(home)
        yield


def call(*command: str, folder: Path | None = None, check: bool = True, timeout: float = 600) -> str:
    """Run a program and return its stdout and stderr; a failure shows them."""
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-6000:]}"
    return done.stdout.strip()


def program(name: str) -> str:
    """Return where a program is that the extras for development have brought."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert found, f"{name} is among the extras for development"
    return str(Path(found).resolve())


def build(folder: Path, tag: str, dockerfile: str, files: Mapping[str, Path] | None = None) -> None:
    """Build an image from a text and files."""
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(textwrap.dedent(dockerfile))
    for name, source in (files or {}).items():
        shutil.copy(source, folder / name)
    call("docker", "build", "--tag", tag, ".", folder=folder)


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "asgictl-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _wheels(groups: tuple[str, ...]) -> Path:
    """Return a folder with all wheels, asgictl's own among them, built from this tree."""
    key = hashlib.sha256(repr((groups, _PLATFORMS, (ROOT / "pyproject.toml").read_bytes())).encode()).hexdigest()[:12]
    folder = _cache() / f"wheels-{key}"
    platforms = [argument for name in _PLATFORMS for argument in ("--platform", name)]
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--python-version", PYTHON]
    if not (folder / "complete").exists():
        # Not the command's own dependencies by hand: its wheel says them.
        own = _own_wheel(folder)
        for group in (f"{own}[https] {groups[0]}", *groups[1:]):
            call(*download, "--implementation", "cp", *platforms, "--dest", str(folder), *group.split(), timeout=900)
        (folder / "complete").touch()
    _own_wheel(folder)
    return folder


def _own_wheel(folder: Path) -> Path:
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    return next(folder.glob("asgictl-*.whl"))


def _debian(name: str, packages: str) -> Path:
    """Return a root file system of Debian with some packages, made once."""
    file = _cache() / f"debian-bookworm-{name}.tar"
    if not file.exists():
        part = file.with_suffix(".part.tar")
        call("mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", "bookworm", str(part))
        part.replace(file)
    return file


def systemd_image(folder: Path, project: Path, runner: str) -> str:
    """Make an image that boots systemd, with a project in /srv/shop-1 and its units installed; return its name.

    A file of the project's that is called alembic is the command of that name.
    """
    root = _debian("systemd", _SYSTEMD)
    call("docker", "import", str(root), "asgictl-systemd")
    files = {path.name: path for path in project.iterdir() if path.is_file()}
    build(
        folder,
        f"shop-under-systemd:{runner}",
        f"""
        FROM asgictl-systemd
        RUN python3 -m venv --without-pip /srv/shop-1/.venv && ln -s shop-1 /srv/shop \\
            && pip --python /srv/shop-1/.venv install --index-url {INDEX} --trusted-host {GATEWAY} fastapi {runner}
        COPY . /srv/shop-1/
        RUN cd /srv/shop-1 && cp *.service *.socket /etc/systemd/system/ \\
            && if [ -e alembic ]; then install alembic .venv/bin/; fi
        CMD ["/sbin/init"]
        """,
        files,
    )
    return f"shop-under-systemd:{runner}"


@contextlib.contextmanager
def _namespace(name: str) -> Iterator[None]:
    """Move this process's main thread, and so every process that it starts, into a network of its own."""
    call("ip", "netns", "add", name)
    with Path("/proc/self/ns/net").open() as home, Path(f"/run/netns/{name}").open() as away:
        try:
            _enter(away.fileno())
            call("ip", "link", "set", "lo", "up")
            yield
        finally:
            _enter(home.fileno())
            call("ip", "netns", "delete", name)


def _enter(network: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.setns(network, _NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())


def _programs(home: Path) -> None:
    """Have `docker` be the client that can build with this engine, with compose beside it."""
    programs = home / "bin"
    programs.mkdir()
    client = next(path for path in ("/usr/bin/docker", shutil.which("docker")) if path and Path(path).exists())
    (programs / "docker").symlink_to(client)
    os.environ["PATH"] = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    plugins = home / "config/cli-plugins"
    plugins.mkdir(parents=True)
    shutil.copy(program("docker-compose"), plugins / "docker-compose")
    os.environ |= {
        "DOCKER_CONFIG": str(home / "config"),
        "DOCKER_BUILDKIT": "1",
        "DOCKER_HOST": f"unix://{home}/socket",
    }
    for name in ("DOCKER_CONTEXT", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME"):
        os.environ.pop(name, None)


@contextlib.contextmanager
def _engine(home: Path) -> Iterator[None]:
    command = ["dockerd", "--data-root", f"{home}/data", "--exec-root", f"{home}/exec", "--pidfile", f"{home}/pid"]
    command += ["--host", os.environ["DOCKER_HOST"], "--bip", f"{GATEWAY}/24", "--storage-driver", "overlay2"]
    command += ["--default-address-pool", "base=198.18.128.0/17,size=24"]
    with (home / "engine.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until(lambda: _answers("docker", "info"), lambda: (home / "engine.log").read_text()[-3000:])
            yield
        finally:
            for container in call("docker", "ps", "--all", "--quiet", check=False).split():
                call("docker", "rm", "--force", container, check=False)
            process.terminate()


def _index(home: Path, wheels: Path) -> None:
    """Lay the wheels out as an index does (PEP 503)."""
    names: dict[str, list[Path]] = {}
    for wheel in sorted(wheels.glob("*.whl")):
        names.setdefault(re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower(), []).append(wheel)
    for name, files in names.items():
        folder = home / "index/simple" / name
        folder.mkdir(parents=True)
        for file in files:
            shutil.copy(file, folder)
        links = (
            f'<a href="{it.name}#sha256={hashlib.sha256(it.read_bytes()).hexdigest()}">{it.name}</a>' for it in files
        )
        (folder / "index.html").write_text("\n".join(links))


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[None]:
    host, port = INDEX.split("/")[2].split(":")
    command = [sys.executable, "-m", "http.server", "--bind", host, "--directory", str(folder), port]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: _answers("curl", "--fail", "--silent", f"{INDEX}/pip/"), lambda: "the index does not answer")
            yield
        finally:
            process.terminate()


def _base_image(home: Path) -> None:
    """Make of Debian what the official image is like: `python`, a new pip, no bytecode of the standard library."""
    host = GATEWAY
    build(
        home / "base",
        BASE,
        f"""
        FROM asgictl-debian
        RUN ln -s python3 /usr/bin/python && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED \\
            && printf '[global]\\nindex-url = {INDEX}\\ntrusted-host = {host}\\n' > /etc/pip.conf \\
            && mkdir -p /etc/uv && printf '[[index]]\\nurl = "{INDEX}"\\ndefault = true\\n' > /etc/uv/uv.toml \\
            && pip install --quiet --upgrade pip \\
            && find /usr/lib/python3.11 -name __pycache__ -prune -exec rm -r {{}} +
        ENV LANG=C.UTF-8
        CMD ["python3"]
        """,
    )


def _official_image(home: Path) -> None:
    """Put the wheel of this tree, which no index has, into the official image."""
    own = _own_wheel(home)
    build(
        home / "base",
        BASE,
        f"""
        FROM {BASE}
        COPY {own.name} /opt/own/
        RUN printf '[global]\\nfind-links = /opt/own\\n' > /etc/pip.conf \\
            && mkdir -p /etc/uv && printf 'find-links = ["/opt/own"]\\n' > /etc/uv/uv.toml
        """,
        {own.name: own},
    )


def _answers(*command: str) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def until(happened: Callable[[], bool], why: Callable[[], str] = str) -> None:
    """Wait for something to happen; fail with `why` where it does not."""
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


def inspected(container: str, template: str) -> object:
    """Return what the engine says of a container."""
    return json.loads(call("docker", "inspect", "--format", f"{{{{json {template}}}}}", container))
