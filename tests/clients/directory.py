"""A service that asks the directory about the tokens it is sent. Usage: directory.py BASE_URL"""

import sys

import requests

BASE = sys.argv[1]


class AuthenticationError(Exception):
    pass


def validate_user_token(token: str) -> dict:
    response = requests.post(f"{BASE}/auth/validate", json={"token": token}, timeout=5)
    data = response.json()
    if data["valid"]:
        return data["user"]
    raise AuthenticationError(data["error"])


def main() -> None:
    person = {"email": "service@example.com", "password": "password-of-service", "name": "A Service"}
    registered = requests.post(f"{BASE}/auth/register", json=person, timeout=5)
    registered.raise_for_status()
    token = registered.json()["access_token"]

    user = validate_user_token(token)
    assert user["email"] == person["email"], user
    assert user["name"] == person["name"], user
    assert [team["name"] for team in user["teams"]] == ["General"], user
    assert [domain["key"] for domain in user["domains"]] == ["engineering"], user

    again = requests.post(f"{BASE}/auth/register", json=person, timeout=5)
    assert again.status_code == 400 and again.json()["detail"] == "Email already registered", again.text

    try:
        validate_user_token(token[:-4])
    except AuthenticationError as error:
        assert str(error)
    else:
        raise AssertionError("a cut token was taken")


main()
