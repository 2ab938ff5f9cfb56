"""The application under gunicorn and granian that is asked for its health."""


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path != "/health":
        status = "500 Internal Server Error" if path == "/broken" else "404 Not Found"
        start_response(status, [("Content-Length", "0")])
        return []
    start_response("200 OK", [("Content-Type", "text/plain")])
    # As its length is not told, it goes out in chunks.
    return chunks(environ["REQUEST_METHOD"])


def chunks(method):
    if method != "HEAD":
        # A long text, of which two chunks and at least two reads of 4 KiB have a part.
        text = "".join(str(number) for number in range(1000, 1256)).encode()
        yield b"x" * 3500 + text[:500]
        yield text[500:]
        yield b"database: fine\n"
