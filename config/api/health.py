"""Liveness and readiness probes for load balancers and orchestrators."""

from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse


class HealthMiddleware:
    """Middleware that answers /healthz and /readyz before the checks of Host and HTTPS, since probes use a bare address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.is_migrated = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == "/healthz":
            return JsonResponse({"status": "ok"})
        if request.path_info == "/readyz":
            return self._readiness()
        return self.get_response(request)

    def _readiness(self) -> HttpResponse:
        """Answer 200 if the database responds and has every migration, else 503 with the reason."""
        try:
            waiting = self._waiting_migrations()
        except (DatabaseError, InterfaceError):
            return _not_ready("The database does not answer.")
        if waiting:
            return _not_ready(f"{waiting} migrations are pending. Run manage.py migrate.")
        return JsonResponse({"status": "ok"})

    def _waiting_migrations(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if self.is_migrated:
            return 0  # or each probe would read every migration's file
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        self.is_migrated = not waiting
        return waiting


def _not_ready(message: str) -> HttpResponse:
    answer = JsonResponse({"code": "unavailable", "message": message}, status=503)
    answer.headers["Retry-After"] = "5"
    return answer
