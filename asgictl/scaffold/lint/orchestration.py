"""The rules for compose files, Kubernetes manifests and units: above all, the time that the server has to stop."""

import configparser
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from asgictl import reading
from asgictl.errors import FileProblemError
from asgictl.scaffold.lint import command_line
from asgictl.scaffold.lint.command_line import Server
from asgictl.scaffold.lint.problem import Problem

_COMPOSE_USUAL = 10.0
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "min": 60, "sec": 1, "": 1}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|sec|s|m|h|)")


class _Loader(yaml.SafeLoader):
    """YAML with the tags of compose, whose values are taken as they are."""


def _reason(error: Exception) -> str:
    """Return what is wrong with a file, in one line."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"{getattr(error, 'problem', '')} in line {mark.line + 1}"
    return " ".join(str(error).split())


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
        loaded = list(yaml.load_all(reading.text(file), Loader=_Loader))  # it is safe
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise FileProblemError(f"cannot read `{file}`: {_reason(error)}", hint="put it right, or remove it") from error
    return [document for document in loaded if isinstance(document, dict)]


def compose(file: Path, server: Server | None, stages: Sequence[str]) -> Iterator[Problem]:
    """Yield what is wrong with a compose file for an image that starts `server` and is built in `stages`."""
    base = file.name == "compose.yaml"
    for document in documents(file):
        for name, service in _at(document, "services").items():
            if not isinstance(service, dict):
                continue
            place = f"{file.name}: {name}"
            yield from _exposed(service, place)
            if not _is_ours(service):
                continue
            target = _at(service, "build").get("target")
            if stages and target is not None and str(target).lower() not in stages:
                yield Problem("build-target", place, f"the Dockerfile has no stage `{target}`")
            command = service.get("command")
            words = command if isinstance(command, list) else str(command or "").split()
            started = command_line.server([str(word) for word in words]) if words else server
            yield from _stopping(service, place, started, base=base)
            yield from _published(
                service, place, (started.port if started else None) or (server.port if server else None)
            )


def _is_ours(service: dict[str, Any]) -> bool:
    """Tell whether a service is built in this folder."""
    build = service.get("build")
    if not isinstance(build, dict):
        return str(build) in {".", "./"}
    other = "dockerfile_inline" in build or str(build.get("dockerfile", "Dockerfile")) not in {
        "Dockerfile",
        "./Dockerfile",
    }
    return not other and str(build.get("context", ".")) in {".", "./"}


def _stopping(service: dict[str, Any], place: str, started: Server | None, *, base: bool) -> Iterator[Problem]:
    given = service.get("stop_grace_period")
    if base or given is not None:
        left = _seconds(given) if given is not None else _COMPOSE_USUAL
        yield from _budget(place, "stop_grace_period", left, started.graceful if started else None)


def _published(service: dict[str, Any], place: str, port: int | None) -> Iterator[Problem]:
    for entry in _list(service.get("ports")):
        text = entry.get("target") if isinstance(entry, dict) else str(entry).rpartition(":")[2]
        target = str(text).partition("/")[0]
        if port and re.fullmatch(r"[0-9]+", target) and int(target) != port:
            yield Problem("published-port", place, f"port {target} is published, and the server listens on {port}")


def _exposed(service: dict[str, Any], place: str) -> Iterator[Problem]:
    if service.get("privileged") is True:
        yield Problem("privileged", place, "a privileged container is root on the host")
    for volume in _list(service.get("volumes")):
        if "docker.sock" in str(volume):
            yield Problem("privileged", place, "whoever has docker.sock is root on the host")


def kubernetes(file: Path, server: Server | None) -> Iterator[Problem]:
    """Yield what is wrong with the workloads of a manifest, for an image that starts `server`."""
    for document in documents(file):
        if str(document.get("kind")) not in {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}:
            continue
        pod = _at(document, "spec", "template", "spec")
        place = f"{file.name}: {document['kind']} {_at(document, 'metadata').get('name')}"
        containers = [one for one in _list(pod.get("containers")) if isinstance(one, dict)]
        for container in containers:
            words = [str(word) for key in ("command", "args") for word in _list(container.get(key))]
            started = command_line.server(words) if words else server
            if started is not None and (words or len(containers) == 1):
                yield from _container(container, pod, place, started)
        if not any(_at(one, "securityContext").get("runAsNonRoot") for one in (pod, *containers)):
            yield Problem("non-root", place, "runAsNonRoot is not set")


def _container(container: dict[str, Any], pod: dict[str, Any], place: str, started: Server) -> Iterator[Problem]:
    left = _seconds(pod.get("terminationGracePeriodSeconds") or 30)
    if started.graceful is not None:
        yield from _budget(place, "terminationGracePeriodSeconds", left, started.graceful + _prestop(container))
    if not container.get("readinessProbe"):
        yield Problem("probes", place, "there is no readinessProbe: requests come before the server is ready")
    ports = [entry.get("containerPort") for entry in _list(container.get("ports")) if isinstance(entry, dict)]
    if started.port and ports and started.port not in ports:
        text = f"containerPort is {ports[0]}, and the server listens on {started.port}"
        yield Problem("published-port", place, text)
    resources = _at(container, "resources")
    wanted, limit = (_bytes(_at(resources, key).get("memory")) for key in ("requests", "limits"))
    if wanted and limit and wanted > limit:
        yield Problem("memory", place, "more memory is requested than the limit allows")


def _prestop(container: dict[str, Any]) -> float:
    """Return the seconds that a hook sleeps before the server is told to stop."""
    hook = _at(container, "lifecycle", "preStop")
    text = " ".join(str(word) for word in _list(_at(hook, "exec").get("command")))
    slept = re.search(r"\bsleep (\d+(?:\.\d+)?)", text)
    return float(slept[1]) if slept else _seconds(_at(hook, "sleep").get("seconds") or 0)


def _bytes(text: object) -> int | None:
    match = re.fullmatch(r"(\d+)(Mi|Gi|M|G)", str(text))
    sizes = {"Mi": 2**20, "Gi": 2**30, "M": 10**6, "G": 10**9}
    return int(match[1]) * sizes[match[2]] if match else None


def unit(file: Path) -> Iterator[Problem]:
    """Yield what is wrong with a service of systemd's."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(re.sub(r"\\\n", " ", reading.text(file)))
    except (OSError, UnicodeDecodeError, AttributeError, configparser.Error) as error:
        raise FileProblemError(f"cannot read `{file}`: {_reason(error)}", hint="put it right, or remove it") from error
    if not parser.has_section("Service"):
        return
    service = parser["Service"]
    started = command_line.server((service.get("ExecStart") or "").split())
    if started is not None:
        yield from _budget(
            file.name, "TimeoutStopSec", _seconds(service.get("TimeoutStopSec") or "90"), started.graceful
        )
    if started is not None and "DynamicUser" not in service and service.get("User", "root") in {"root", "0"}:
        yield Problem("non-root", file.name, "the server runs as root: set DynamicUser=yes, or User=")


def _budget(place: str, name: str, left: float, wanted: float | None) -> Iterator[Problem]:
    if wanted is not None and left < (most := wanted + command_line.LAST_WORDS):
        text = f"{name} is {left:g} s, and the server takes up to {most:g} s: it would be killed"
        yield Problem("stop-budget", place, text)


def _seconds(text: object) -> float:
    """Return a duration like 1m30s, or a number of seconds; infinity for what is none."""
    bare = str(text).strip()
    if not re.fullmatch(rf"(\s*{_DURATION.pattern})+", bare):
        return float("inf")
    found = _DURATION.findall(bare)
    return sum(float(number) * _UNITS[unit] for number, unit in found)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _at(value: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
