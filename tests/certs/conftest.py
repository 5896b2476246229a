"""An authority, and the time, for tests of certificates."""

import datetime as dt
from pathlib import Path

import pytest

from asgictl.certs import authority, files
from asgictl.certs.issue import Issuer
from asgictl.certs.names import Constraints


@pytest.fixture(autouse=True)
def _nobodys_stores(nobodys_stores: None) -> None:
    """Keep all of them from the stores of whoever runs them."""


@pytest.fixture
def now() -> dt.datetime:
    """The present time, in whole seconds as certificates have it."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


@pytest.fixture
def issuer(tmp_path: Path, now: dt.datetime) -> Issuer:
    """The authority of the test's user."""
    return authority.make(tmp_path / "authority", Constraints(), now)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> files.Pair:
    """Where `asgictl serve --https` looks, below the test's folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return files.Pair(Path("ssl/cert.pem"), Path("ssl/cert.key"))
