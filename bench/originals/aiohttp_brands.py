"""`GET /brands` by aiohttp: one process, with a pool of six connections."""

import os
import socket
import sys

import asyncpg
from aiohttp import web

CONNECTIONS = 6
POOL = web.AppKey("pool", asyncpg.Pool)

routes = web.RouteTableDef()


@routes.get("/brands")
async def brands(request: web.Request) -> web.Response:
    rows = await request.app[POOL].fetch("SELECT id, name FROM brands ORDER BY id")
    return web.json_response([{"brand_id": row["id"], "brand_name": row["name"]} for row in rows])


async def with_pool(app: web.Application):
    url = os.environ["DATABASE"]
    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        app[POOL] = pool
        yield


def main() -> None:
    app = web.Application()
    app.add_routes(routes)
    app.cleanup_ctx.append(with_pool)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
    web.run_app(app, sock=listener, access_log=None, print=None)


if __name__ == "__main__":
    main()
