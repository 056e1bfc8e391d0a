"""Is the process alive, and can it work? For load balancers and orchestrators."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and has every migration; 503 says which of the two is missing."""
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return _not_ready("The database does not answer.")
    if waiting:
        return _not_ready(f"{len(waiting)} migrations are waiting: run manage.py migrate.")
    return JsonResponse({"status": "ok"})


def _not_ready(message: str) -> JsonResponse:
    answer = JsonResponse({"code": "unavailable", "message": message}, status=503)
    answer.headers["Retry-After"] = "5"
    return answer
