import socketio

sio = socketio.AsyncServer(async_mode="asgi")


@sio.event
async def shout(sid: str, text: str) -> str:
    return text.upper()


web = socketio.ASGIApp(sio)
