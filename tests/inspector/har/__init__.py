"""HTTP Archives."""
