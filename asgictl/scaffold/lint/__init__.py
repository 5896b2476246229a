"""Our own rules for the files of a project, which need no other program."""

from collections.abc import Iterator
from pathlib import Path

from asgictl.scaffold.lint import dockerfile, image, orchestration
from asgictl.scaffold.lint.problem import Problem

__all__ = ["Problem", "present", "problems"]


def present(root: Path) -> list[str]:
    """Return the files in `root` that there are rules for."""
    usual = [
        "Dockerfile",
        *(f"compose{kind}.yaml" for kind in ("", ".dev", ".watch", ".prod")),
        "Caddyfile",
        "k8s.yaml",
    ]
    units = sorted(file.name for file in root.glob("*.service"))
    return [name for name in (*usual, *units) if (root / name).is_file()]


def problems(root: Path, files: list[str]) -> Iterator[Problem]:
    """Yield what is wrong with `files`; raise `FileProblemError` for one that cannot be read."""
    found = image.read(root / "Dockerfile") if "Dockerfile" in files else None
    grace = dockerfile.grace_of(found) if found else None
    port = dockerfile.port_of(found) if found else None
    for name in files:
        if name == "Dockerfile":
            yield from dockerfile.check(root)
        elif name.startswith("compose"):
            yield from orchestration.compose(root / name, grace, port)
        elif name == "k8s.yaml":
            yield from orchestration.kubernetes(root / name, grace, port)
        elif name.endswith(".service"):
            yield from orchestration.unit(root / name)
