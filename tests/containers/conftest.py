"""One engine for all tests of this folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here, so that the everyday tests leave it out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.containers)


@pytest.fixture(scope="session")
def engine() -> Iterator[None]:
    """Start the engine, or skip; in CI a missing one is a failure."""
    reason = lab.missing()
    if reason is not None and os.environ.get("CI"):
        pytest.fail(f"no container engine: {reason}")
    if reason is not None:
        pytest.skip(reason)
    before = dict(os.environ)
    os.environ["ASGICTL_SCAFFOLD_RUNNER"] = "asgictl"  # the index of the lab has it
    with lab.running():
        yield
    os.environ.clear()
    os.environ.update(before)
