"""Saved sessions: their file, and what can be made of it."""
