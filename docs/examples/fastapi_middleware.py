"""Who calls a FastAPI service behind Doorward: a middleware that lets nobody in without a good assertion.

    app = FastAPI()
    app.add_middleware(Doorward, url="https://door.example", audience="http://rag_service:8001")

    @app.post("/query")
    async def query(caller: Caller): ...      # caller.id, caller.email, caller.roles, caller.teams
"""

from dataclasses import dataclass
from typing import Annotated

import jwt
from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from verify_assertion import verifier


@dataclass(frozen=True)
class Person:
    id: str
    email: str
    name: str | None
    roles: tuple[str, ...]
    teams: tuple[str, ...]
    domains: tuple[str, ...]
    session: str | None
    request_id: str


class Doorward:
    """Plain ASGI, so that bodies and answers stream."""

    def __init__(self, app, url: str, audience: str, public: tuple[str, ...] = ()):
        self.app, self.verify, self.public = app, verifier(url, audience), public

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket") or scope["path"] in self.public:
            return await self.app(scope, receive, send)
        assertions = [value for name, value in scope["headers"] if name == b"x-doorward-assertion"]
        try:
            (assertion,) = assertions
            # The keys may have to be fetched, which must not hold others up.
            claims = await run_in_threadpool(self.verify, assertion.decode("ascii"))
        except jwt.PyJWKClientConnectionError:
            return await self.refuse(503, scope, receive, send)
        except (jwt.PyJWTError, ValueError):
            return await self.refuse(401, scope, receive, send)
        scope.setdefault("state", {})["person"] = Person(
            id=claims["sub"],
            email=claims["email"],
            name=claims.get("name"),
            roles=tuple(claims["roles"]),
            teams=tuple(claims["teams"]),
            domains=tuple(claims["domains"]),
            session=claims.get("sid"),
            request_id=claims["request_id"],
        )
        return await self.app(scope, receive, send)

    @staticmethod
    async def refuse(status, scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 1008})
        return await JSONResponse({"detail": "Not authenticated"}, status)(scope, receive, send)


def caller(request: Request) -> Person:
    return request.state.person


Caller = Annotated[Person, Depends(caller)]
