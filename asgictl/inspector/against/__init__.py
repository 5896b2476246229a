"""Checking a server: an app behind it that looks at what it is given, and a client that looks at what comes back."""
