"""HTTPS."""
