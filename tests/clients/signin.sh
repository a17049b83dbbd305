#!/usr/bin/env bash
# What a client of the e-mail and password service has in its scripts. Usage: signin.sh BASE_URL
set -euo pipefail
base="$1"

fail() { echo "signin.sh: $*" >&2; exit 1; }
member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

curl -fsS "$base/health" | grep -q '"status" *: *"healthy"' || fail "health"

curl -fsS -X POST "$base/api/auth/signup" -H 'Content-Type: application/json' \
    -d '{"email": "user@example.com", "password": "SecurePass123!"}' | grep -q '"last_signin_at" *: *null' || fail "signup"

status="$(curl -sS -o /dev/null -w '%{http_code}' -X POST "$base/api/auth/signup" -H 'Content-Type: application/json' \
    -d '{"email": "user@example.com", "password": "SecurePass123!"}')"
[ "$status" = 409 ] || fail "a second signup answers $status"

answer="$(curl -fsS -X POST "$base/api/auth/signin" -H 'Content-Type: application/json' \
    -d '{"email": "user@example.com", "password": "SecurePass123!"}')"
token="$(member access_token <<<"$answer")"
[ "$(member expires_in <<<"$answer")" = 604800 ] || fail "expires_in"

curl -fsS "$base/api/auth/me" -H "Authorization: Bearer $token" | grep -q '"email" *: *"user@example.com"' || fail "me"

status="$(curl -sS -o /dev/null -w '%{http_code}' "$base/api/auth/me")"
[ "$status" = 401 ] || fail "me without a token answers $status"

for page in docs redoc openapi.json; do curl -fsS -o /dev/null "$base/$page" || fail "$page"; done
echo "$token"
