FROM python:3.11.13-slim-bookworm
COPY valkey-server valkey.sh /usr/local/bin/
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-tools && ln -s redis-cli /usr/bin/valkey-cli \
 && useradd --uid 999 --no-create-home valkey && install -d -o valkey -g valkey /data && chmod 0755 /usr/local/bin/valkey*
VOLUME /data
WORKDIR /data
ENTRYPOINT ["valkey.sh"]
