"""The processes of a server: how they start, tell each other, are replaced, and stop."""
