#!/usr/bin/env bash
# What a client of the directory service has in its scripts, developer headers included. Usage: directory.sh BASE_URL
set -euo pipefail
base="$1"

fail() { echo "directory.sh: $*" >&2; exit 1; }
member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

curl -fsS "$base/health" | grep -q healthy || fail "health"

curl -fsS "$base/auth/me" -H "X-User-Email: user@example.com" -H "X-User-Name: Test User" |
    grep -q '"name" *: *"Test User"' || fail "me by developer headers"

status="$(curl -sS -o /dev/null -w '%{http_code}' "$base/auth/me")"
[ "$status" = 400 ] || fail "me without any header answers $status"

curl -fsS -X POST "$base/auth/register" -H 'Content-Type: application/json' \
    -d '{"email": "john@example.com", "password": "password-of-john", "name": "John Doe"}' | grep -q '"teams"' || fail "register"

token="$(curl -fsS -X POST "$base/auth/login" -H 'Content-Type: application/json' \
    -d '{"email": "john@example.com", "password": "password-of-john"}' | member access_token)"

curl -fsS "$base/auth/me" -H "Authorization: Bearer $token" | grep -q '"name" *: *"John Doe"' || fail "me"
for path in teams teams/all domains domains/all; do
    curl -fsS "$base/$path" -H "Authorization: Bearer $token" | grep -q '"is_active" *: *true' || fail "$path"
done
curl -fsS "$base/teams" -H "X-User-Email: user@example.com" | grep -q General || fail "teams by developer headers"
echo "$token"
