bind 'tcp://0.0.0.0:8000'
workers 2
threads 1, 4
# Docker kills after 10 seconds.
worker_shutdown_timeout 8
raise_exception_on_sigterm false
