"""The pytest fixture `asgi_inspect`; every pytest of its users loads this, so it loads nothing else by itself."""

import pytest


@pytest.fixture
def asgi_inspect():  # type: ignore[no-untyped-def]  # noqa: ANN201  # the type would have to be imported
    """Drive an ASGI app without a server or a client, and look at all that passed.

    `with asgi_inspect(app) as client:` runs its lifespan around the block, and so does `async with`. Returns
    `asgictl.inspector.client.fixture.Inspected`, which takes the app, and `timeout` in seconds.
    """
    from asgictl.inspector.client.fixture import Inspected

    return Inspected
