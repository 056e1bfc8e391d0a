"""Is the process alive, and can it work? For load balancers and orchestrators."""

from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse


class HealthMiddleware:
    """Answers /healthz and /readyz before anything asks for the Host or for HTTPS: a probe comes to a bare address."""

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
        """200 when the database answers and has every migration; 503 says which of the two is missing."""
        try:
            waiting = self._waiting_migrations()
        except (DatabaseError, InterfaceError):
            return _not_ready("The database does not answer.")
        if waiting:
            return _not_ready(f"{waiting} migrations are waiting: run manage.py migrate.")
        return JsonResponse({"status": "ok"})

    def _waiting_migrations(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if self.is_migrated:
            return 0  # looking again would read every migration's file for each probe
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        self.is_migrated = not waiting
        return waiting


def _not_ready(message: str) -> HttpResponse:
    answer = JsonResponse({"code": "unavailable", "message": message}, status=503)
    answer.headers["Retry-After"] = "5"
    return answer
