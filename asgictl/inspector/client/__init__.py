"""Calling an app, or a server, as a client does."""
