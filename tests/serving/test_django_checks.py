"""What Django's own server looks at: its checks and its migrations, with a Django that is none."""

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from asgictl.errors import AppLoadError
from asgictl.serving import django_checks


async def app(_scope: Any, _receive: Any, _send: Any) -> None:
    """Stand for the project's app."""


class Finding:
    """What a check finds."""

    def __init__(self, name: str, msg: str = "is wrong", hint: str | None = None, *, kind: str = "serious") -> None:
        self.id, self.msg, self.hint, self._kind = name, msg, hint, kind

    def is_serious(self) -> bool:
        """Tell whether it is an error."""
        return self._kind != "light"

    def is_silenced(self) -> bool:
        """Tell whether the project does not want to hear of it."""
        return self._kind == "silenced"


def django(monkeypatch: pytest.MonkeyPatch, settings: Any, **modules: Any) -> None:
    """Put something in Django's place."""
    monkeypatch.setitem(sys.modules, "django.conf", SimpleNamespace(settings=settings))
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name.replace("__", "."), module)


def checked(monkeypatch: pytest.MonkeyPatch, run: Callable[[], list[Finding]]) -> Any:
    """Return what comes of checks."""
    checks = SimpleNamespace(checks=SimpleNamespace(run_checks=run))
    django(monkeypatch, SimpleNamespace(configured=True), django__core=checks)
    return django_checks.django(app)


SEE = "see `python manage.py check`"
FOUND: dict[str, tuple[list[Finding], str, str]] = {
    "one": ([Finding("a.E1")], "a.E1: is wrong", SEE),
    "in several lines": ([Finding("a.E1", "is\n  wrong", "do\n this")], "a.E1: is wrong", "do this"),
    "the first hint": (
        [Finding("a.E1"), Finding("a.E2", hint="do this"), Finding("a.E3", hint="or that")],
        "a.E1: is wrong; a.E2: is wrong; a.E3: is wrong",
        "do this",
    ),
    "many": (
        [Finding(f"a.E{number}") for number in range(1, 6)],
        "a.E1: is wrong; a.E2: is wrong; a.E3: is wrong, and 2 more",
        SEE,
    ),
    "light ones left out": ([Finding("a.W1", kind="light"), Finding("a.E2")], "a.E2: is wrong", SEE),
    "silenced ones left out": ([Finding("a.E1", kind="silenced"), Finding("a.E2")], "a.E2: is wrong", SEE),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_is_found(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Serious findings are an error with the first three of them and what to do."""
    found, listed, hint = FOUND[case]

    with pytest.raises(AppLoadError) as caught:
        checked(monkeypatch, lambda: found)

    assert (caught.value.message, caught.value.hint) == (f"Django's checks failed: {listed}", hint)


def test_nothing_serious(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not serious, or silenced, keeps nobody from starting."""
    found = [Finding("a.W1", kind="light"), Finding("a.E1", kind="silenced")]

    assert checked(monkeypatch, lambda: found) is app


@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(3)])
def test_checks_that_fail(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Checks that cannot be run are an error with its place."""

    def run() -> list[Finding]:
        raise error

    with pytest.raises(AppLoadError) as caught:
        checked(monkeypatch, run)

    said = "RuntimeError: no" if isinstance(error, RuntimeError) else "the app called `sys.exit(3)`"
    assert caught.value.message.startswith(f"Django's checks failed: {said} (tests/serving/test_django_checks.py:")


def test_what_is_no_django_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Django, or with one that is not set up, nothing is looked at."""
    monkeypatch.delitem(sys.modules, "django.conf", raising=False)
    assert (django_checks.django(app), django_checks.unapplied()) == (app, None)

    nothing = {"django__core": SimpleNamespace(checks=None)}
    django(monkeypatch, SimpleNamespace(configured=False, DATABASES={"default": {}}), **nothing)
    assert (django_checks.django(app), django_checks.unapplied()) == (app, None)

    django(monkeypatch, SimpleNamespace(configured=True, DATABASES={}))
    assert django_checks.unapplied() is None


PLANS: dict[str, tuple[list[str] | Exception, str | None]] = {
    "all applied": ([], None),
    "one": (["shop"], "1 migration is not applied (shop): `python manage.py migrate`"),
    "several": (["shop", "auth", "shop"], "3 migrations are not applied (auth, shop): `python manage.py migrate`"),
    "no database": (ImproperlyConfigured("no engine"), None),
    "no connection": (
        OSError("connection\n  refused"),
        "whether migrations are applied cannot be told: connection refused",
    ),
}


@pytest.mark.parametrize("case", PLANS)
def test_migrations(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """How many migrations are not applied is told, and of which apps; connections are closed in any case."""
    plan, said = PLANS[case]
    closed: list[str] = []

    class Connections(dict[str, str]):
        def close_all(self) -> None:
            closed.append("closed")

    class Executor:
        def __init__(self, connection: str) -> None:
            assert connection == "the default one"
            if isinstance(plan, Exception):
                raise plan
            self.loader = SimpleNamespace(graph=SimpleNamespace(leaf_nodes=lambda: "leaves"))

        def migration_plan(self, leaves: str) -> list[tuple[Any, bool]]:
            assert (leaves, isinstance(plan, list)) == ("leaves", True)
            return [(SimpleNamespace(app_label=name), False) for name in (plan if isinstance(plan, list) else [])]

    connections = Connections(default="the default one")
    django(
        monkeypatch,
        SimpleNamespace(configured=True, DATABASES={"default": {}}),
        django__db=SimpleNamespace(DEFAULT_DB_ALIAS="default", connections=connections),
        django__db__migrations__executor=SimpleNamespace(MigrationExecutor=Executor),
    )

    assert django_checks.unapplied() == said
    assert closed == ["closed"]
