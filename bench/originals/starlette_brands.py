"""`GET /brands` by Starlette, for uvicorn: a pool of six connections for each of its processes."""

import contextlib
import os

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

CONNECTIONS = 6


async def brands(request: Request) -> JSONResponse:
    rows = await request.state.pool.fetch("SELECT id, name FROM brands ORDER BY id")
    return JSONResponse([{"brand_id": row["id"], "brand_name": row["name"]} for row in rows])


@contextlib.asynccontextmanager
async def with_pool(_: Starlette):
    url = os.environ["DATABASE"]
    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        yield {"pool": pool}


app = Starlette(routes=[Route("/brands", brands)], lifespan=with_pool)
