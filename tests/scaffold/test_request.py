"""What values the options of `scaffold` take, and what is said of those that they do not."""

import contextlib
from typing import Any

import pytest

from asgictl.errors import ConfigError
from asgictl.scaffold.accepted import as_name, check, is_name
from asgictl.scaffold.detect import detect
from asgictl.scaffold.plan import plan
from asgictl.scaffold.request import TARGETS, USED, ScaffoldRequest, check_used, parse_targets
from tests.scaffold.conftest import APP, Lay


def failure(error: ConfigError) -> tuple[str, str | None, str | None]:
    """Return what an error says, and the option that it is about."""
    return error.message, error.hint, error.option


NAME_HINT = "use up to 63 lower-case letters, digits and dashes, beginning with a letter"
CREDENTIALS = "write the URL without them, and pass --index-secret netrc with a file `machine HOST login … password …`"
NO_CODE = "drop --mode, or choose --for docker,compose,dev"
NO_TLS = "drop --https, or choose --for docker,compose,dev"
IN_CLUSTER = "a name in Kubernetes: lower-case letters, digits, dashes and dots"
PATH_SIGNS = "letters, digits and `. _ ~ / @ + -`"
WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"name": "My Shop"},
        "`My Shop` cannot be a name in compose and Kubernetes",
        f"{NAME_HINT}, like `my-shop`",
        "name",
    ),
    ({"name": "123"}, "`123` cannot be a name in compose and Kubernetes", NAME_HINT, "name"),
    *(
        ({key.replace("-", "_"): "!"}, f"`--{key} !` is not {what}", f"write it like {example}", key)
        for key, what, example in [
            ("port-env", "the name of a variable", "PORT"),
            ("workdir", "a folder from `/` on, of letters, digits and `. _ -`", "/app"),
            ("health-path", "the path of a route, which begins with one `/` and has no query", "/healthz"),
            ("base", "the name of an image", "python:3.13-slim-bookworm"),
            ("registry-prefix", "a registry, with its path, without a scheme", "registry.example.com/hub/"),
            ("image", "the name of an image, in lower case, without a tag", "registry.example.com/team/shop"),
            ("ingress-class", IN_CLUSTER, "nginx"),
            ("gateway", IN_CLUSTER, "public or infra/public"),
            ("proxy-namespace", "a namespace: lower-case letters, digits and dashes", "ingress-nginx"),
            ("pull-secret", IN_CLUSTER, "registry"),
            ("python", "a version of Python 3", "3.13"),
            ("domain", "a domain in lower case, without a scheme, a port or a path", "app.example.com"),
            ("memory", "a whole number of megabytes or gigabytes, with M or G", "512M or 2G"),
            ("restart", "a restart policy of compose", "no, always, unless-stopped or on-failure:5"),
            ("requirements", f"a path that a Dockerfile takes: {PATH_SIGNS}", "requirements/prod.txt"),
            ("index-secret", f"a path that a compose file takes: {PATH_SIGNS}", "netrc"),
            ("settings", "the name of a module, with dots", "conf.settings.production"),
        ]
    ),
    *(
        ({"port_env": name}, f"`{name}` means something else to every program", "write it like PORT", "port-env")
        for name in [
            *("ASGICTL_SERVE_HOST", "UVICORN_HOST", "PYTHONPATH", "PATH", "HOME", "LANG", "WEB_CONCURRENCY"),
            *("DJANGO_SETTINGS_MODULE", "FORWARDED_ALLOW_IPS"),
        ]
    ),
    (
        {"apt": ("git", "X")},
        "`X` is not the name of a Debian package",
        "write it like libpq5, --apt once for each",
        "apt",
    ),
    *(
        (
            {"build_env": ("A=1", setting)},
            f"`--build-env {setting}` is not {what}",
            "write it like NAME=value, --build-env once for each",
            "build-env",
        )
        for setting, what in [
            *((text, "a variable and its value") for text in ("A", "=1", "A B=1", "A=1\n", "PATH")),
            *(
                (f"{name}=x", f"for the settings: `{name}` says how programs run")
                for name in ("PATH", "LD_PRELOAD", "PYTHONPATH")
            ),
        ]
    ),
    *(
        (
            {option: ("api", name)},
            f"`--{option} {name}` is not a name of letters, digits and `. _ -`, "
            "the first and the last a letter or a digit",
            f"write it like api, --{option} once for each",
            option,
        )
        for option in ("extra", "group")
        for name in ("x; id", "x y", "-x", "x\n", "$x", "")
    ),
    *(
        (
            {"volume": (text,)},
            f"`--volume {text}` {why}",
            "write it like uploads:/app/uploads or data:/var/lib/data",
            "volume",
        )
        for why, texts in {
            "is not NAME:/PATH, a name in lower case and the whole path of a folder": (
                *("x", "x:", "x:y", "X:/y", "x:/y:ro", "x:/y z", "x:/y/../z", "x:/", "-x:/y", "x:/y/"),
            ),
            "would hide a folder of the system's": ("x:/etc", "x:/tmp/y", "x:/var", "x:/opt/venv/x"),
            "would hide the code": ("x:/app",),
        }.items()
        for text in texts
    ),
    *(
        (
            {"volume": ("x:/y", text)},
            f"`--volume {text}` has a name or a path that another one has",
            "give each a name and a path of its own",
            "volume",
        )
        for text in ("x:/z", "z:/y")
    ),
    *(
        ({"workdir": path}, f"`--workdir {path}` is no place for code", "write it like /app or /srv/shop", "workdir")
        for path in [
            *("/tmp/x", "/proc", "/sys", "/dev", "/etc", "/usr/x", "/bin", "/sbin", "/lib64", "/root", "/run", "/boot"),
            *("/opt/venv", "/opt/venv/x", "/opt", "/var", "/home", "/mnt", "/a/../b", "/./a"),
        ]
    ),
    (
        {"index_url": "https://me@x.example/y"},
        "`--index-url` holds credentials, which would stay in files and in the image's history",
        CREDENTIALS,
        "index-url",
    ),
    *(
        (
            {"index_url": url},
            f"`{url}` is not the URL of an index",
            "write it like https://mirror.example.com/simple",
            "index-url",
        )
        for url in ("x", "ftp://x.example", "https://", "https://x.example:99999", "https://x.example/ä", "http://[::1")
    ),
    *(
        (
            {"mode": "bind", "targets": f"docker,{it}"},
            f"`--mode` does not go with {it}: the image has no code",
            NO_CODE,
            "mode",
        )
        for it in ("watch", "prod", "k8s")
    ),
    *(
        (
            {"https": True, "targets": f"docker,{it}"},
            f"`--https` does not go with {it}: there a proxy in front speaks TLS",
            NO_TLS,
            "https",
        )
        for it in ("prod", "k8s", "systemd")
    ),
    (
        {"mode": "bind", "targets": "all"},
        "`--mode` does not go with watch, prod, swarm, k8s: the image has no code",
        NO_CODE,
        "mode",
    ),
    (
        {"domain": "10.0.0.1", "targets": "k8s"},
        "`10.0.0.1` is an address: an Ingress of Kubernetes wants a name",
        "write it like app.example.com",
        "domain",
    ),
]


@pytest.mark.parametrize(("fields", "message", "hint", "option"), WRONG)
def test_wrong_values(fields: dict[str, Any], message: str, hint: str, option: str) -> None:
    """A value that some file could not hold is told with the option, and one that it could."""
    with pytest.raises(ConfigError) as error:
        check(ScaffoldRequest(**fields))

    assert failure(error.value) == (message, hint, option)


SLIM = "take a Debian variant: --base python:3.13-slim-trixie, or python:3.13-slim-bookworm"
MUSL = "it is Alpine, which has no apt-get and no useradd, and whose musl runs no manylinux wheels"
RPM = "it has no apt-get, which the Dockerfile installs system packages with"
SHELL = "it has no shell, which the Dockerfile's RUN lines need"
BASES = [
    ("python:3.13-alpine", MUSL),
    ("python:3.13.1-alpine3.20@sha256:0a", MUSL),
    ("ghcr.io/astral-sh/uv:python3.13-alpine", MUSL),
    ("registry.access.redhat.com/ubi9/python-312", RPM),
    ("fedora:40", RPM),
    ("public.ecr.aws/lambda/python:3.13", RPM),
    ("gcr.io/distroless/python3-debian12", SHELL),
    ("cgr.dev/chainguard/python:latest-dev", SHELL),
    ("python:3.13-windowsservercore-ltsc2022", "it is for Windows"),
    ("pypy:3.13-slim", "its Python is PyPy, which is not called `python` there"),
    ("debian:bookworm-slim", "it has no Python"),
    ("docker.io/library/ubuntu", "it has no Python"),
]


@pytest.mark.parametrize(("base", "reason"), BASES)
def test_bases_that_cannot_work(base: str, reason: str) -> None:
    """A base on which the Dockerfile cannot be built is refused with the reason, and Debian's variants are named."""
    with pytest.raises(ConfigError) as error:
        check(ScaffoldRequest(base=base))

    assert failure(error.value) == (f"`--base {base}` does not do: {reason}", SLIM, "base")


RIGHT: list[dict[str, Any]] = [
    *({"port_env": name} for name in ("PORT", "_x1", "ASGICTL_SERVE_PORT", "UVICORN_PORT", "MY_PATH", "HOMES")),
    *({"workdir": path} for path in ("/app", "/srv/x-1_.y", "/opt/x", "/var/x", "/home/x", "/tmpx", "/opt/venvs")),
    *({"health_path": path} for path in ("/", "/a/b", "/%20@+:~-._")),
    *({"python": version} for version in ("3.9", "3.14", "3.14.12")),
    *({"memory": size} for size in ("1M", "999999999G")),
    *({"restart": word} for word in ("no", "always", "unless-stopped", "on-failure", "on-failure:9999")),
    *({"index_url": url} for url in ("http://x.example", "https://x.example:1/y?z=1&a=%20", "http://[::1]/x")),
    *({"domain": name, "targets": "k8s"} for name in ("localhost", "a.b", "1a.2", "x" * 63)),
    {"domain": "10.0.0.1"},
    *(
        {"base": name}
        for name in (
            *("python:3.13", "python:3.13-slim-trixie", "ghcr.io/astral-sh/uv:python3.13-bookworm-slim"),
            *("registry.example.com:5000/alpine-team/base:1", "alpine.example.com/debian", "nikolaik/python-nodejs"),
        )
    ),
    *({"image": name} for name in ("shop", "me/shop", "localhost:5000/a_b/c__d.e-f", "r.example:5/x--y")),
    *({"gateway": name} for name in ("public", "infra/public.web")),
    {"mode": "bind"},
    {"https": True},
    {"name": "a" * 63},
    {"apt": ("g++", "libgl1-x.y")},
    {"volume": ("uploads:/app/uploads", "x2:/var/lib/data", "y:/srv/a.b_c-d")},
]


@pytest.mark.parametrize("fields", RIGHT)
def test_right_values(fields: dict[str, Any]) -> None:
    """What the files can hold is taken."""
    check(ScaffoldRequest(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        *({"health_path": path} for path in ("a", "//a", "/a b", "")),
        *({"python": version} for version in ("3", "2.7", "3.123", "3.1.1234")),
        *({"memory": size} for size in ("0M", "01M", "1K", "1", "9999999999M")),
        *({"restart": word} for word in ("yes", "on-failure:0", "on-failure:12345", "on-failure:")),
        *({"domain": name} for name in ("A.b", "a..b", "-a", "a-", "x" * 64, "a." * 127)),
        *({"port_env": name} for name in ("1X", "X-Y")),
        *({"workdir": path} for path in ("app", "/app/", "/a b")),
        *(
            {"image": name}
            for name in ("shop:1", "r.example/shop:1", "shop@sha256:0a", "Shop", "a//b", "/a", "a.-b", "a:5")
        ),
        *({"gateway": name} for name in ("a/b/c", "/a", "a/", "A", "a.b/c", "a b")),
        *({option: "x\ny"} for option in ("ingress_class", "proxy_namespace", "pull_secret")),
        {"proxy_namespace": "a.b"},
        {"name": "a" * 64},
    ],
)
def test_values_beside(fields: dict[str, str]) -> None:
    """What is just beside that is refused for its own option."""
    with pytest.raises(ConfigError) as error:
        check(ScaffoldRequest(**fields))  # type: ignore[arg-type]

    assert error.value.option == next(iter(fields)).replace("_", "-")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Shop!", "my-shop"),
        ("--1a--b--", "a-b"),
        ("yes", "yes-app"),
        ("N", "n-app"),
        ("a" * 70, "a" * 63),
        (f"{'a' * 62}  b", "a" * 62),
        ("123", None),
        ("äö", None),
        *((word, f"{word}-app") for word in ("null", "true", "false", "no", "on", "off", "y")),
    ],
)
def test_names(text: str, name: str | None) -> None:
    """The name that comes next to a text is one that every file takes."""
    assert as_name(text) == name
    assert name is None or (is_name(name) and not is_name(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("all", TARGETS), (" dev , docker,dev,", ("docker", "dev")), *((target, (target,)) for target in TARGETS)],
)
def test_targets(text: str, expected: tuple[str, ...]) -> None:
    """Targets are told by their names, in any order."""
    assert parse_targets(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("docker,podman", "there is no target `podman`"),
        (" , ", "`--for` is empty"),
        ("all,dev", "there is no target `all`"),
    ],
)
def test_wrong_targets(text: str, problem: str) -> None:
    """A target that there is not is told with those that there are."""
    with pytest.raises(ConfigError) as error:
        parse_targets(text)

    assert failure(error.value) == (
        problem,
        "choose from docker, compose, dev, watch, prod, swarm, k8s, systemd, or all",
        "for",
    )


GIVEN: dict[str, Any] = {
    "ingress_class": "nginx",
    "gateway": "infra/public",
    "proxy_namespace": "web",
    "pull_secret": "registry",
    "apt": ("libpq5",),
    "build_env": ("SECRET_KEY=x",),
    "image": "r.test/shop",
    "replicas": 3,
    "domain": "shop.test",
    "registry_prefix": "r.test/hub",
    "index_url": "https://mirror.test/simple",
    "index_secret": "netrc",
    "mode": "bind",
    "https": True,
    "tty": True,
    "restart": "no",
    "memory": "1G",
    "volume": ("data:/data",),
    "workers": 3,
    "port_env": "HTTP_PORT",
    "startup_time": 90,
    "uid": 4321,
}
DJANGO = {
    "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "conf")\n',
    "conf.py": (
        'import os\nSECRET_KEY = os.environ["SECRET_KEY"]\nSTATIC_ROOT = "static"\n'
        'INSTALLED_APPS = ["django.contrib.staticfiles"]\n'
    ),
    "requirements.txt": "django\n",
    "main.py": APP,
}
PACKAGE = {
    "shop/__init__.py": "",
    "shop/main.py": APP,
    "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["x"]\n[build-system]\nrequires = ["hatchling"]\n',
}


@pytest.mark.parametrize("option", USED)
def test_what_options_are_for(lay: Lay, option: str) -> None:
    """An option counts as used by those targets whose files it changes, and by no others."""
    changed = set()
    for app, laid in (("main:app", DJANGO), ("shop.main:app", PACKAGE)):
        root = lay({f"{app}/{name}": content for name, content in laid.items()}, None) / app
        bare = ScaffoldRequest(app=app, runner="asgictl")
        requests = [bare, bare._replace(**{option: GIVEN[option]})]
        projects = [detect(request, root) for request in requests]
        for target in TARGETS:
            asked = [request._replace(targets=target) for request in requests]
            with contextlib.suppress(ConfigError):  # the two do not go together
                check(asked[1])
                before, after = map(plan, projects, asked)
                changed |= {target} if before != after else set()

    assert changed == set(USED[option])


def test_an_option_for_other_targets() -> None:
    """An option that no file takes is an error where it is typed; one that is kept for other files is not."""
    request = ScaffoldRequest(targets="docker,dev", gateway="x", replicas=3)

    check_used(request, {"targets"})
    check_used(request._replace(targets="docker,k8s"), {"gateway", "replicas"})
    several = ("replicas", "prod, swarm and k8s", "prod, swarm or k8s")
    for option, targets, others in (("gateway", "k8s", "k8s"), several):
        with pytest.raises(ConfigError) as error:
            check_used(request, {option})
        assert failure(error.value) == (f"`--{option}` is for {targets}", f"add {others} to --for docker,dev", option)
