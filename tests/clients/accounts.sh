#!/usr/bin/env bash
# What a client of the accounts service has in its scripts. Usage: accounts.sh BASE_URL [CODE]
# Without CODE it is read in the mailbox of development.
set -euo pipefail
base="$1"

fail() { echo "accounts.sh: $*" >&2; exit 1; }
member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

mailed_code() {
    for _ in $(seq 100); do
        curl -fsS "$base/dev/mailbox.json?to=test@example.com" | grep -oE '\b[0-9]{6}\b' | head -n 1 | grep . && return
        sleep 0.1
    done
    fail "no mail"
}

curl -fsS -X POST "$base/api/v1/auth/register" \
  -H "Content-Type: application/json" \
  -d '{
    "email": "test@example.com",
    "password": "Test123456",
    "first_name": "Test",
    "last_name": "User",
    "accept_terms": true
  }' | grep -q '"message" *: *"OTP sent"' || fail "register"

code="${2:-$(mailed_code)}"
curl -fsS -X POST "$base/api/v1/auth/verify-otp" \
  -H "Content-Type: application/json" \
  -d '{
    "email": "test@example.com",
    "code": "'"$code"'",
    "purpose": "email_verification"
  }' | grep -q '"message" *: *"Signup complete"' || fail "verify-otp"

answer="$(curl -fsS -X POST "$base/api/v1/auth/login" \
  -H "Content-Type: application/json" \
  -d '{
    "email": "test@example.com",
    "password": "Test123456"
  }')"
for name in access_token refresh_token id_token; do member "$name" <<<"$answer" >/dev/null || fail "login: $name"; done
[ "$(member token_type <<<"$answer")" = Bearer ] || fail "token_type"
[ "$(member expires_in <<<"$answer")" = 3600 ] || fail "expires_in"
member access_token <<<"$answer"
