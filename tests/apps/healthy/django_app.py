import asyncio
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.http import FileResponse, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from visits import COMMON, SESSION, answers

STATIC = Path(__file__).with_name("static")

settings.configure(
    SECRET_KEY="known",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.sessions", "django.contrib.staticfiles"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    STATIC_URL="/static/",
    STATICFILES_DIRS=[STATIC],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.gzip.GZipMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
)
django.setup()


@csrf_exempt
@require_safe
def hello(request):
    return HttpResponse("hello")


@csrf_exempt
def echo(request):
    return JsonResponse({"size": len(request.body)})


async def stream(request):
    async def chunks():
        for n in range(5):
            yield f"{n}\n"
            await asyncio.sleep(0)

    return StreamingHttpResponse(chunks(), content_type="text/plain")


def nothing(request):
    return HttpResponse(status=204)


def session(request):
    request.session["count"] = request.session.get("count", 0) + 1
    return JsonResponse({"count": request.session["count"]})


def large(request):
    return HttpResponse("large " * 500)


def download(request):
    return FileResponse((STATIC / "page.txt").open("rb"))


urlpatterns = [
    path("", hello),
    path("echo", echo),
    path("stream", stream),
    path("background", hello),
    path("nothing", nothing),
    path("session", session),
    path("large", large),
    path("download", download),
    path("away", lambda request: HttpResponseRedirect("/")),
]
app = ASGIStaticFilesHandler(get_asgi_application())
VISITS = [*answers(COMMON, **{"GET /away": 302}), *SESSION, ("GET", "/download", {}, b"", 200), ("HEAD", "/download", {}, b"", 200)]
SOCKETS = []
