"""The pytest fixture `asgi_inspect`; every pytest of its users loads this, so it loads nothing else by itself."""

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pluggy

    from asgictl.inspector.client.fixture import Inspected
    from asgictl.inspector.show.recent import Recent


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
