"""What the source of a project says: read, never imported."""
