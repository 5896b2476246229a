"""What the user should know of a project before it runs elsewhere."""

from collections.abc import Iterator, Sequence

from asgictl.scaffold.detect.django import Settings
from asgictl.scaffold.detect.health import Route
from asgictl.scaffold.detect.index import Index
from asgictl.scaffold.detected import Dependencies
from asgictl.scaffold.request import ScaffoldRequest


def notes(
    request: ScaffoldRequest,
    deps: Dependencies,
    settings: Settings | None,
    indexes: Sequence[Index],
    likely: tuple[Route, str] | None,
) -> Iterator[str]:
    """Yield what to say; `likely` is a route that may be one for health, and where it is."""
    for found in indexes:
        if found.credentials:
            yield (
                f"{found.source} holds credentials: they get into the build, and into version control; "
                "use --index-secret"
            )
    if settings is not None and not settings.whitenoise:
        yield "nothing serves Django's static files where DEBUG is off: WhiteNoise does, or a proxy in front"
    if likely is not None:
        yield f"`{likely[0].path}` in {likely[1]} may be for health; if so pass --health-path with its whole path"
    if request.index_url and deps.kind == "pylock":
        yield "pylock.toml says where each file is to be fetched from: --index-url is for uv itself alone"
