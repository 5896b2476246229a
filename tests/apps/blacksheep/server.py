from blacksheep import Application, WebSocket, WebSocketDisconnectError, get, ws

app = Application()


@get("/")
async def hello() -> str:
    return "hello BlackSheep"


@ws("/ws")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnectError:
        pass
