"""Requirements files, with those that they include."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from asgictl import errors, reading
from asgictl.errors import ConfigError, FileProblemError
from asgictl.scaffold.accepted import PATH
from asgictl.scaffold.detect.imported import direct
from asgictl.scaffold.project import Dependencies

USUAL = (
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/main.txt",
    "requirements/base.txt",
    "requirements-prod.txt",
    "requirements-production.txt",
    "requirements/requirements.txt",
)
# Lists that hold more than an image needs, or only what others build upon.
_OTHERS = re.compile(
    r"dev|test|local|doc|lint|ci\b|debug|typing|types|tool|constraint|build|bench|example", re.IGNORECASE
)
# What markers ask of, in an image.
_IMAGE = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s+|=)?(.+)")


class RequirementLine(NamedTuple):
    """One line of a file, without its comment."""

    file: str
    number: int
    text: str
    constraint: bool = False


def _usual(root: Path) -> str | None:
    """Return the list that an image is made from; raise `ConfigError` where several might be meant."""
    if found := next((name for name in USUAL if (root / name).is_file()), None):
        return found
    lists = sorted(
        name
        for file in (*root.glob("requirements/*.txt"), *root.glob("requirements[-_]*.txt"))
        if not _OTHERS.search(name := file.relative_to(root).as_posix())
    )
    if len(lists) > 1:
        listed = ", ".join(f"`{name}`" for name in lists)
        hint = f"choose: --requirements {' or --requirements '.join(lists)}"
        raise ConfigError(f"dependencies may come from {len(lists)} lists: {listed}", hint=hint, option="requirements")
    return lists[0] if lists else None


def beside(root: Path, near: Iterable[Path]) -> str | None:
    """Return the list in the nearest of the folders `near` that has one, as seen from `root`."""
    for folder in near:
        if name := _usual(folder):
            return (folder / name).relative_to(root).as_posix()
    return None


def passed_over(root: Path, deps: Dependencies) -> str | None:
    """Return a list for production that lies beside the one that was found by its usual name, and is no part of it."""
    usual = USUAL if deps.kind == "requirements" and set(deps.files) & {USUAL[0]} else ()
    others = (name for name in usual[1:] if re.search(r"prod", name))
    return next((name for name in others if (root / name).is_file() and name not in deps.files), None)


def read(root: Path, name: str) -> Dependencies:
    """Return what the file `name` and its includes say; raise `FileProblemError` for one that is not there."""
    pinned: dict[str, str | None] = {}
    ranges: dict[str, str] = {}
    files: list[str] = []
    extras: set[str] = set()
    folders: list[str] = []
    local = git = ssh = False
    for line in lines(root, name):
        if line.file not in files:
            files.append(line.file)
        editable = line.text.startswith(("-e", "--editable"))
        target = re.sub(r"^(-e|--editable)[\s=]+", "", line.text)
        if target.startswith("../") or "/../" in target:
            problem = f"`{target}` in line {line.number} of `{line.file}` is not in the build's context"
            raise FileProblemError(problem, hint="move it into the project, or install it from an index")
        direct.refuse_credentials(target, f"{line.file}:{line.number}")
        git, ssh = git or "git+" in target, ssh or "git+ssh://" in target
        folder = target.removeprefix("file:").partition("[")[0].strip()
        if "/" in folder and "://" not in folder and (root / folder).is_dir():
            folders.append(folder)
        local = local or bool(folders)
        local = local or editable or target.startswith((".", "/", "file:")) or target.endswith((".whl", ".tar.gz"))
        local = local or " @ file:" in target or (target.startswith(("-f ", "--find-links")) and "://" not in target)
        if (requirement := _requirement(target)) is None:
            continue
        key = canonicalize_name(requirement.name)
        if not line.constraint:
            pinned[key] = fixed_version(requirement)
            extras |= direct.extras(requirement)
        if requirement.specifier and not pinned.get(key):
            ranges[key] = ",".join(filter(None, (ranges.get(key), str(requirement.specifier))))
    return Dependencies(
        kind="requirements",
        files=tuple(files or [name]),
        pinned=pinned,
        local=local,
        git=git,
        folders=tuple(folders),
        ranges=ranges,
        extras=frozenset(extras),
        ssh=ssh,
    )


def fixed_version(requirement: Requirement) -> str | None:
    """Return the one version that a requirement allows."""
    versions = [it.version for it in requirement.specifier if it.operator == "==" and not it.version.endswith(".*")]
    return versions[0] if versions else None


def lines(root: Path, name: str) -> Iterator[RequirementLine]:
    """Yield the lines of a file and of those that it includes, continued lines joined."""
    seen: set[str] = set()

    def walk(name: str, by: str, *, constraint: bool = False) -> Iterator[RequirementLine]:
        if name in seen:
            return
        seen.add(name)
        path = root / name
        try:
            text = reading.text(path)
        except (OSError, UnicodeDecodeError) as error:
            reason = errors.reason(error)
            problem = f"cannot read `{name}`{by}: {reason}"
            how = "put it there, or name another with --requirements"
            raise FileProblemError(problem, hint=how if isinstance(error, OSError) else "save it as UTF-8") from error
        if not PATH.fullmatch(name):
            raise FileProblemError(f"`{name}`{by} has signs that no Dockerfile takes", hint="rename it")
        if not path.resolve().is_relative_to(root.resolve()):
            problem = f"`{name}`{by} is outside of `{root}`, and so not in the build's context"
            hint = "run `asgictl scaffold` in the folder that has both, or move it into the project"
            raise FileProblemError(problem, hint=hint)
        yield RequirementLine(name, 1, "")
        number = 0
        for joined in re.sub(r"\\\r?\n", "\\\n", text).replace("\\\n", "\0").splitlines():
            number += 1
            line = re.sub(r"(^|\s)#.*$", "", joined.replace("\0", " ")).strip()
            if include := _INCLUDE.match(line):
                included = include[1].strip("\"'")
                if "://" in included:
                    continue
                target = (path.parent / included).resolve()
                inner = target.relative_to(root.resolve()) if target.is_relative_to(root.resolve()) else target
                narrows = constraint or line.startswith(("-c", "--constraint"))
                yield from walk(inner.as_posix(), f" (line {number} of `{name}`)", constraint=narrows)
            elif line:
                yield RequirementLine(name, number, line, constraint)
            number += joined.count("\0")

    yield from walk(name, "")


def _requirement(text: str) -> Requirement | None:
    try:
        requirement = Requirement(re.split(r"\s--?[a-z]", text)[0].strip())
    except InvalidRequirement:
        return None
    return requirement if requirement.marker is None or requirement.marker.evaluate(_IMAGE) else None
