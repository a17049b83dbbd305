#!/bin/sh
# Makes the secrets of compose.yaml, once: later ones would not open what the database holds.
#
#   make-secrets.sh [FOLDER]
set -eu
folder="${1:-secrets}"
if [ -e "$folder" ]; then
    echo "$folder is there already; nothing was changed" >&2
    exit 1
fi
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# The folder is closed to others. The files are not: the containers' users, who own nothing here, read them.
umask 022
mkdir -m 0700 "$folder"
random >"$folder/database-password"
random >"$folder/encryption-key"
