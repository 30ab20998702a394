# creditbot's image: `make image`. docs/image.md says what it is made of, and how large it is.

# By digest where your registry is at hand: BASE_IMAGE=python:3.11-slim-bookworm@sha256:...
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
# Another lock brings another warehouse's driver: `uv pip compile pyproject.toml --extra snowflake --generate-hashes ...`.
ARG LOCK=requirements.lock
WORKDIR /src
RUN python -m venv /opt/creditbot
ENV PATH=/opt/creditbot/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1
COPY requirements-build.lock ${LOCK} ./
RUN python -m pip install --quiet --require-hashes -r ${LOCK} -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY creditbot creditbot
RUN python -m pip install --quiet --no-index --no-deps --no-build-isolation .
# Out goes what is declared but not used at run time: pyarrow serves data frames as scraps, jedi (with parso) completes
# what a person types, debugpy debugs cells, flit-core and pip install. Then tests and type stubs.
RUN python -m pip uninstall --quiet --yes pyarrow jedi parso debugpy flit-core pip setuptools \
 && cd /opt/creditbot/lib/python3*/site-packages \
 && find . -depth -type d \( -name tests -o -name test \) -exec rm -r {} + \
 && find . -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.h' \) -delete \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash .

FROM ${BASE_IMAGE}
# The official image comes without the bytecode of the standard library, and a pod cannot write it.
RUN python -c "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('stdlib'), quiet=2)"
ARG VERSION=0.0.0.dev0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="creditbot" \
      org.opencontainers.image.description="Answers credit requests in a Slack channel, once each" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/creditbot /opt/creditbot
COPY notebooks /app/notebooks
# The root file system is read-only in Kubernetes: whatever IPython, Jupyter and matplotlib write goes to /tmp, an emptyDir.
ENV PATH=/opt/creditbot/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    IPYTHONDIR=/tmp/ipython \
    JUPYTER_RUNTIME_DIR=/tmp/jupyter \
    MPLCONFIGDIR=/tmp/matplotlib \
    LOG_FILE=-
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["creditbot"]
