"""The application under gunicorn and granian whose health is checked."""


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path != "/health":
        status = "500 Internal Server Error" if path == "/broken" else "404 Not Found"
        start_response(status, [("Content-Length", "0")])
        return []
    start_response("200 OK", [("Content-Type", "text/plain")])
    # Without a Content-Length it is sent in chunks.
    return chunks(environ["REQUEST_METHOD"])


def chunks(method):
    if method != "HEAD":
        # A long text, which is divided among two chunks and at least two reads of 4 KiB.
        text = "".join(str(number) for number in range(1000, 1256)).encode()
        yield b"x" * 3500 + text[:500]
        yield text[500:]
        yield b"database: fine\n"
