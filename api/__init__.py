"""The HTTP API: FastAPI over the runtime. A folder for each resource: `endpoints` and `schemas`.

    app.py        the application: routes, errors, what happens when it starts and stops
    edge.py       pure ASGI around everything: request ids, sizes, shedding, metrics, the access log
    auth.py       keys, scopes, rate limits
    problems.py   every error as RFC 9457 problem+json
    requests.py   what the handlers share: reading bodies, pages, idempotency
    state.py      what a process keeps: the database, evaluators, ingesters, jobs

Imports `runtime` and `pricing_dsl`; nothing there imports this room.
"""
