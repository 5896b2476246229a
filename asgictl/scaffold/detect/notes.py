"""What the user should know of a project before it runs elsewhere."""

import contextlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.version import InvalidVersion, Version

from asgictl import reading
from asgictl.scaffold import ignore_files
from asgictl.scaffold.accepted import PATH, is_place
from asgictl.scaffold.detect.index import Index
from asgictl.scaffold.detect.monorepo.workspaces import Sibling
from asgictl.scaffold.django.django_settings import DjangoSettings
from asgictl.scaffold.project import Asking, Dependencies, NamedFile, Statics
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.uses import client_state
from asgictl.scaffold.uses.client_state import Kept
from asgictl.scaffold.uses.health import Route
from asgictl.scaffold.uses.hosts import Allowed

# Compose reads those, and not the image.
_VARIABLES = re.compile(r"(^|/)\.?[^/]*\.?env(\.[^/]*)?$")
# Ingress classes whose annotations are known.
_STICKY = {"nginx", "traefik"}
# https://github.com/encode/uvicorn/pull/2231
_WITH_NETWORKS = Version("0.31")


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
    if settings is not None and settings.static_outside and not is_place(settings.static_outside):
        yield "STATIC_ROOT is outside of the code: what is collected there does not get into the image"
    if settings is not None and settings.debug:
        place = f"{settings.debug.file.name}:{settings.debug.line}"
        yield f"DEBUG is on in {place}: anybody sees Django's debug page; --settings takes other settings"
    if likely is not None:
        yield f"`{likely[0].path}` in {likely[1]} may be for health; if so pass --health-path with its whole path"


def of_dependencies(deps: Dependencies, indexes: Sequence[Index], passed_over: str | None) -> Iterator[str]:
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


def of_files(named: Iterable[NamedFile], public: Sequence[str]) -> Iterator[str]:
    """Yield what the source opens and the image does not get; `public` are certificates, which it does."""
    secret, usual = ignore_files.left_out(ignore_files.SECRETS), ignore_files.left_out(ignore_files.USUAL)
    for found in named:
        if secret(found.path) and found.path not in public and not _VARIABLES.search(found.path):
            yield f"`{found.path}` in {found.place} stays out of the image, for it may be a secret: mount it"
        elif not PATH.fullmatch(found.path) and usual(found.path):
            yield f"`{found.path}` in {found.place} stays out of the image: its name has signs that no file here takes"


def of_unread(files: Sequence[str]) -> Iterator[str]:
    """Yield what to say of files of which nothing is known."""
    if files:
        others = f" and {len(files) - 1} more" if len(files) > 1 else ""
        version = ".".join(map(str, sys.version_info[:2]))
        problem = f"`{files[0]}`{others} cannot be read as Python {version}, and was not compared"
        yield f"{problem}; try a newer one for asgictl"


def of_variables(variables: Mapping[str, str], root: Path) -> Iterator[str]:
    """Yield the variables that have no default, with their places, as far as `.env` does not set them."""
    text = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = reading.text(root / ".env")
    missing = [name for name in variables if not re.search(rf"(?m)^\s*(export\s+)?{name}\s*[=:]", text)]
    if missing:
        listed = ", ".join(f"{name} ({variables[name]})" for name in missing)
        yield f"the app needs variables that have no default, and that `.env` does not set: {listed}"


def of_hosts(
    lets_in: Allowed | None, asking: Asking, settings: DjangoSettings | None, request: ScaffoldRequest
) -> Iterator[str]:
    """Yield what a check that asks by this machine's own address would be answered; an Ingress asks for --domain."""
    if lets_in is None or lets_in.anybody or asking.host is not None or "k8s" in request.wanted:
        return
    answered = "a check may be answered 400, which counts as healthy" if settings else "a check is turned away"
    yield f"the hosts of {lets_in.place} are not all in the source: {answered}, unless --domain says one"


def of_siblings(siblings: Iterable[Sibling], request: ScaffoldRequest) -> Iterator[str]:
    """Yield which libraries of the repository an edit does not reach while developing."""
    for it in siblings:
        if it.compiled and "dev" in request.wanted:
            yield f"`{it.path}` is compiled: after an edit there start compose.dev.yaml again, with --build"


def of_clients(kept: Kept | None, shared: Iterable[Kept], request: ScaffoldRequest) -> Iterator[str]:
    """Yield what several processes do to clients that a cookie does not help."""
    if request.replicas > 1 and {"prod", "swarm", "k8s"} & set(request.wanted):
        others, one = "replicas", "pass --replicas 1"
    elif (request.workers or 1) > 1:
        others, one = "workers", "drop --workers"
    else:
        return
    if kept is not None and kept.what == client_state.MCP:
        yield (
            f"a session of MCP, which begins in {kept.place}, is in one process, and few clients send the cookie that "
            f"leads back to it: pass stateless_http=True there, or {one}"
        )
    each = [f"`{it.what}` in {it.place}" for it in shared]
    if each:
        more = f" and {len(each) - 1} more" if len(each) > 1 else ""
        yield (
            f"{each[0]}{more} {'know' if more else 'knows'} the clients of one process, and those of other {others} "
            f"hear nothing: send messages through Redis, for example, or {one}"
        )


def of_request(request: ScaffoldRequest, root: Path, deps: Dependencies, builds: Sequence[str]) -> Iterator[str]:
    """Yield what the files that are asked for will still need; `builds` are requirements of the build system."""
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


def of_units(request: ScaffoldRequest) -> Iterator[str]:
    """Yield what a service of systemd's does not do by the runner that was asked for; of another one more is said."""
    if "systemd" in request.wanted and request.runner == "uvicorn":
        yield "at a restart uvicorn resets connections that have just come in; asgictl, as the runner, answers them"


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


def of_statics(request: ScaffoldRequest, statics: Statics | None) -> Iterator[str]:
    """Yield what an option for collecting static files means where that is not done."""
    if request.build_env and statics is None:
        yield "--build-env is for collecting Django's static files, and there are none"
