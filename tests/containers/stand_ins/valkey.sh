#!/bin/sh
# Entry point of the stand-in: gives the folder of data to the user of the server, as which it then serves.
set -eu
chown -R valkey:valkey /data
exec setpriv --reuid valkey --regid valkey --clear-groups "$@"
