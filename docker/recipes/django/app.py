"""A project in one file: its answer names the worker's PID, and /slow takes two seconds, to show a graceful stop."""

import os
import sys
import time

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["app.example.com"], ROOT_URLCONF=__name__, SECRET_KEY=os.urandom(32).hex())


def index(request):
    return HttpResponse(f"worker {os.getpid()}\n", content_type="text/plain")


def slow(request):
    print("slow request begins", file=sys.stderr, flush=True)
    time.sleep(2)
    return index(request)


urlpatterns = [path("", index), path("slow", slow)]
application = get_wsgi_application()
