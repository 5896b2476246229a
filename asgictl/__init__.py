"""A launcher around Uvicorn for every Python web app: `asgictl serve` and its companions."""

__version__ = "0.1.0"
