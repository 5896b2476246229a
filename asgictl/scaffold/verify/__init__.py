"""Try an image as an orchestrator would: build it, run it locked down, ask it, upload to it, stop it."""

import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Generator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

from asgictl import image
from asgictl.errors import FileProblemError, StartError
from asgictl.scaffold import plan, server_command
from asgictl.scaffold.lint import dockerfile
from asgictl.scaffold.project import Project
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.verify import (
    asking,
    compose_env,
    compose_volumes,
    container_variables,
    host_check,
    lacks,
    refusals,
)
from asgictl.scaffold.verify.engine import Engine, EngineError

_LAST_LINES = 12
_LOCKED_DOWN = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
_MEGABYTE = 1_000_000
_KILLED = 128 + 9


class Step(NamedTuple):
    """One step: what was seen, and how long it took, in seconds; `lines` are the container's last ones if it failed.

    `hint` is what to do about a failure, where that can be told.
    """

    name: str
    passed: bool
    seen: str
    seconds: float
    lines: tuple[str, ...] = ()
    hint: str | None = None


class _FailedError(Exception):
    def __init__(self, seen: str, lines: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(seen)
        self.lines = lines
        self.hint = hint


def verify(
    engine: Engine, project: Project, request: ScaffoldRequest, hears: Callable[[str], object]
) -> Generator[Step, None, None]:
    """Yield the steps until one fails; everything is removed afterwards. `hears` gets each line of the build."""
    if not (project.root / "Dockerfile").is_file():
        raise FileProblemError(f"there is no `Dockerfile` in `{project.root}`", hint="write it: `asgictl scaffold`")
    trial = _Trial(engine, project, plan.resolved(project, request), hears)
    try:
        for name, step in trial.steps:
            began = time.monotonic()
            try:
                seen = step()
            except (_FailedError, EngineError) as error:
                took, last = time.monotonic() - began, error.lines[-_LAST_LINES:]
                advice = error.hint if isinstance(error, _FailedError) else None
                advice = advice or refusals.hint(error.lines, request)
                unset = [it for it in project.variables if it not in trial.variables] if name == "ready" else []
                advice = advice or lacks.hint(error.lines, project.deps.kind, project.root / ".env", unset)
                yield Step(name, passed=False, seen=str(error), seconds=took, lines=last, hint=advice)
                return
            yield Step(name, passed=True, seen=seen, seconds=time.monotonic() - began)
    finally:
        trial.clean_up()


class _Trial:
    """One image and one container, with a name that no other run has."""

    def __init__(
        self, engine: Engine, project: Project, request: ScaffoldRequest, hears: Callable[[str], object]
    ) -> None:
        self.engine = engine
        self.project = project
        self.request = request
        self.hears = hears
        self.name = f"{project.name}-verify-{secrets.token_hex(4)}"
        self.image = image.read(project.root / "Dockerfile")
        server = dockerfile.server_of(self.image)
        self.port = server.port if server and server.port else request.port
        self.client = asking.ContainerClient(("127.0.0.1", 0), project.asking.headers)
        self.variables = _variables(project, request, self.port)
        self.steps: tuple[tuple[str, Callable[[], str]], ...] = (
            ("build", self.build),
            ("ready", self.start),
            ("health", self.health),
            ("request", self.ask),
            ("upload", self.upload),
            ("user", self.user),
            ("stop", self.stop),
        )

    def build(self) -> str:
        secret = self.request.index_secret
        mounted = ("--secret", f"id=netrc,src={Path(secret).expanduser()}") if secret else ()
        index = os.environ.get("PIP_INDEX_URL")
        given = ("--build-arg", "PIP_INDEX_URL") if index else ()
        agent = ("--ssh", "default") if self.project.deps.ssh else ()
        place = ("--file", "Dockerfile", self.project.up) if self.project.deps.home else (".",)
        arguments = ("build", *self.engine.build_options, "--tag", self.name, *mounted, *agent, *given, *place)
        self.engine.call(*arguments, hears=self.hears, folder=self.project.root)
        size = int(self.engine.call("image", "inspect", "--format", "{{.Size}}", self.name))
        return f"{size / _MEGABYTE:.0f} MB"

    def start(self) -> str:
        bare = self.image.stages[-1].name == "server"
        tmp = ("--tmpfs", f"/tmp:size={plan.tmp_size(self.request.memory).lower()}")  # noqa: S108  # the container's
        mounts = [_bind(self.project.root, self.request.workdir)] if bare else []
        mounts += [f"type=volume,target={it.path}" for it in self.request.volumes]
        mounts += [f"type=volume,target={it.target}" for it in compose_volumes.read(self.project.root) if it.volume]
        published = ("--publish", f"127.0.0.1::{self.port}")
        mounted = [word for mount in dict.fromkeys(mounts) for word in ("--mount", mount)]
        with container_variables.handed(self.variables) as (given, environ):
            options = (*_LOCKED_DOWN, *tmp, *published, *given, *mounted)
            # Or the container could appear after `clean_up` has looked for it.
            arguments = ("run", "--detach", "--name", self.name, *options, self.name)
            self.engine.call(*arguments, folder=self.project.root, whole=True, environ=environ)
        began = time.monotonic()
        self.client = self.client._replace(address=self._address())
        while time.monotonic() - began < self.request.startup_time:
            if (status := self.client.get(self.project.health.path)) is not None:
                return f"answers {status} after {time.monotonic() - began:.1f} s"
            if self._state()["Status"] != "running":
                raise _FailedError(f"the container exited with status {self._state()['ExitCode']}", self._logs())
            time.sleep(0.05)
        raise _FailedError(f"there is no answer after {self.request.startup_time} s", self._logs())

    def health(self) -> str:
        looked = json.loads(self.engine.call("image", "inspect", "--format", "{{json .}}", self.name))
        places = (looked.get("Config") or {}, looked)
        checks = [place[key] for place in places for key in ("Healthcheck", "HealthCheck") if place.get(key)]
        test = checks[0].get("Test") or ["NONE"] if checks else ["NONE"]
        if test[0] == "NONE":
            return "the image has no check of its own"
        command = test[1:] if test[0] == "CMD" else ["sh", "-c", test[1]]
        try:
            self.engine.call("exec", self.name, *command)
        except EngineError as error:
            self._blame_host("its own check fails", {self.client.get(self.project.health.path)})
            raise _FailedError("the image's own check fails", self._logs()) from error
        return f"its own check of {self.project.health.path} passes"

    def ask(self) -> str:
        health = self.project.health
        asked = {"/": 500} | {health.path: 400 if health.strict else 500}
        seen, statuses = [], set[int | None]()
        for path, limit in reversed(asked.items()):
            status = self.client.get(path)
            statuses.add(status)
            if status is None or status >= limit:
                self._blame_host(f"GET {path} answers {status}", {status})
                raise _FailedError(f"GET {path} answers {status}", self._logs())
            # Neither a kubelet nor Docker would see what lies behind.
            redirected = path == health.path and health.strict and status in range(300, 400)
            advice = ", a redirect: pass --health-path with where it leads" if redirected else ""
            seen.append(f"GET {path} answers {status}{advice}")
        self._blame_host(", ".join(seen), statuses)
        return ", ".join(seen)

    def _blame_host(self, seen: str, statuses: AbstractSet[int | None]) -> None:
        """Raise `_FailedError` where every answer is about the host that was asked for."""
        if statuses == {host_check.REFUSED} and host_check.refuses(self.client, self.project, f"/{self.name}"):
            problem = f"{seen}: {host_check.problem(self.project)}"
            raise _FailedError(problem, self._logs(), host_check.hint(self.project))

    def upload(self) -> str:
        """Send more than servers keep in memory; no route is known that would keep it, so any answer is a good one."""
        path = self.project.health.path
        status = self.client.upload(path, asking.LARGE)
        size = f"{asking.LARGE / _MEGABYTE:.0f} MB"
        if status is None and self.client.get(path) is not None:
            return f"POST {path} of {size} is refused before all of it is sent"
        if status is None or status >= 500:  # noqa: PLR2004  # an error of the server's
            raise _FailedError(f"POST {path} of {size} answers {status}", self._logs())
        return f"POST {path} of {size} answers {status}"

    def user(self) -> str:
        text = self.engine.call("exec", self.name, "cat", "/proc/1/status")
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        uid, capabilities = fields["Uid"].split()[0], int(fields["CapEff"].strip(), 16)
        if uid == "0":
            raise _FailedError("the server runs as root")
        return f"uid {uid}, {'no capabilities' if not capabilities else f'capabilities {capabilities:x}'}"

    def stop(self) -> str:
        budget = plan.budgets(self.request.graceful)["compose"]
        began = time.monotonic()
        self.engine.call("stop", "--time", str(budget), self.name)
        took = time.monotonic() - began
        status, lines = self._state()["ExitCode"], self._logs()
        if status != 0:
            killed = status == _KILLED
            how = (
                f"was killed after {took:.1f} s: the signal did not reach it"
                if killed
                else f"exited with status {status}"
            )
            raise _FailedError(f"the server {how}", lines)
        if failed := [line for line in lines if "shutdown failed" in line.lower()]:
            raise _FailedError(failed[-1].strip(), lines)
        return f"status 0 after {took:.1f} s, {budget} s allowed"

    def clean_up(self) -> None:
        """Remove the container and the image, whatever signal comes; raise `StartError` for what is left."""
        heard = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for arguments in (("rm", "--force", "--volumes", self.name), ("image", "rm", "--force", self.name)):
                try:
                    self.engine.call(*arguments)
                except EngineError as error:
                    if not any("no such" in line.lower() or "not known" in line.lower() for line in error.lines):
                        problem = f"cannot remove `{self.name}`: {error.lines[-1] if error.lines else error}"
                        command = f"{self.engine.name} {' '.join(arguments)}"
                        raise StartError(problem, hint=f"remove it with `{command}`") from error
        finally:
            for number, handler in heard.items():
                signal.signal(number, handler)

    def _address(self) -> tuple[str, int]:
        """Return the published address, or the last words of a container that has ended already."""
        try:
            host, _, port = self.engine.call("port", self.name, str(self.port)).splitlines()[0].rpartition(":")
        except (EngineError, IndexError) as error:
            if self._state()["Status"] != "running":
                problem = f"the container exited with status {self._state()['ExitCode']}"
                raise _FailedError(problem, self._logs()) from error
            raise
        return host, int(port)

    def _state(self) -> dict[str, object]:
        state: dict[str, object] = json.loads(self.engine.call("inspect", "--format", "{{json .State}}", self.name))
        return state

    def _logs(self) -> tuple[str, ...]:
        lines = self.engine.call("logs", self.name).splitlines()
        return tuple(line for line in lines if line.strip())


def untried(project: Project, request: ScaffoldRequest) -> tuple[str, ...]:
    """Return in words what a trial leaves out."""
    paths = " and ".join(dict.fromkeys((project.health.path, "/")))
    mounts = [mount.source for mount in compose_volumes.read(project.root) if not mount.volume]
    stand_ins = _stand_ins(project, request)
    return (
        f"other routes than {paths}",
        "other services, like a database",
        *(["WebSockets"] if project.websockets else []),
        *(["HTTPS"] if request.https else []),
        *(["the proxy"] if "prod" in request.wanted else []),
        *(f"`{source}`, which compose.yaml mounts" for source in mounts if request.mode != "bind"),
        *([f"real values of {', '.join(stand_ins)}, which .env does not set"] if stand_ins else []),
    )


def _bind(folder: Path, target: str) -> str:
    """Return what mounts a folder, whose path may hold a comma: engines read the value as a line of CSV."""
    source = str(folder).replace('"', '""')
    return f'type=bind,"source={source}",target={target},readonly'


def _variables(project: Project, request: ScaffoldRequest, port: int) -> dict[str, str]:
    """Return the variables of the container: of `.env`, those without which the settings do not load, and the port."""
    return {
        **_stand_ins(project, request),
        **compose_env.read(project.root / ".env", os.environ),
        server_command.port_variable(request): str(port),
    }


def _stand_ins(project: Project, request: ScaffoldRequest) -> dict[str, str]:
    """Return values for what `.env` does not set; hosts that are let in have to be those that a trial asks by."""
    given = compose_env.read(project.root / ".env", os.environ)
    chosen = {setting.partition("=")[0] for setting in request.build_env}
    host = project.asking.host or "127.0.0.1"
    return {
        name: host if name.endswith("HOSTS") and name not in chosen else value
        for name, value in plan.trial_variables(project, request).items()
        if name not in given
    }
