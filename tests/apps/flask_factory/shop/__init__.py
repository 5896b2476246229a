from flask import Flask


def create_app(config: str | None = None) -> Flask:
    app = Flask(__name__)

    @app.get("/")
    def hello() -> str:
        return "hello Flask factory"

    return app
