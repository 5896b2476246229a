"""Which app is served."""
