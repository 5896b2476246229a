"""Which Python an image has: by what the project says of it, the surest first."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl.errors import ConfigError
from asgictl.pyproject import PyProject
from asgictl.scaffold.detect.python import base_image, declared_version, evidence, tried_version, wheels
from asgictl.scaffold.detect.python.evidence import Evidence, ProjectFiles
from asgictl.scaffold.project import Dependencies
from asgictl.scaffold.request import ScaffoldRequest

_Reader = Callable[[ProjectFiles], Iterator[Evidence]]

# All of these have to be true at once; what they leave open is for the following.
_BINDING: tuple[_Reader, ...] = (
    base_image.written,
    declared_version.python_version,
    declared_version.tool_versions,
    declared_version.mise,
    declared_version.pipfile,
    declared_version.runtime,
    declared_version.app_engine,
    declared_version.conda,
    declared_version.requires_python,
    declared_version.poetry,
)
# The first that agrees with those chooses, among several versions the newest; the rest is not asked.
_CHOOSING: tuple[_Reader, ...] = (
    base_image.replaced,
    base_image.elsewhere,
    tried_version.compiled,
    tried_version.tested,
    tried_version.classified,
    tried_version.checked,
)


class Python(NamedTuple):
    """The version, like 3.13, where it comes from, and what is to be said of it."""

    version: str
    source: str
    notes: tuple[str, ...]


def find(root: Path, pyproject: PyProject | None, request: ScaffoldRequest, deps: Dependencies) -> Python:
    """Return the version of Python for the image; raise `ConfigError` for places that contradict each other."""
    up = "../" * len(Path(deps.home).parts)
    project = ProjectFiles(root, pyproject, tuple(f"{up}{file}" for file in deps.files))
    built = list(wheels.locked(project, deps.pinned))
    version, option = request.python, "--python"
    if version is None and request.base is not None:
        version, option = base_image.version_of(request.base), "--base"
    if version is not None:
        minor = ".".join(version.split(".")[:2])
        return Python(version, option, (*_told_otherwise(project, minor, option), *_unbuilt(minor, built)))
    binding = [it for reader in _BINDING for it in reader(project)]
    version, source = _chosen(project, binding, _common(binding), built)
    whole, source = next(((it.exact, it.place) for it in binding if it.exact), (version, source))
    return Python(whole, source, tuple(_unbuilt(version, built)))


def _common(binding: Sequence[Evidence]) -> frozenset[str]:
    """Return the versions that all places have; raise `ConfigError` where there is none."""
    left = evidence.KNOWN
    for number, it in enumerate(binding):
        if not left & it.versions:
            other = next((before for before in binding[:number] if not before.versions & it.versions), binding[0])
            problem = f"Python is {other.said} by {other.place}, and {it.said} by {it.place}"
            choice = " or ".join(f"--python {evidence.best(one.versions)}" for one in (other, it))
            raise ConfigError(problem, hint=f"put one of them right, or pass {choice}", option="python")
        left &= it.versions
    return left


def _chosen(
    project: ProjectFiles, binding: Sequence[Evidence], left: frozenset[str], built: Sequence[Evidence]
) -> tuple[str, str]:
    """Return one of the versions that are `left`, and why that one."""
    places = dict.fromkeys(it.place for it in binding if it.versions < evidence.KNOWN)
    if len(left) == 1:
        return next(iter(left)), next((it.place for it in binding if it.versions == left), " and ".join(places))
    with_wheels, scarce = left, None
    for it in built:
        if with_wheels & it.versions and not with_wheels <= it.versions:
            with_wheels, scarce = with_wheels & it.versions, it
    for reader in _CHOOSING:
        said = list(reader(project))
        if reader is tried_version.checked and places:  # a linter's version is the oldest that the code is for
            said = [it for it in said if it.versions != {evidence.oldest(left)}]
        for allowed in (with_wheels, left):
            for it in said:
                if it.versions & allowed:
                    return evidence.best(it.versions & allowed), it.place
    version = evidence.best(with_wheels)
    if scarce is not None and version != evidence.best(left):
        return version, f"the newest that {scarce.said} in {scarce.place} has wheels for"
    return version, f"the newest that {' and '.join(places)} allows" if places else "no file says it: the newest"


def _told_otherwise(project: ProjectFiles, version: str, option: str) -> Iterator[str]:
    """Yield what to say of places that an option overrules."""
    for reader in _BINDING:
        with contextlib.suppress(ConfigError):  # what cannot be understood is overruled as well
            for it in reader(project):
                if version not in it.versions:
                    yield f"{it.place} says Python {it.said}, and {option} gives {version}"


def _unbuilt(version: str, built: Sequence[Evidence]) -> Iterator[str]:
    """Yield what to say of packages that have wheels, and none for this version."""
    without = [it for it in built if version not in it.versions]
    if without:
        listed = ", ".join(it.said for it in without)
        them = "it has to be compiled" if len(without) == 1 else "they have to be compiled"
        all_have = frozenset.intersection(*(it.versions for it in built))
        other = f", or pass --python {evidence.best(all_have)}" if all_have else ""
        yield f"no wheel for Python {version} in {without[0].place} of {listed}: {them}, see to --apt{other}"
