"""What the user wants to have written."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Literal, NamedTuple, get_args

from asgictl.errors import ConfigError
from asgictl.option_types import Range, Trait

Target = Literal["docker", "compose", "dev", "watch", "prod", "swarm", "k8s", "systemd"]
TARGETS: tuple[Target, ...] = get_args(Target)

# What each target writes, beside the units, which are called after the project.
FILES: dict[Target, tuple[str, ...]] = {
    "docker": ("Dockerfile", ".dockerignore"),
    "compose": ("compose.yaml",),
    "dev": ("compose.dev.yaml",),
    "watch": ("compose.watch.yaml",),
    "prod": ("compose.prod.yaml", "Caddyfile", "deploy.sh"),
    "swarm": ("stack.yaml", "Caddyfile"),
    "k8s": ("k8s.yaml", "kustomization.yaml"),
}
# The files with names of their own, that nobody else has a part in.
NAMES = tuple(dict.fromkeys(name for names in FILES.values() for name in names if name != ".dockerignore"))


# The targets whose files an option is in; those that answer what a look at the project asks are for all.
USED: Mapping[str, tuple[Target, ...]] = {
    **dict.fromkeys(("ingress_class", "gateway", "proxy_namespace", "pull_secret"), ("k8s",)),
    "apt": ("docker",),
    "build_env": ("docker", "systemd"),
    "image": ("swarm", "k8s"),
    "replicas": ("prod", "swarm", "k8s"),
    "domain": ("docker", "prod", "swarm", "k8s"),
    "registry_prefix": ("docker", "prod", "swarm"),
    "index_url": ("docker", "compose"),
    "index_secret": ("docker", "compose", "swarm", "k8s"),
    "mode": ("docker", "compose", "dev"),
    "https": ("docker", "compose"),
    "tty": ("compose",),
    "restart": ("compose", "prod", "swarm"),
    "memory": ("compose", "swarm", "k8s", "systemd"),
    "volume": ("docker", "compose", "dev", "swarm", "k8s", "systemd"),
    "workers": ("docker", "systemd"),
    "port_env": ("docker", "compose", "swarm", "k8s"),
    "startup_time": ("docker", "prod", "k8s", "systemd"),
    "uid": ("docker", "swarm", "k8s"),
}


class Volume(NamedTuple):
    """A place to write to that stays, and where it is mounted."""

    name: str
    path: str

    def inside(self, workdir: str) -> str | None:
        """Return the path below `workdir`, or None for one elsewhere."""
        return self.path.removeprefix(f"{workdir}/") if self.path.startswith(f"{workdir}/") else None


class ScaffoldRequest(NamedTuple):
    """The options of `asgictl scaffold` that say what the files are like; None is "find out", or "the usual".

    `graceful` is in seconds. `targets` names the files that are asked for, with commas between them.
    """

    app: Annotated[str | None, Trait.ACTION] = None
    targets: str = "docker,compose,dev"
    mode: Literal["copy", "bind"] = "copy"
    deps: str | None = None
    requirements: Annotated[str | None, Trait.PATH] = None
    extra: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    python: str | None = None
    base: str | None = None
    name: str | None = None
    port: Annotated[int, Range(1, 65535)] = 8000
    port_env: str | None = None
    health_path: str | None = None
    workers: Annotated[int | None, Range(1, 512)] = None
    runner: Literal["auto", "asgictl", "uvicorn"] = "auto"
    factory: bool = False
    settings: str | None = None
    build_env: tuple[str, ...] = ()
    workdir: str = "/app"
    apt: tuple[str, ...] = ()
    index_url: str | None = None
    index_secret: str | None = None
    registry_prefix: str | None = None
    image: str | None = None
    domain: str | None = None
    ingress_class: str | None = None
    gateway: str | None = None
    proxy_namespace: str | None = None
    pull_secret: str | None = None
    replicas: Annotated[int, Range(1, 1000)] = 2
    memory: str = "512M"
    restart: str | None = None
    tty: bool = False
    volume: tuple[str, ...] = ()
    uid: Annotated[int, Range(1, 2**31 - 2)] = 10001
    startup_time: Annotated[int, Range(1, 3600)] = 60
    graceful: Annotated[int, Range(1, 3600)] = 8
    https: bool = False

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """The places to write to that stay."""
        return tuple(Volume(*text.split(":", 1)) for text in self.volume)

    def on_volume(self, path: str) -> bool:
        """Tell whether a path in the container lies on one of them."""
        return any(f"{path}/".startswith(f"{it.path}/") for it in self.volumes)

    @property
    def wanted(self) -> tuple[Target, ...]:
        """The targets, in their order; raises `ConfigError` for a name that is not one."""
        return parse_targets(self.targets)


def parse_targets(text: str) -> tuple[Target, ...]:
    """Return the targets that `text` names, with commas between them, in their order; raise `ConfigError`."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return TARGETS
    for name in names:
        if name not in TARGETS:
            hint = f"choose from {', '.join(TARGETS)}, or all"
            raise ConfigError(f"there is no target `{name}`", hint=hint, option="for")
    if not names:
        raise ConfigError("`--for` is empty", hint=f"choose from {', '.join(TARGETS)}, or all", option="for")
    return tuple(target for target in TARGETS if target in names)


def check_used(request: ScaffoldRequest, typed: AbstractSet[str]) -> None:
    """Raise `ConfigError` for an option that the user has typed, and that none of the files has a place for."""
    for name, targets in USED.items():
        if name in typed and not set(targets) & set(request.wanted):
            option = name.replace("_", "-")
            hint = f"add {_listed(targets, 'or')} to --for {','.join(request.wanted)}"
            raise ConfigError(f"`--{option}` is for {_listed(targets, 'and')}", hint=hint, option=option)


def _listed(targets: Sequence[Target], word: str) -> str:
    *others, last = targets
    return f"{', '.join(others)} {word} {last}" if others else last
