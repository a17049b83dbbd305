"""A Cognito user pool on this machine, with one user signed in. Usage: cognito.py PORT FOLDER

Prints one line of JSON (issuer, client_id, jwks_uri, id_token, access_token) and keeps the pool up until its standard
input ends.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

import requests

PORT, FOLDER = sys.argv[1:]
BASE = f"http://127.0.0.1:{PORT}"
EMAIL, PASSWORD = "grace@example.com", "Quiet-Harbour-41"


def call(operation: str, **body) -> dict:
    headers = {
        "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/cognito-idp/aws4_request",
    }
    response = requests.post(BASE, headers=headers, data=json.dumps(body), timeout=10)
    response.raise_for_status()
    return response.json()


def wait_until_it_answers(deadline: float) -> None:
    while True:
        try:
            requests.get(BASE, timeout=1)
            return
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def sign_somebody_in() -> dict:
    pool = call("CreateUserPool", PoolName="people")["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    client = call("CreateUserPoolClient", UserPoolId=pool, ClientName="web", ExplicitAuthFlows=flows)
    client = client["UserPoolClient"]["ClientId"]
    attributes = {"email": EMAIL, "email_verified": "true", "name": "Grace Hopper"}
    attributes = [{"Name": name, "Value": value} for name, value in attributes.items()]
    call("AdminCreateUser", UserPoolId=pool, Username=EMAIL, UserAttributes=attributes, MessageAction="SUPPRESS")
    call("AdminSetUserPassword", UserPoolId=pool, Username=EMAIL, Password=PASSWORD, Permanent=True)
    credentials = {"USERNAME": EMAIL, "PASSWORD": PASSWORD}
    tokens = call("InitiateAuth", ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=credentials)
    tokens = tokens["AuthenticationResult"]
    return {
        "issuer": f"https://cognito-idp.us-east-1.amazonaws.com/{pool}",
        "client_id": client,
        "jwks_uri": f"{BASE}/{pool}/.well-known/jwks.json",
        "id_token": tokens["IdToken"],
        "access_token": tokens["AccessToken"],
    }


settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": PORT, "SERVICES": "cognito-idp", "LOG_LEVEL": "ERROR"}
program = pathlib.Path(sys.executable).with_name("ministack")
server = subprocess.Popen(
    [program],
    env={**os.environ, **settings, "STATE_DIR": FOLDER},
    cwd=FOLDER,
    stdin=subprocess.DEVNULL,
    stdout=subprocess.DEVNULL,
)
try:
    wait_until_it_answers(time.monotonic() + 30)
    print(json.dumps(sign_somebody_in()), flush=True)
    sys.stdin.read()
finally:
    server.terminate()
    server.wait()
