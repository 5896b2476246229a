"""Checks that other programs make, where they are installed."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from asgictl import reading
from asgictl.scaffold.lint.containers import documents, listed

_LONGEST = 60
# What kustomize takes from elsewhere, also over the network: a folder, a repository, a URL.
_TAKEN = ("resources", "bases", "components", "crds", "configurations", "generators", "transformers", "validators")


class Run(NamedTuple):
    """What a program has said: `passed` is None where it was not run, and `said` then the reason."""

    tool: str
    file: str
    passed: bool | None
    said: tuple[str, ...]


def runs(root: Path, files: list[str]) -> Iterator[Run]:
    """Yield a run for each of `files` that some program can check."""
    for name in files:
        if name == "Dockerfile":
            yield run(root, "hadolint", name, ["hadolint", "--failure-threshold", "style", "--no-color", name])
        elif name.startswith("compose."):
            yield _compose(root, name)
        elif name == "stack.yaml":
            yield _stack(root, name)
        elif name == "Caddyfile":
            command = ["caddy", "validate", "--adapter", "caddyfile", "--config", name]
            yield run(root, "caddy", name, command, {"DOMAIN": os.environ.get("DOMAIN") or "localhost"})
        elif name == "deploy.sh":
            yield _script(root, name)
        elif name == "k8s.yaml":
            yield run(root, "kubernetes-validate", name, ["kubernetes-validate", "--strict", "--quiet", name])
        elif name == "kustomization.yaml":
            yield _kustomization(root, name)
        elif name.endswith(".service"):
            yield _systemd(root, name)


def _compose(root: Path, name: str) -> Run:
    files = ["-f", "compose.yaml"] if name != "compose.yaml" and (root / "compose.yaml").exists() else []
    rest = [*files, "-f", name, "config", "--quiet"]
    environ = {"DOMAIN": os.environ.get("DOMAIN") or "localhost"}
    for command in (["docker", "compose"], ["docker-compose"]):
        program = _which(command[0])
        if program and _succeeds([program, *command[1:], "version"]):
            return run(root, "docker compose", name, [*command, *rest], environ)
    return Run("docker compose", name, None, ("not installed",))


def _kustomization(root: Path, name: str) -> Run:
    """Have kustomize put it together, unless it would fetch something, or read what is not beside it."""
    tool = "kubectl kustomize"
    text = reading.text(root / name, errors="replace")
    named = [it for document in documents(root / name) for key in _TAKEN for it in listed(document.get(key))]
    if "://" in text or not all(isinstance(it, str) and "/" not in it and (root / it).is_file() for it in named):
        return Run(tool, name, None, ("it names more than the files beside it",))
    command = ["kustomize", "build", "."] if _which("kubectl") is None else ["kubectl", "kustomize", "."]
    return run(root, tool, name, command)


def _script(root: Path, name: str) -> Run:
    """Have a shell read the script at least, where there is nothing better."""
    if _which("shellcheck") is None and _which("sh") is not None:
        return run(root, "sh", name, ["sh", "-n", name])
    return run(root, "shellcheck", name, ["shellcheck", name])


def _stack(root: Path, name: str) -> Run:
    """Have Docker read a copy beside an empty `.env`: the real one is where the stack is deployed from."""
    program = _which("docker")
    # A client without that command, like that of 20.10, prints the help of `docker stack` for it, with status 0.
    if program is None or not re.search(r"(?m)^ +config ", _said([program, "stack", "--help"])):
        return Run("docker stack config", name, None, ("not installed",))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(root / name, folder)
        (Path(folder) / ".env").touch()
        variables = {key: os.environ.get(key) or "localhost" for key in ("DOMAIN", "NODE", "TAG")}
        return run(Path(folder), "docker stack config", name, [program, "stack", "config", "-c", name], variables)


def _systemd(root: Path, name: str) -> Run:
    """Have systemd look at copies whose programs exist here; the real ones lie where the unit will run."""
    with tempfile.TemporaryDirectory() as folder:
        for file in filter(Path.is_file, (*root.glob("*.service"), *root.glob("*.socket"))):
            text = re.sub(r"(?m)^(Exec\w+)=\S+", r"\1=/bin/true", reading.text(file, errors="replace"))
            (Path(folder) / file.name).write_text(text, encoding="utf-8")
        command = ["systemd-analyze", "verify", "--recursive-errors=yes", "--man=no", str(Path(folder) / name)]
        seen = run(root, "systemd-analyze", name, command)
        return seen._replace(said=tuple(line.replace(f"{folder}/", "") for line in seen.said))


def run(
    root: Path,
    tool: str,
    name: str,
    command: list[str],
    environ: Mapping[str, str] | None = None,
) -> Run:
    """Return what a program says of a file; None for its verdict where the program is not there, or is not done."""
    program = _which(command[0])
    if program is None:
        return Run(tool, name, None, ("not installed",))
    try:
        done = subprocess.run(  # noqa: S603  # no shell
            [program, *command[1:]],
            cwd=root,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Run(tool, name, None, (str(error),))
    lines = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    return Run(tool, name, done.returncode == 0, () if done.returncode == 0 else tuple(lines))


def _which(name: str) -> str | None:
    """Return where a program is: on the path, or installed beside asgictl."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # no shell
            command, capture_output=True, text=True, errors="replace", timeout=_LONGEST, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=_LONGEST, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
