import warnings

warnings.filterwarnings("ignore", message="pkg_resources")  # which Pyramid 2.1 imports

from pyramid.config import Configurator
from pyramid.response import Response


def hello(request):
    return Response("hello Pyramid")


with Configurator() as config:
    config.add_route("hello", "/")
    config.add_view(hello, route_name="hello")
    app = config.make_wsgi_app()
