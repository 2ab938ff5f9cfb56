#!/bin/sh
# Starts the helper, and becomes the server.
set -eu
sh helper.sh &
exec gunicorn --bind 0.0.0.0:8000 --workers 2 --graceful-timeout 8 --worker-tmp-dir /dev/shm --no-control-socket app:app
