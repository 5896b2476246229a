"""The rules for compose files, Kubernetes manifests and units: above all, the time that the server has to stop."""

import configparser
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from asgictl import reading
from asgictl.errors import FileProblemError
from asgictl.scaffold.lint import command_line
from asgictl.scaffold.lint.command_line import Server
from asgictl.scaffold.lint.containers import at, budget, documents, exposed, listed, reason, seconds, size
from asgictl.scaffold.lint.problem import Problem

_COMPOSE_USUAL = 10.0


def compose(file: Path, server: Server | None, stages: Sequence[str]) -> Iterator[Problem]:
    """Yield what is wrong with a compose file for an image that starts `server` and is built in `stages`."""
    base = file.name == "compose.yaml"
    for document in documents(file):
        for name, service in at(document, "services").items():
            if not isinstance(service, dict):
                continue
            place = f"{file.name}: {name}"
            yield from exposed(service, place)
            if not _is_ours(service):
                continue
            target = at(service, "build").get("target")
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
        left = seconds(given) if given is not None else _COMPOSE_USUAL
        yield from budget(place, "stop_grace_period", left, started.graceful if started else None)


def _published(service: dict[str, Any], place: str, port: int | None) -> Iterator[Problem]:
    for entry in listed(service.get("ports")):
        text = entry.get("target") if isinstance(entry, dict) else str(entry).rpartition(":")[2]
        target = str(text).partition("/")[0]
        if port and re.fullmatch(r"[0-9]+", target) and int(target) != port:
            yield Problem("published-port", place, f"port {target} is published, and the server listens on {port}")


def kubernetes(file: Path, server: Server | None) -> Iterator[Problem]:
    """Yield what is wrong with the workloads of a manifest, for an image that starts `server`."""
    for document in documents(file):
        if str(document.get("kind")) not in {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}:
            continue
        pod = at(document, "spec", "template", "spec")
        place = f"{file.name}: {document['kind']} {at(document, 'metadata').get('name')}"
        containers = [one for one in listed(pod.get("containers")) if isinstance(one, dict)]
        for container in containers:
            words = [str(word) for key in ("command", "args") for word in listed(container.get(key))]
            started = command_line.server(words) if words else server
            if started is not None and (words or len(containers) == 1):
                yield from _container(container, pod, place, started)
        if not any(at(one, "securityContext").get("runAsNonRoot") for one in (pod, *containers)):
            yield Problem("non-root", place, "runAsNonRoot is not set")


def _container(container: dict[str, Any], pod: dict[str, Any], place: str, started: Server) -> Iterator[Problem]:
    left = seconds(pod.get("terminationGracePeriodSeconds") or 30)
    if started.graceful is not None:
        yield from budget(place, "terminationGracePeriodSeconds", left, started.graceful + _prestop(container))
    if not container.get("readinessProbe"):
        yield Problem("probes", place, "there is no readinessProbe: requests come before the server is ready")
    ports = [entry.get("containerPort") for entry in listed(container.get("ports")) if isinstance(entry, dict)]
    if started.port and ports and started.port not in ports:
        text = f"containerPort is {ports[0]}, and the server listens on {started.port}"
        yield Problem("published-port", place, text)
    resources = at(container, "resources")
    wanted, limit = (size(at(resources, key).get("memory")) for key in ("requests", "limits"))
    if wanted and limit and wanted > limit:
        yield Problem("memory", place, "more memory is requested than the limit allows")


def _prestop(container: dict[str, Any]) -> float:
    """Return the seconds that a hook sleeps before the server is told to stop."""
    hook = at(container, "lifecycle", "preStop")
    text = " ".join(str(word) for word in listed(at(hook, "exec").get("command")))
    slept = re.search(r"\bsleep (\d+(?:\.\d+)?)", text)
    return float(slept[1]) if slept else seconds(at(hook, "sleep").get("seconds") or 0)


def unit(file: Path) -> Iterator[Problem]:
    """Yield what is wrong with a service of systemd's."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(re.sub(r"\\\n", " ", reading.text(file)))
    except (OSError, UnicodeDecodeError, AttributeError, configparser.Error) as error:
        raise FileProblemError(f"cannot read `{file}`: {reason(error)}", hint="put it right, or remove it") from error
    if not parser.has_section("Service"):
        return
    service = parser["Service"]
    started = command_line.server((service.get("ExecStart") or "").split())
    if started is not None:
        yield from budget(file.name, "TimeoutStopSec", seconds(service.get("TimeoutStopSec") or "90"), started.graceful)
    if started is not None and "DynamicUser" not in service and service.get("User", "root") in {"root", "0"}:
        yield Problem("non-root", file.name, "the server runs as root: set DynamicUser=yes, or User=")
