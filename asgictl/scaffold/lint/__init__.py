"""Our own rules for the files of a project, which need no other program."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from asgictl import image, reading, signature
from asgictl.scaffold.lint import dockerfile, orchestration, swarm
from asgictl.scaffold.lint.problem import Problem
from asgictl.scaffold.project import NamedFile
from asgictl.scaffold.request import NAMES

__all__ = ["Problem", "present", "problems"]


def present(root: Path) -> list[str]:
    """Return the files in `root` that there are rules for."""
    units = sorted(file.name for file in root.glob("*.service"))
    return [name for name in (*NAMES, *units) if (root / name).is_file() and not _is_others(root / name)]


def _is_others(file: Path) -> bool:
    """Tell whether a script is somebody else's: many projects have one of that name."""
    return file.suffix == ".sh" and not signature.is_ours(reading.text(file, errors="replace"))


def problems(
    root: Path,
    files: list[str],
    needed: Sequence[str] = (),
    named: Sequence[NamedFile] = (),
    context: Path | None = None,
) -> Iterator[Problem]:
    """Yield what is wrong with `files`; raise `FileProblemError` for one that cannot be read.

    `needed` are files that the image, which is built from `context`, has to hold, `named` those that the source opens.
    """
    found = image.read(root / "Dockerfile") if "Dockerfile" in files else None
    server = dockerfile.server_of(found) if found else None
    stages = [stage.name for stage in found.stages] if found else []
    for name in files:
        if name == "Dockerfile":
            yield from dockerfile.check(root, needed, named, context=context)
        elif name.startswith("compose"):
            yield from _missing(root, name)
            yield from orchestration.compose(root / name, server, stages)
        elif name == "deploy.sh":
            yield from _missing(root, name)
        elif name == "stack.yaml":
            yield from swarm.stack(root / name, server, dockerfile.command_of(found) if found else ())
        elif name == "k8s.yaml":
            yield from orchestration.kubernetes(root / name, server)
        elif name.endswith(".service"):
            yield from orchestration.unit(root / name)


def _missing(root: Path, name: str) -> Iterator[Problem]:
    """Yield what a file builds upon and is not there."""
    needs = {"compose.yaml": "Dockerfile", "deploy.sh": "compose.prod.yaml"}.get(name, "compose.yaml")
    if not (root / needs).is_file():
        yield Problem("missing", name, f"`{needs}` is not there")
