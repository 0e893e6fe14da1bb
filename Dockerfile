# syntax=docker/dockerfile:1
# Nest Egg in a container: the core, and the plugins that PLUGINS names.
#
#   docker build -t nestegg .
#   docker build -t nestegg --build-arg PLUGINS="storage_postgres idp_okta" .
#   docker buildx build -t nestegg --platform linux/amd64,linux/arm64 .
ARG PYTHON_VERSION=3.13

# ---- Build: this image has compilers, for libraries without a wheel for the platform ----
FROM python:${PYTHON_VERSION}-trixie AS build

# Folders of plugins/, with spaces between.
ARG PLUGINS="storage_postgres"
# What else pip should install, such as plugins of other users: "their-plugin==1.2".
ARG PACKAGES=""

WORKDIR /src
# Each library as it was locked (`make lock`), or the build fails: one release is one image.
COPY deploy/image deploy/image
RUN pip install --no-cache-dir --require-hashes -r deploy/image/build.txt \
    && pip wheel --no-cache-dir --require-hashes --no-build-isolation \
        --wheel-dir /wheels -r deploy/image/requirements.txt
COPY pyproject.toml README.md ./
COPY nestegg_core nestegg_core
COPY plugins plugins
RUN set -eu; \
    pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .; \
    for plugin in $PLUGINS; do \
        pip wheel --no-deps --no-build-isolation --wheel-dir /wheels "./plugins/$plugin"; \
    done
RUN set -eu; \
    python -m venv /opt/nestegg; \
    /opt/nestegg/bin/pip install --no-cache-dir --no-index --find-links /wheels /wheels/nestegg_*.whl; \
    if [ -n "$PACKAGES" ]; then /opt/nestegg/bin/pip install --no-cache-dir $PACKAGES; fi

# ---- Final ----
FROM python:${PYTHON_VERSION}-slim-trixie

# pg_dump and pg_restore must not be older than the server that they back up.
ARG POSTGRES_CLIENT=17
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl postgresql-client-${POSTGRES_CLIENT} \
    && rm -rf /var/lib/apt/lists/*

COPY --from=build /opt/nestegg /opt/nestegg
# `alembic upgrade head` looks for this file in the working directory.
COPY alembic.ini /app/
WORKDIR /app
# Settings are read anew from the folder that is mounted here: a file that is mounted by itself stays
# the old one when an editor or `sed -i` puts a new one in its place.
RUN ln -s /etc/nestegg/.env .env

# Some platforms choose a user id of their own and group 0: that group may write the data.
RUN install -d -o 10001 -g 0 -m 0770 /var/lib/nestegg
VOLUME /var/lib/nestegg

# The container listens on all of its addresses: what is published is said outside.
ENV PATH=/opt/nestegg/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NESTEGG_HOME=/var/lib/nestegg \
    WEB_HOST=0.0.0.0 \
    WEB_PORT=8000 \
    METRICS_HOST=0.0.0.0 \
    METRICS_PORT=9090

USER 10001:0
EXPOSE 8000 9090
HEALTHCHECK --interval=30s --timeout=5s --retries=3 \
  CMD curl -f http://localhost:${WEB_PORT:-8000}/health || exit 1
CMD ["nestegg", "serve"]
