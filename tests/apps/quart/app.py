from quart import Quart, websocket

app = Quart(__name__)


@app.get("/")
async def hello() -> str:
    return "hello Quart"


@app.websocket("/ws")
async def echo() -> None:
    while True:
        await websocket.send(await websocket.receive())
