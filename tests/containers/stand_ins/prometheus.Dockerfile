FROM python:3.11.13-slim-bookworm
COPY prometheus promtool /bin/
RUN install -d -o nobody -g nogroup /prometheus
USER nobody
VOLUME /prometheus
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
