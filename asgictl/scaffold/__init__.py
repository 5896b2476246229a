"""Container files for a project: look at it, plan the files, write them, check them, and try them on an engine."""
