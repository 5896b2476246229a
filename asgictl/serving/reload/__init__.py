"""The app of one process, which restarts when a file changes."""
