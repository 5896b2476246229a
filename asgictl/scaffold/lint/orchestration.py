"""The rules for compose files, Kubernetes manifests and units: above all, the time that the server has to stop."""

import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from asgictl.errors import FileProblemError
from asgictl.scaffold.lint import running
from asgictl.scaffold.lint.problem import Problem

_COMPOSE_USUAL = 10.0
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "min": 60, "sec": 1, "": 1}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|sec|s|m|h|)")


class _Loader(yaml.SafeLoader):
    """YAML with the tags of compose, whose values are taken as they are."""


def _any_tag(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


_Loader.add_multi_constructor("!", _any_tag)


def documents(file: Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file; raise `FileProblemError` for one that is none."""
    try:
        loaded = list(yaml.load_all(file.read_text(encoding="utf-8-sig"), Loader=_Loader))  # it is safe
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise FileProblemError(f"cannot read `{file}`: {reason}", hint="put its syntax right") from error
    return [document for document in loaded if isinstance(document, dict)]


def compose(file: Path, grace: float | None, port: int | None) -> Iterator[Problem]:
    """Yield what is wrong with a compose file for an image whose server takes `grace` seconds and listens on `port`."""
    base = file.name in {"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
    for document in documents(file):
        services = document.get("services")
        for name, service in services.items() if isinstance(services, dict) else ():
            if not isinstance(service, dict):
                continue
            place = f"{file.name}: {name}"
            yield from _exposed(service, place)
            if "build" not in service:
                continue
            command = service.get("command")
            started = running.server(command if isinstance(command, list) else str(command or "").split())
            wanted = started.graceful if started else grace
            given = service.get("stop_grace_period")
            if base or given is not None:
                left = _seconds(given) if given is not None else _COMPOSE_USUAL
                yield from _budget(place, "stop_grace_period", left, wanted)
            for text in service.get("ports") or ():
                target = str(text.get("target") if isinstance(text, dict) else str(text).rpartition(":")[2]).partition(
                    "/"
                )[0]
                if port is not None and target.isdigit() and int(target) != port:
                    yield Problem(
                        "published-port", place, f"port {target} is published, and the server listens on {port}"
                    )


def _exposed(service: dict[str, Any], place: str) -> Iterator[Problem]:
    if service.get("privileged") is True:
        yield Problem("privileged", place, "a privileged container is root on the host")
    for volume in service.get("volumes") or ():
        if "docker.sock" in str(volume):
            yield Problem("privileged", place, "whoever has docker.sock is root on the host")


def kubernetes(file: Path, grace: float | None, port: int | None) -> Iterator[Problem]:
    """Yield what is wrong with the workloads of a manifest."""
    for document in documents(file):
        if document.get("kind") not in {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}:
            continue
        pod = _at(document, "spec", "template", "spec")
        place = f"{file.name}: {document['kind']} {_at(document, 'metadata').get('name')}"
        containers = [one for one in pod.get("containers") or () if isinstance(one, dict)]
        for container in containers:
            words = [*map(str, container.get("command") or ()), *map(str, container.get("args") or ())]
            started = running.server(words)
            wanted = started.graceful if started else grace
            prestop = _prestop(container)
            left = float(pod.get("terminationGracePeriodSeconds", 30))
            if wanted is not None:
                yield from _budget(place, "terminationGracePeriodSeconds", left, wanted + prestop)
            if not container.get("readinessProbe"):
                yield Problem("probes", place, "there is no readinessProbe: requests come before the server is ready")
            ports = [entry.get("containerPort") for entry in container.get("ports") or ()]
            if port is not None and ports and port not in ports:
                yield Problem("published-port", place, f"containerPort is {ports[0]}, and the server listens on {port}")
        if not (
            _at(pod, "securityContext").get("runAsNonRoot")
            or all(_at(one, "securityContext").get("runAsNonRoot") for one in containers)
        ):
            yield Problem("non-root", place, "runAsNonRoot is not set")


def _prestop(container: dict[str, Any]) -> float:
    hook = _at(container, "lifecycle", "preStop")
    command = [str(word) for word in _at(hook, "exec").get("command") or ()]
    slept = command[1] if command[:1] == ["sleep"] and len(command) > 1 else _at(hook, "sleep").get("seconds", 0)
    return float(slept)


def unit(file: Path) -> Iterator[Problem]:
    """Yield what is wrong with a service of systemd's."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        reason = " ".join(str(error).split())
        raise FileProblemError(f"cannot read `{file}`: {reason}", hint="put its syntax right") from error
    if not parser.has_section("Service"):
        return
    service = parser["Service"]
    started = running.server((service.get("ExecStart") or "").split())
    if started is not None:
        yield from _budget(
            file.name, "TimeoutStopSec", _seconds(service.get("TimeoutStopSec") or "90"), started.graceful
        )
    if "DynamicUser" not in service and service.get("User", "root") in {"root", "0"}:
        yield Problem("non-root", file.name, "the server runs as root: set DynamicUser=yes, or User=")


def _budget(place: str, name: str, left: float, wanted: float | None) -> Iterator[Problem]:
    if wanted is not None and left < wanted + running.LAST_WORDS:
        text = f"{name} is {left:g} s, and the server takes up to {wanted + running.LAST_WORDS:g} s: it would be killed"
        yield Problem("stop-budget", place, text)


def _seconds(text: object) -> float:
    """Return a duration like 1m30s, or a number of seconds; infinity for what is none."""
    found = _DURATION.findall(str(text).strip())
    if not found or str(text).strip() in {"infinity", ""}:
        return float("inf")
    return sum(float(number) * _UNITS[unit] for number, unit in found)


def _at(value: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
