"""The rules for a stack file: what `docker stack deploy` refuses, leaves out in silence, or can never carry out."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from asgictl import reading
from asgictl.scaffold import swarm_stack
from asgictl.scaffold.lint import command_line
from asgictl.scaffold.lint.command_line import Server
from asgictl.scaffold.lint.containers import at, budget, documents, exposed, listed, seconds, size
from asgictl.scaffold.lint.problem import Problem

# What the schema of version 3 has not: https://docs.docker.com/reference/compose-file/legacy-versions/
_REFUSED = ("mem_limit", "mem_reservation", "cpus", "extends", "profiles", "scale", "runtime", "volumes_from")
# What is dropped, the first ones without a word (tried with 20.10).
_DROPPED = ("tmpfs", "depends_on", "container_name", "build", "restart", "security_opt", "privileged", "network_mode")
_USUAL_GRACE = 10.0


def stack(file: Path, server: Server | None, command: Sequence[str] = ()) -> Iterator[Problem]:
    """Yield what is wrong with a stack file, whose service `web` has an image that starts `server` by `command`."""
    for document in documents(file):
        if not str(document.get("version", "")).startswith("3"):
            yield Problem("stack-option", file.name, 'Docker 20.10 refuses a file without `version: "3.8"`')
        for name in ("name", "include"):
            if name in document:
                yield Problem("stack-option", file.name, f"Docker 20.10 refuses `{name}`")
        yield from _configs(file, document)
        for name, service in at(document, "services").items():
            if isinstance(service, dict):
                place = f"{file.name}: {name}"
                yield from _options(service, place)
                yield from _rolling(service, place)
                yield from exposed(service, place)
                words = [str(word).replace("$$", "$") for word in listed(service.get("command"))]
                if command and swarm_stack.has_variables(words) and words[-len(command) :] != list(command):
                    text = f"its command does not end with the image's, `{shlex.join(command)}`"
                    yield Problem("stack-command", place, text)
                started = command_line.server(words) if words else server if name == "web" else None
                given = service.get("stop_grace_period")
                left = _USUAL_GRACE if given is None else seconds(given)
                yield from budget(place, "stop_grace_period", left, started.graceful if started else None)
        yield from _kept(file, document)


def _options(service: dict[str, Any], place: str) -> Iterator[Problem]:
    for name in _REFUSED:
        if name in service:
            yield Problem("stack-option", place, f"`docker stack deploy` refuses `{name}`")
    for name in _DROPPED:
        if name in service:
            yield Problem("stack-option", place, f"`docker stack deploy` leaves `{name}` out")
    if any(isinstance(entry, dict) for entry in listed(service.get("env_file"))):
        yield Problem("stack-option", place, "`docker stack deploy` refuses `env_file` with `path`")
    if "image" not in service:
        yield Problem("stack-option", place, "there is no image, and a stack does not build")


def _rolling(service: dict[str, Any], place: str) -> Iterator[Problem]:
    update = at(service, "deploy", "update_config")
    starts_first = update.get("order") == "start-first"
    on_host = any(isinstance(entry, dict) and entry.get("mode") == "host" for entry in listed(service.get("ports")))
    if starts_first and on_host:
        text = "start-first cannot work with ports in host mode: the old task holds them until the new one runs"
        yield Problem("rolling-update", place, text)
    if starts_first and at(service, "healthcheck").get("disable") is True:
        yield Problem("rolling-update", place, "without a health check a new task counts as ready at once")
    if at(service, "deploy").get("endpoint_mode") == "dnsrr" and listed(service.get("ports")) and not on_host:
        yield Problem("rolling-update", place, "with dnsrr ports can be published in host mode only")
    resources = at(service, "deploy", "resources")
    wanted, limit = (size(at(resources, key).get("memory")) for key in ("reservations", "limits"))
    if wanted and limit and wanted > limit:
        yield Problem("memory", place, "more memory is reserved than the limit allows")


def _configs(file: Path, document: dict[str, Any]) -> Iterator[Problem]:
    """Yield configs that cannot be deployed again: one that exists cannot change."""
    for name, config in at(document, "configs").items():
        source = at(config).get("file")
        match = re.search(r"-([0-9a-f]{12})$", str(at(config).get("name", "")))
        content = file.parent / str(source)
        if source is None or match is None or not content.is_file():
            continue
        now = swarm_stack.hashed(reading.text(content, errors="replace"))
        if now != match[1]:
            text = f"`{source}` has changed, and a config cannot: end its name with {now}"
            yield Problem("config-name", f"{file.name}: {name}", text)


def _kept(file: Path, document: dict[str, Any]) -> Iterator[Problem]:
    """Yield services whose volumes stay behind when they move to another node."""
    local = {name for name, volume in at(document, "volumes").items() if not at(volume).get("driver")}
    for name, service in at(document, "services").items():
        mounted = {str(it).partition(":")[0] for it in listed(at(service).get("volumes")) if isinstance(it, str)}
        placed = listed(at(service, "deploy", "placement").get("constraints"))
        if mounted & local and not placed:
            volume = min(mounted & local)
            text = f"the volume `{volume}` exists on one node only, and no constraint keeps the service there"
            yield Problem("placement", f"{file.name}: {name}", text)
