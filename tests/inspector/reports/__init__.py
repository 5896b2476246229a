"""Tests of reports of what was found."""
