"""What options, and the project's own files, may say: what every written file can hold, and is safe there."""

import re
from urllib.parse import urlsplit

from asgictl.errors import ConfigError
from asgictl.scaffold import suitable_base
from asgictl.scaffold.project import Project
from asgictl.scaffold.request import ScaffoldRequest, parse_targets

# What holds for a name of a Kubernetes Service (RFC 1035 label) holds for compose projects and systemd units, too.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
YAML_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Variables that a stand-in may be given for: not those that a command needs to run.
STAND_IN = re.compile(r"(?!(PATH|HOME|LANG|USER|PWD|LD_\w*|PYTHON\w*|DJANGO_SETTINGS_MODULE)$)[A-Za-z_][A-Za-z0-9_]*")
_WORKDIR = re.compile(r"(/[A-Za-z0-9._-]+)+")
# Variables that say something else to the server or to Python.
_MEANT = re.compile(
    r"(ASGICTL|UVICORN)_(?!\w*PORT$)\w*|PYTHON\w*|PATH|HOME|LANG|WEB_CONCURRENCY|DJANGO_\w+|FORWARDED_\w+"
)
# Folders of the system's, of the virtual environment, and the one that is a tmpfs.
_SYSTEM = r"/(tmp|proc|sys|dev|etc|usr|bin|sbin|lib\w*|root|run|boot|opt/venv)/"
_TAKEN = re.compile(rf"{_SYSTEM}|/(opt|var|home|mnt)/$")
_NO_VOLUME = re.compile(rf"{_SYSTEM}|/(opt|var|var/lib|home)/$")
_LONGEST_VOLUME = 42
_VOLUME = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?):((?:/[A-Za-z0-9._-]+)+)")
HEALTH_PATH = re.compile(r"/(?!/)[A-Za-z0-9._~/%+@:-]*")
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:@-]*")
# https://github.com/distribution/reference/blob/main/regexp.go, without a tag or a digest.
_IMAGE_NAME = re.compile(
    r"([a-z0-9][a-z0-9.-]*(:[0-9]+)?/)?[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*"
)
_PREFIX = re.compile(r"[a-z0-9][A-Za-z0-9.-]*(:[0-9]+)?(/[a-z0-9._-]+)*/?")
# https://packaging.python.org/en/latest/specifications/name-normalization/#name-format
_GROUP = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_APT = re.compile(r"[a-z0-9][a-z0-9.+-]+")
_PYTHON = re.compile(r"3\.[0-9]{1,2}(\.[0-9]{1,3})?")
DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_GATEWAY = re.compile(rf"({_LABEL.pattern}/)?{_SUBDOMAIN.pattern}")
_IN_CLUSTER = "a name in Kubernetes: lower-case letters, digits, dashes and dots"
_GROUP_SIGNS = "letters, digits and `. _ -`, the first and the last a letter or a digit"
_PATH_SIGNS = "letters, digits and `. _ ~ / @ + -`"
_MEMORY = re.compile(r"[1-9][0-9]{0,8}[MG]")
_RESTART = re.compile(r"no|always|unless-stopped|on-failure(:[1-9][0-9]{0,3})?")
PATH = re.compile(r"(?!-)[A-Za-z0-9._~/@+-]+")
# Files may be called otherwise than Python's names, like `my-app.py`; what begins with a dash would be an option.
_MODULE = r"(?!-)[\w-]+(\.[\w-]+)*"
MODULE = re.compile(_MODULE)
_APP = re.compile(rf"{_MODULE}:[^\W\d]\w*(\.[^\W\d]\w*)*")


# The values that an option takes, what they are, and an example.
_SHAPES = (
    ("port_env", VARIABLE, "the name of a variable", "PORT"),
    ("workdir", _WORKDIR, "a folder from `/` on, of letters, digits and `. _ -`", "/app"),
    ("health_path", HEALTH_PATH, "the path of a route, which begins with one `/` and has no query", "/healthz"),
    ("base", _IMAGE, "the name of an image", "python:3.13-slim-bookworm"),
    ("registry_prefix", _PREFIX, "a registry, with its path, without a scheme", "registry.example.com/hub/"),
    ("image", _IMAGE_NAME, "the name of an image, in lower case, without a tag", "registry.example.com/team/shop"),
    ("ingress_class", _SUBDOMAIN, _IN_CLUSTER, "nginx"),
    ("gateway", _GATEWAY, _IN_CLUSTER, "public or infra/public"),
    ("proxy_namespace", _LABEL, "a namespace: lower-case letters, digits and dashes", "ingress-nginx"),
    ("pull_secret", _SUBDOMAIN, _IN_CLUSTER, "registry"),
    ("python", _PYTHON, "a version of Python 3", "3.13"),
    ("domain", DOMAIN, "a domain in lower case, without a scheme, a port or a path", "app.example.com"),
    ("memory", _MEMORY, "a whole number of megabytes or gigabytes, with M or G", "512M or 2G"),
    ("restart", _RESTART, "a restart policy of compose", "no, always, unless-stopped or on-failure:5"),
    ("requirements", PATH, f"a path that a Dockerfile takes: {_PATH_SIGNS}", "requirements/prod.txt"),
    ("settings", MODULE, "the name of a module, with dots", "conf.settings.production"),
    ("index_secret", PATH, f"a path that a compose file takes: {_PATH_SIGNS}", "netrc"),
)


def is_name(name: str) -> bool:
    """Tell whether `name` is one for compose, for Kubernetes and for a unit, and text to YAML."""
    return _NAME.fullmatch(name) is not None and name not in YAML_WORDS


def as_name(text: str) -> str | None:
    """Return the name that comes next to `text`, or None where nothing is left of it."""
    close = re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789")[:63].rstrip("-")
    close = f"{close}-app" if close in YAML_WORDS else close
    return close if is_name(close) else None


def is_place(folder: str) -> bool:
    """Tell whether an absolute path is one for a folder of its own in an image."""
    parts = set(folder.split("/"))
    return bool(_WORKDIR.fullmatch(folder)) and not _TAKEN.match(f"{folder}/") and not {".", ".."} & parts


def check(request: ScaffoldRequest) -> None:
    """Raise `ConfigError` for a value that some file could not hold, or that would be unsafe in one."""
    parse_targets(request.targets)
    if request.name is not None and not is_name(request.name):
        close = as_name(request.name)
        problem = f"`{request.name}` cannot be a name in compose and Kubernetes"
        hint = "use up to 63 lower-case letters, digits and dashes, beginning with a letter"
        raise ConfigError(problem, hint=f"{hint}, like `{close}`" if close else hint, option="name")
    for name, pattern, what, example in _SHAPES:
        value = getattr(request, name)
        if value is not None and not pattern.fullmatch(value):
            option = name.replace("_", "-")
            problem = f"`--{option} {value}` is not {what}"
            raise ConfigError(problem, hint=f"write it like {example}", option=option)
    if request.port_env and _MEANT.fullmatch(request.port_env):
        problem = f"`{request.port_env}` means something else to every program"
        raise ConfigError(problem, hint="write it like PORT", option="port-env")
    if not is_place(request.workdir):
        problem = f"`--workdir {request.workdir}` is no place for code"
        raise ConfigError(problem, hint="write it like /app or /srv/shop", option="workdir")
    if request.base is not None:
        suitable_base.check(request.base)
    if request.index_url is not None:
        _check_index(request.index_url)
    _check_repeated(request)
    _check_company(request)


def _check_repeated(request: ScaffoldRequest) -> None:
    """Raise `ConfigError` for one of the options that may be given several times."""
    for setting in request.build_env:
        name, equals, value = setting.partition("=")
        if not (STAND_IN.fullmatch(name) and equals and value.isprintable()):
            own = equals and VARIABLE.fullmatch(name) and value.isprintable()
            what = f"for the settings: `{name}` says how programs run" if own else "a variable and its value"
            problem = f"`--build-env {setting}` is not {what}"
            raise ConfigError(problem, hint="write it like NAME=value, --build-env once for each", option="build-env")
    check_choices(request)
    for package in request.apt:
        if not _APT.fullmatch(package):
            problem = f"`{package}` is not the name of a Debian package"
            raise ConfigError(problem, hint="write it like libpq5, --apt once for each", option="apt")
    _check_volumes(request)


def check_choices(request: ScaffoldRequest) -> None:
    """Raise `ConfigError` for an extra or a group that has no name of one: it would be words of a command."""
    for option, names in (("extra", request.extra), ("group", request.group)):
        for name in names:
            if not _GROUP.fullmatch(name):
                problem = f"`--{option} {name}` is not a name of {_GROUP_SIGNS}"
                raise ConfigError(problem, hint=f"write it like api, --{option} once for each", option=option)


def check_project(project: Project) -> None:
    """Raise `ConfigError` for what no file could hold, or would be unsafe in one, as `check` does for the options."""
    app = project.app
    rename = "rename it: letters, digits and `. _ ~ @ + -` do"
    checked = (
        ((app.name,), _APP, "the name of an app", "rename its file or folder, or name another app"),
        ((app.settings, app.desk), MODULE, "the name of a module with Django's settings", "pass --settings MODULE"),
        (app.folders, PATH, "a folder that a Dockerfile takes", rename),
        (project.deps.files, PATH, "a file that a Dockerfile takes", rename),
        (tuple(project.statics.variables) if project.statics else (), STAND_IN, "the name of a variable", "rename it"),
        ((project.statics.outside if project.statics else None,), _WORKDIR, "a folder for an image", "rename it"),
        ((project.health.path,), HEALTH_PATH, "a path to ask", "pass --health-path"),
        ((project.python,), _PYTHON, "a version of Python", "pass --python 3.13"),
        ((project.name,), _NAME, "a name in compose and Kubernetes", "pass --name"),
    )
    for values, pattern, what, hint in checked:
        for value in values:
            if value is not None and not pattern.fullmatch(value):
                raise ConfigError(f"`{value}`, which the project names, is not {what}", hint=hint)


def check_workers(project: Project, request: ScaffoldRequest) -> None:
    """Raise `ConfigError` for several processes behind one listener where a client has to come back to the same."""
    if project.affinity is not None and (request.workers or 1) > 1:
        place, what = project.affinity.split(", ", 1)
        raise ConfigError(
            f"{what} in {place} keeps a client's state in one process, and --workers {request.workers} has several",
            hint=f"drop --workers, and pass --replicas {request.workers}: their proxy sends a client to the same one",
            option="workers",
        )


def volume_for(path: str, request: ScaffoldRequest) -> str | None:
    """Return what to pass to `--volume` for a path in the container, None where no volume can lie there."""
    close = (as_name(path.rpartition("/")[2]) or "data")[:_LONGEST_VOLUME].rstrip("-")
    others = {it.name for it in request.volumes}
    name = close if close not in others else f"{close[: _LONGEST_VOLUME - 2]}-2"
    try:
        _check_volumes(request._replace(volume=(*request.volume, f"{name}:{path}")))
    except ConfigError:
        return None
    return f"{name}:{path}"


def _check_volumes(request: ScaffoldRequest) -> None:
    seen: set[str] = set()
    for text in request.volume:
        name, _, path = text.partition(":")
        wrong = None
        if not _VOLUME.fullmatch(text) or {".", ".."} & set(path.split("/")):
            wrong = "is not NAME:/PATH, a name in lower case and the whole path of a folder"
        elif _NO_VOLUME.match(f"{path}/"):
            wrong = "would hide a folder of the system's"
        elif f"{request.workdir}/".startswith(f"{path}/"):
            wrong = "would hide the code"
        if wrong:
            hint = f"write it like uploads:{request.workdir}/uploads or data:/var/lib/data"
            raise ConfigError(f"`--volume {text}` {wrong}", hint=hint, option="volume")
        if {name, path} & seen:
            problem = f"`--volume {text}` has a name or a path that another one has"
            raise ConfigError(problem, hint="give each a name and a path of its own", option="volume")
        seen |= {name, path}


def _check_company(request: ScaffoldRequest) -> None:
    """Raise `ConfigError` for options that mean nothing beside the targets."""
    refused: tuple[tuple[bool, str, set[str], str], ...] = (
        (request.mode == "bind", "mode", {"watch", "prod", "swarm", "k8s"}, "the image has no code"),
        (request.https, "https", {"prod", "swarm", "k8s", "systemd"}, "there a proxy in front speaks TLS"),
    )
    for given, option, without, why in refused:
        others = [target for target in request.wanted if target in without]
        if given and others:
            problem = f"`--{option}` does not go with {', '.join(others)}: {why}"
            raise ConfigError(problem, hint=f"drop --{option}, or choose --for docker,compose,dev", option=option)
    if request.domain and "k8s" in request.wanted and request.domain.replace(".", "").isdigit():
        problem = f"`{request.domain}` is an address: an Ingress of Kubernetes wants a name"
        raise ConfigError(problem, hint="write it like app.example.com", option="domain")


def has_credentials(url: str) -> bool:
    """Tell whether a URL holds a user's name or a password."""
    return "@" in url.partition("://")[2].partition("/")[0]


def _check_index(url: str) -> None:
    if has_credentials(url):
        problem = "`--index-url` holds credentials, which would stay in files and in the image's history"
        hint = "write the URL without them, and pass --index-secret netrc with a file `machine HOST login … password …`"
        raise ConfigError(problem, hint=hint, option="index-url")
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1)
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"[A-Za-z0-9._~:/?&=%+\[\]-]+", url):
        problem = f"`{url}` is not the URL of an index"
        raise ConfigError(problem, hint="write it like https://mirror.example.com/simple", option="index-url")
