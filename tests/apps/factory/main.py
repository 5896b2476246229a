from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def hello(request):
    return PlainTextResponse("hello factory")


def build() -> Starlette:
    return Starlette(routes=[Route("/", hello)])
