"""Tests of calling an app as servers may call it."""
