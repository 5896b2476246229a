"""Tests of what checks a server."""
