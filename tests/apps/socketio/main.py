import socketio

sio = socketio.AsyncServer(async_mode="asgi", ping_interval=1, ping_timeout=1)  # a client that leaves waits for both


@sio.event
async def shout(sid: str, text: str) -> str:
    return text.upper()


web = socketio.ASGIApp(sio)
