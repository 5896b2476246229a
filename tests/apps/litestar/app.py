from litestar import Litestar, get
from litestar.handlers import websocket_listener


@get("/")
async def hello() -> str:
    return "hello Litestar"


@websocket_listener("/ws")
async def echo(data: str) -> str:
    return data


app = Litestar([hello, echo])
