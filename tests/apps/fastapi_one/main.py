from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.get("/")
def hello() -> dict[str, str]:
    return {"hello": "FastAPI"}


@app.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()
