"""A service with the middleware of the documentation. Usage: fastapi_service.py EXAMPLES BASE AUDIENCE PORT"""

import sys

examples, base, audience, port = sys.argv[1:]
sys.path.insert(0, examples)

import uvicorn  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from fastapi_middleware import Caller, Doorward  # noqa: E402

app = FastAPI()
app.add_middleware(Doorward, url=base, audience=audience)


@app.get("/whoami")
async def whoami(caller: Caller) -> dict:
    return {"id": caller.id, "email": caller.email, "teams": caller.teams}


uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
