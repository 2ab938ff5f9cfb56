"""The application under gunicorn and granian that is asked for its health."""


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path != "/health":
        status = "500 Internal Server Error" if path == "/broken" else "404 Not Found"
        start_response(status, [("Content-Length", "0")])
        return []
    start_response("200 OK", [("Content-Type", "text/plain")])
    # As its length is not told, it goes out in chunks: the text is in two of them.
    return chunks(environ["REQUEST_METHOD"])


def chunks(method):
    if method != "HEAD":
        yield b"x" * 5000 + b"data"
        yield b"base: fine\n"
