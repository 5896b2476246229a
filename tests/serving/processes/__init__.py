"""Parent, workers, reload and signals, below the end-to-end level."""
