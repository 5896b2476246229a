"""What the user should know of what will be installed."""

from collections.abc import Iterator, Sequence

from asgictl.scaffold.detect.index import Index
from asgictl.scaffold.project import Dependencies


def of(deps: Dependencies, indexes: Sequence[Index], passed_over: str | None) -> Iterator[str]:
    """Yield what to say of what will be installed, but not from the list that was `passed_over`."""
    if passed_over:
        yield f"the image has what `{deps.files[0]}` lists: --requirements {passed_over} takes that list"
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
    for found in indexes:
        if found.credentials:
            yield (
                f"{found.source} holds credentials: they get into the build, and into version control; "
                "use --index-secret"
            )
