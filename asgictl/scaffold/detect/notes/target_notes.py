"""What the user should know of the targets: what they will still need, and what they do not do."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from packaging.version import InvalidVersion, Version

from asgictl.scaffold.detect.monorepo.workspaces import Sibling
from asgictl.scaffold.project import Dependencies, Project
from asgictl.scaffold.request import ScaffoldRequest

# Ingress classes whose annotations are known.
_STICKY = {"nginx", "traefik"}
# https://github.com/encode/uvicorn/pull/2231
_WITH_NETWORKS = Version("0.31")


def of(project: Project, request: ScaffoldRequest, builds: Sequence[str], siblings: Iterable[Sibling]) -> Iterator[str]:
    """Yield what the files that are asked for will still need.

    `builds` are requirements of the build system, `siblings` the libraries of the repository that are installed.
    """
    for it in siblings:
        if it.compiled and "dev" in request.wanted:
            yield f"`{it.path}` is compiled: after an edit there start compose.dev.yaml again, with --build"
    yield from _of_request(request, project.root, project.deps, builds)
    yield from of_cluster(
        request, project.affinity, websockets=project.websockets, uvicorn=project.deps.pinned.get("uvicorn")
    )
    if "systemd" in request.wanted and request.runner == "uvicorn":  # of another one more is said
        yield "at a restart uvicorn resets connections that have just come in; asgictl, as the runner, answers them"


def _of_request(request: ScaffoldRequest, root: Path, deps: Dependencies, builds: Sequence[str]) -> Iterator[str]:
    """Yield what options name and is not there yet."""
    if request.https and not (root / "ssl/cert.pem").exists():
        yield f"there is no `ssl/cert.pem` yet: `asgictl gen-cert --group {request.uid}` makes it, with its key"
    yield from _of_swarm(request, root)
    for volume in request.volumes:
        inside = volume.inside(request.workdir) if request.mode == "bind" else None
        if inside is not None and not (root / inside).is_dir():
            yield f"make the folder `{inside}`: in mounted code, which is read-only, no engine can"
    if request.index_secret and not (root / Path(request.index_secret).expanduser()).exists():
        yield f"there is no `{request.index_secret}`, which the build mounts"
    if any(re.search(r"hatch-vcs|setuptools[-_]scm|versioningit", line) for line in builds):
        yield "the version comes from Git, which the image lacks: set SETUPTOOLS_SCM_PRETEND_VERSION where it is built"
    if request.index_url and deps.kind == "pylock":
        yield "pylock.toml says where each file is to be fetched from: --index-url is for uv itself alone"


def _of_swarm(request: ScaffoldRequest, root: Path) -> Iterator[str]:
    if "swarm" not in request.wanted:
        return
    if request.image is None:
        names = "stack.yaml and k8s.yaml name" if "k8s" in request.wanted else "stack.yaml names"
        yield f"{names} an image without a registry, which other nodes cannot pull: pass --image"
    if not _filled(root / ".env"):
        yield "stack.yaml needs a `.env` for the app's variables: if it has none, `echo '# none' > .env`"
    if request.volumes:
        yield "a volume exists on one node only: stack.yaml keeps the app on the node that NODE names at the deploy"


def _filled(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def of_cluster(
    request: ScaffoldRequest, affinity: str | None, *, websockets: bool, uvicorn: str | None = None
) -> Iterator[str]:
    """Yield what Kubernetes is not told yet.

    `affinity` is what keeps a client's state in the process, and `uvicorn` the version that is locked.
    """
    if "k8s" not in request.wanted:
        return
    if request.domain is None:
        yield f"the {'HTTPRoute' if request.gateway else 'Ingress'} is for app.example.com: pass --domain"
    if request.image is None and "swarm" not in request.wanted:
        yield "a cluster takes the image from Docker Hub unless its name says another registry: pass --image"
    if request.proxy_namespace is None:
        yield (
            "every pod of the cluster reaches the app, and is believed for a proxy: pass --proxy-namespace, where that "
            "runs, for a NetworkPolicy"
        )
    with contextlib.suppress(InvalidVersion):
        if uvicorn and Version(uvicorn) < _WITH_NETWORKS:
            yield (
                f"uvicorn {uvicorn} knows no networks in FORWARDED_ALLOW_IPS, and so takes the proxy for the client: "
                f"update it to {_WITH_NETWORKS}"
            )
    if request.volumes and request.replicas > 1:
        yield f"{request.replicas} replicas share each volume, which has to be ReadWriteMany: or pass --replicas 1"
    if affinity and request.replicas > 1 and request.gateway:
        yield (
            f"{affinity}: a client has to stay with its pod, for which the Gateway API has `sessionPersistence` in its "
            "experimental channel only: pass --ingress-class, or --replicas 1"
        )
    elif affinity and request.replicas > 1 and request.ingress_class not in _STICKY:
        yield (
            f"{affinity}: a client has to stay with its pod, and how depends on the proxy: pass --ingress-class nginx "
            "or traefik, or --replicas 1"
        )
    elif websockets and not request.gateway and request.ingress_class is None:
        yield "nginx cuts WebSockets that are silent for a minute: pass --ingress-class nginx if it is the proxy"
