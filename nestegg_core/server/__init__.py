"""The HTTP server: the gunicorn application, its worker, and the port of the metrics."""
