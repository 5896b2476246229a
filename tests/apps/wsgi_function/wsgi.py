def application(environ, start_response):
    environ["wsgi.errors"].write("said by the app\n")
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body) + 11))])
    return [b"hello WSGI ", body]
