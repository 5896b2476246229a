"""What the files of some targets build on, and is written with them where it is not there yet."""

from collections.abc import Iterator
from pathlib import Path

from asgictl import reading, signature
from asgictl.scaffold.request import FILES, ScaffoldRequest, Target

_ON_COMPOSE = {"dev", "watch", "prod"}
_ON_IMAGE = {"compose", "swarm", "k8s"}


def with_missing(request: ScaffoldRequest, root: Path) -> tuple[ScaffoldRequest, str | None]:
    """Return the request with the targets without whose files its own cannot run, and a note that names those."""
    missing = list(_missing(request, root))
    if not missing:
        return request, None
    told = ", ".join(f"{target} (there is no `{FILES[target][0]}`)" for target in missing)
    return request._replace(targets=",".join((*missing, *request.wanted))), f"added to --for: {told}"


def _missing(request: ScaffoldRequest, root: Path) -> Iterator[Target]:
    wanted = set(request.wanted)
    on_compose, on_image = wanted & _ON_COMPOSE, wanted & _ON_IMAGE
    if on_compose and not _is_others(root / FILES["compose"][0]):
        on_image |= on_compose
    if on_image and "docker" not in wanted and not (root / FILES["docker"][0]).exists():
        yield "docker"
    if on_compose and "compose" not in wanted and not (root / FILES["compose"][0]).exists():
        yield "compose"


def _is_others(file: Path) -> bool:
    """Tell whether a compose file is somebody else's, whose images may be built elsewhere."""
    try:
        return not signature.is_ours(reading.text(file, errors="replace"))
    except OSError:
        return file.exists()
