"""The pytest fixture `asgi_inspect`, and `--asgi-check`.

Every pytest of its users loads this, so it loads nothing else by itself.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pluggy

    from asgictl.inspector.client.fixture import Inspected
    from asgictl.inspector.client.suite_check import Suite
    from asgictl.inspector.show.recent import Recent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--asgi-check`, and what it leaves out."""
    about = "check the apps of all test clients against the rules of ASGI; the run fails where one is broken"
    parser.getgroup("asgictl").addoption("--asgi-check", action="store_true", help=about)
    parser.addini("asgi_ignore", "rules that --asgi-check leaves out, like A-168 or A-17?", type="args")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to check, where that is asked for."""
    if config.getoption("--asgi-check"):
        from asgictl.inspector.client.suite_check import Suite

        config.pluginmanager.register(_SuiteCheck(Suite(config.getini("asgi_ignore"))))


@pytest.fixture(scope="session")
def asgi_inspect(pytestconfig: pytest.Config) -> "type[Inspected]":
    """Drive an ASGI app without a server or a client, and look at all that passed.

    `with asgi_inspect(app) as client:` runs its lifespan around the block, and so does `async with`; see
    `asgictl.testing`. When a test fails, its report shows what the apps did in it.
    """
    from asgictl.inspector.client.fixture import Inspected
    from asgictl.inspector.show.recent import Recent

    recent = Recent()
    pytestconfig.pluginmanager.register(_Reports(recent))

    class Reported(Inspected):
        """Has what it records shown in the report of a test that fails."""

        _watched_by = staticmethod(recent.sink)

    return Reported


class _Reports:
    """Adds the exchanges of a test to its report, if it fails; there is none before the fixture is used."""

    def __init__(self, recent: "Recent") -> None:
        self._recent = recent

    @pytest.hookimpl(hookwrapper=True)  # `wrapper` came with pytest 7.4, and an older one loads this, too
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, "pluggy.Result[pytest.TestReport]", None]:
        if call.excinfo and not item.config.getoption("fulltrace"):
            from asgictl.inspector.client import within

            error = call.excinfo.value
            if stack := within.users_stack(error):
                call.excinfo = pytest.ExceptionInfo.from_exc_info((type(error), error, stack))
        report = (yield).get_result()
        if report.failed and (lines := self._recent.lines()):
            from asgictl.spans import plain

            text = "\n".join(plain("".join(span.text for span in line)) for line in lines)
            report.sections.append(("ASGI exchanges", text))
        if report.failed or call.when == "teardown":
            self._recent.clear()


class _SuiteCheck:
    """Checks the apps of a run, and tells at its end what was found, also by the workers of pytest-xdist."""

    def __init__(self, suite: "Suite") -> None:
        self._suite = suite
        suite.begin()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._suite.test = nodeid

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        workers: dict[str, object] | None = getattr(session.config, "workeroutput", None)
        if workers is not None:
            workers["asgi_check"] = [list(map(list, self._suite.found.values())), self._suite.apps]
        elif self._suite.has_errors and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self._suite.merge(*getattr(node, "workeroutput", {}).get("asgi_check", ((), 0)))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("ASGI rules")
        for line in self._suite.lines():
            terminalreporter.line(line)
        terminalreporter.line(self._suite.summary())

    def pytest_unconfigure(self) -> None:
        self._suite.end()
