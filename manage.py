"""Laurel's commands. `manage.py quickstart` is the one to begin with."""

import os
import sys

# Before the first import of ours: an older Python would stop at a syntax that it does not know.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("Laurel needs Python 3.11 or newer.")

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line

        from config.quickstart import local
    except ModuleNotFoundError as error:
        sys.exit(f"{error}: README's first command installs what Laurel needs.")
    try:
        local.complete_environment(*sys.argv[1:2])
        execute_from_command_line(sys.argv)
    except local.NotConfigured as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
