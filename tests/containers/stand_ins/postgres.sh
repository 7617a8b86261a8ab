#!/bin/sh
# Entry point of the stand-in: creates the database of POSTGRES_USER, POSTGRES_DB and POSTGRES_PASSWORD_FILE, then serves.
set -eu
PGDATA=/var/lib/postgresql/18/docker
as_postgres() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
mkdir -p "$PGDATA" && chown -R postgres:postgres /var/lib/postgresql && chmod 0700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  as_postgres initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" \
    --auth-local trust --auth-host scram-sha-256 --encoding UTF8 --locale C >/dev/null
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  as_postgres pg_ctl --pgdata "$PGDATA" --wait --options "-c listen_addresses='' -k /tmp" start >/dev/null
  as_postgres createdb -h /tmp -U "$POSTGRES_USER" "$POSTGRES_DB"
  as_postgres pg_ctl --pgdata "$PGDATA" --wait --mode fast stop >/dev/null
fi
exec setpriv --reuid postgres --regid postgres --clear-groups "$@" -D "$PGDATA" -c listen_addresses='*' -k /tmp
