"""Checks that other programs make, where they are installed."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_LONGEST = 60


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
            yield _run(root, "hadolint", name, ["hadolint", "--failure-threshold", "style", "--no-color", name])
        elif name.startswith("compose."):
            yield _compose(root, name)
        elif name == "Caddyfile":
            command = ["caddy", "validate", "--adapter", "caddyfile", "--config", name]
            yield _run(root, "caddy", name, command, {"DOMAIN": os.environ.get("DOMAIN") or "localhost"})
        elif name == "k8s.yaml":
            yield _run(root, "kubernetes-validate", name, ["kubernetes-validate", "--strict", "--quiet", name])
        elif name.endswith(".service"):
            yield _systemd(root, name)


def _compose(root: Path, name: str) -> Run:
    files = ["-f", "compose.yaml"] if name != "compose.yaml" and (root / "compose.yaml").exists() else []
    rest = [*files, "-f", name, "config", "--quiet"]
    environ = {"DOMAIN": os.environ.get("DOMAIN") or "localhost"}
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and _succeeds([*command, "version"]):
            return _run(root, "docker compose", name, [*command, *rest], environ)
    return Run("docker compose", name, None, ("not installed",))


def _systemd(root: Path, name: str) -> Run:
    """Have systemd look at copies whose program exists here; the real one lies where the unit will run."""
    with tempfile.TemporaryDirectory() as folder:
        for file in (root / name, (root / name).with_suffix(".socket")):
            if file.is_file():
                text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", file.read_text(encoding="utf-8"))
                (Path(folder) / file.name).write_text(text, encoding="utf-8")
        command = ["systemd-analyze", "verify", "--recursive-errors=yes", "--man=no", str(Path(folder) / name)]
        run = _run(root, "systemd-analyze", name, command)
        return run._replace(said=tuple(line.replace(f"{folder}/", "") for line in run.said))


def _run(
    root: Path,
    tool: str,
    name: str,
    command: list[str],
    environ: Mapping[str, str] | None = None,
) -> Run:
    if shutil.which(command[0]) is None:
        return Run(tool, name, None, ("not installed",))
    try:
        done = subprocess.run(  # noqa: S603  # no shell
            command,
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


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=_LONGEST, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
