"""What the user should know of a project before it runs elsewhere."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from asgictl.scaffold.detect.django_settings import DjangoSettings
from asgictl.scaffold.detect.health import Route
from asgictl.scaffold.detect.index import Index
from asgictl.scaffold.project import Dependencies
from asgictl.scaffold.request import ScaffoldRequest


def of_project(
    settings: DjangoSettings | None,
    indexes: Sequence[Index],
    likely: tuple[Route, str] | None,
) -> Iterator[str]:
    """Yield what to say of a project; `likely` is a route that may be one for health, and where it is."""
    for found in indexes:
        if found.credentials:
            yield (
                f"{found.source} holds credentials: they get into the build, and into version control; "
                "use --index-secret"
            )
    if settings is not None and not settings.whitenoise:
        yield "nothing serves Django's static files where DEBUG is off: WhiteNoise does, or a proxy in front"
    if settings is not None and settings.static_outside:
        yield "STATIC_ROOT is outside of the code: what is collected there does not get into the image"
    if settings is not None and settings.sqlite:
        yield "SQLite's file would lie in the code, which is read-only in a container: put it on a volume, or elsewhere"
    if likely is not None:
        yield f"`{likely[0].path}` in {likely[1]} may be for health; if so pass --health-path with its whole path"


def of_dependencies(deps: Dependencies, indexes: Sequence[Index]) -> Iterator[str]:
    """Yield what to say of what will be installed."""
    cpu = any("/whl/cpu" in found.url for found in indexes) or "+cpu" in (deps.pinned.get("torch") or "")
    cuda = sorted(name for name in deps.pinned if name.startswith("nvidia-") and name != "nvidia-ml-py")
    lists = deps.kind in {"requirements", "pyproject"}
    if cuda or (lists and "torch" in deps.pinned and not cpu):
        yield (
            "torch comes with CUDA, several GB in the image: for a machine without a GPU take it from "
            "https://download.pytorch.org/whl/cpu"
        )
    if deps.ssh:
        yield "a dependency comes over SSH: the build takes the keys of your agent, `docker build --ssh default`"


def of_request(request: ScaffoldRequest, root: Path, deps: Dependencies, builds: Sequence[str]) -> Iterator[str]:
    """Yield what the files that are asked for will still need; `builds` are requirements of the build system."""
    if request.https and not (root / "ssl/cert.pem").exists():
        yield f"there is no `ssl/cert.pem` yet: `asgictl gen-cert --group {request.uid}` makes it, with its key"
    if "k8s" in request.wanted and request.domain is None:
        yield "the Ingress is for app.example.com: pass --domain"
    if request.index_secret and not (root / Path(request.index_secret).expanduser()).exists():
        yield f"there is no `{request.index_secret}`, which the build mounts"
    if any(re.search(r"hatch-vcs|setuptools[-_]scm|versioningit", line) for line in builds):
        yield "the version comes from Git, which an image has not: set SETUPTOOLS_SCM_PRETEND_VERSION where it is built"
    if request.index_url and deps.kind == "pylock":
        yield "pylock.toml says where each file is to be fetched from: --index-url is for uv itself alone"
