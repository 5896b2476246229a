from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.get("/")
def hello() -> dict[str, str]:
    return {"hello": "FastAPI"}


@app.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
