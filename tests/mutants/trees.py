"""Copies of the project to break, each with an environment of its own: the same packages, and the copy's asgictl."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path


def copy(root: Path, to: Path) -> Path:
    """Copy what git knows, or would, of `root`; return the copy's Python."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)
    shutil.copytree(root / ".git", to / ".git")
    return _environment(to)


def _environment(tree: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tree / ".venv"], check=True)
    programs, theirs = tree / ".venv/bin", Path(sys.executable).parent
    for program in theirs.iterdir():
        if not (programs / program.name).exists():
            (programs / program.name).symlink_to(program)
    (programs / "asgictl").unlink()
    script = (theirs / "asgictl").read_text().splitlines()
    (programs / "asgictl").write_text("\n".join([f"#!{programs / 'python'}", *script[1:]]))
    (programs / "asgictl").chmod(0o755)
    (packages,) = (tree / ".venv/lib").glob("python3.*/site-packages")
    packages.joinpath("a.pth").write_text(f"{tree}\nimport site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return programs / "python"


def run(python: Path, tests: Iterable[str], *, limit: float) -> tuple[int | None, str]:
    """Run tests in the copy until one fails; return pytest's status, None after `limit` seconds, and its output."""
    tree = python.parents[2]
    (tree / ".tests").write_text("\n".join(tests))
    options = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:xdist", "@.tests"]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    with subprocess.Popen(
        [python, "-m", "pytest", *options],
        cwd=tree,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output = process.communicate(timeout=limit)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]
    return process.returncode, output


def tests(python: Path) -> set[str]:
    """Return the tests that the copy has."""
    command = [str(python), "-m", "pytest", "--collect-only", "-q"]
    listed = subprocess.run(command, cwd=python.parents[2], check=True, capture_output=True, text=True).stdout
    return {line for line in listed.splitlines() if "::" in line}
