# asgictl scaffold 792f6bb45fd40e99: run it again to update this file; once you have edited it, it is yours
ARG PYTHON_VERSION=3.14
ARG UV_VERSION=0.13.9

# build: the dependencies, in a virtual environment that a mount over /app does not hide
FROM python:${PYTHON_VERSION}-slim AS build
ARG UV_VERSION
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_INPUT=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON=python3 \
    UV_PYTHON_DOWNLOADS=never
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked \
    pip install "uv==${UV_VERSION}"
COPY pyproject.toml ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --no-project /opt/venv \
    && uv pip install --python /opt/venv -r pyproject.toml
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --python /opt/venv --no-deps .

# runtime: the image to ship; the package is in the virtual environment, and the files beside it lie where they did
FROM python:${PYTHON_VERSION}-slim AS runtime
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1 \
    HOME=/tmp \
    ASGICTL_SERVE_HOST=0.0.0.0 \
    ASGICTL_SERVE_PORT=8000
# The official image has no bytecode of the standard library, and its user could not write any.
RUN groupadd --non-unique --gid 10001 app \
    && useradd --non-unique --no-log-init --uid 10001 --gid 10001 \
       --home-dir /app --no-create-home --shell /usr/sbin/nologin app \
    && python -m compileall -q -j 0 -x '/(idlelib|lib2to3|site-packages|test)/' \
       "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/venv /opt/venv
COPY --from=build /src /app
WORKDIR /app
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client as h,os,sys;c=h.HTTPConnection('127.0.0.1',int(os.environ.get('ASGICTL_SERVE_PORT') or 8000),timeout=4);c.request('GET','/healthz');sys.exit(c.getresponse().status>=400)"]
CMD ["asgictl", "serve", "asgictl.demo:app", "--prod", "--quiet-path", "/healthz"]
