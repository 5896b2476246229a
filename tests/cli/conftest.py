"""Tests of the command line reach nothing of whoever runs them."""

import pytest


@pytest.fixture(autouse=True)
def _nobodys_stores(nobodys_stores: None) -> None:
    """Keep all of them from the trust stores of whoever runs them."""
