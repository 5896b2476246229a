"""The versions of the tools that images are built with; one place to raise them."""

TOOLS = {"uv": "0.13.9", "poetry": "2.5.1", "pdm": "2.29.3", "pipenv": "2026.10.3"}
POETRY_EXPORT = "1.10.1"
UVICORN = "0.54.0"
A2WSGI = "1.10.10"
WEBSOCKETS = "17.4"
CADDY = "2-alpine"
