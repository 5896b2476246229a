"""Tests of the rules of ASGI."""
