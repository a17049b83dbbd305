"""A Cognito user pool with its hosted pages on this machine. Usage: cognito.py PORT FOLDER [CALLBACK LOGOUT]

Prints one line of JSON and keeps the pool up until its standard input ends. The pool has two people (grace, in the
group `teachers`, and alan) and two clients, `web` with a secret and `public` without; both may sign people in through
the hosted pages if CALLBACK is given. grace has signed in at the API: her tokens are in the line.
"""

import json
import sys

import requests
from amazon import standing_in

PORT, FOLDER, *ADDRESSES = sys.argv[1:]
BASE = f"http://127.0.0.1:{PORT}"
PASSWORD = "Quiet-Harbour-41"
PASSWORD_RULE = {"MinimumLength": 8, "RequireUppercase": True, "RequireLowercase": True, "RequireNumbers": True}
PASSWORD_RULE["RequireSymbols"] = False
PEOPLE = {"grace@example.com": "Grace Hopper", "alan@example.com": "Alan Turing"}


def call(operation: str, **body) -> dict:
    headers = {
        "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/cognito-idp/aws4_request",
    }
    response = requests.post(BASE, headers=headers, data=json.dumps(body), timeout=10)
    response.raise_for_status()
    return response.json()


def make_client(pool: str, name: str, secret: bool) -> dict:
    hosted = {}
    if ADDRESSES:
        callback, logout = ADDRESSES
        hosted = {
            "AllowedOAuthFlowsUserPoolClient": True,
            "AllowedOAuthFlows": ["code"],
            "AllowedOAuthScopes": ["openid", "email", "profile"],
            "CallbackURLs": [callback],
            "LogoutURLs": [logout],
            "SupportedIdentityProviders": ["COGNITO"],
        }
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    made = call(
        "CreateUserPoolClient",
        UserPoolId=pool,
        ClientName=name,
        GenerateSecret=secret,
        ExplicitAuthFlows=flows,
        PreventUserExistenceErrors="ENABLED",
        **hosted,
    )
    return made["UserPoolClient"]


def make_people(pool: str) -> None:
    call("CreateGroup", UserPoolId=pool, GroupName="teachers")
    for email, name in PEOPLE.items():
        attributes = {"email": email, "email_verified": "true", "name": name}
        attributes = [{"Name": key, "Value": value} for key, value in attributes.items()]
        call("AdminCreateUser", UserPoolId=pool, Username=email, UserAttributes=attributes, MessageAction="SUPPRESS")
        call("AdminSetUserPassword", UserPoolId=pool, Username=email, Password=PASSWORD, Permanent=True)
    call("AdminAddUserToGroup", UserPoolId=pool, Username="grace@example.com", GroupName="teachers")


def make_pool() -> dict:
    made = call(
        "CreateUserPool",
        PoolName="people",
        UsernameAttributes=["email"],
        AutoVerifiedAttributes=["email"],
        Policies={"PasswordPolicy": PASSWORD_RULE},
    )
    pool = made["UserPool"]["Id"]
    call("CreateUserPoolDomain", UserPoolId=pool, Domain="people")
    web, public = make_client(pool, "web", True), make_client(pool, "public", False)
    make_people(pool)
    credentials = {"USERNAME": "grace@example.com", "PASSWORD": PASSWORD}
    public = public["ClientId"]
    tokens = call("InitiateAuth", ClientId=public, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=credentials)
    tokens = tokens["AuthenticationResult"]
    return {
        "base": BASE,
        "pool_id": pool,
        "issuer": f"https://cognito-idp.us-east-1.amazonaws.com/{pool}",
        "client_id": web["ClientId"],
        "client_secret": web["ClientSecret"],
        "public_client_id": public,
        "jwks_uri": f"{BASE}/{pool}/.well-known/jwks.json",
        "id_token": tokens["IdToken"],
        "access_token": tokens["AccessToken"],
    }


with standing_in(PORT, FOLDER, "cognito-idp,ses,sesv2"):
    print(json.dumps(make_pool()), flush=True)
    sys.stdin.read()
