"""config.settings as the tests run it: over plain HTTP, on the embedded database where DATABASE_URL names no other."""

import os

from config.quickstart import embedded

os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
os.environ["HTTPS"] = "False"
if not os.environ.get("DATABASE_URL"):
    os.environ["DATABASE_URL"] = embedded.start()

from config.settings import *  # noqa: F403

# Static files are served from where they lie: nothing is collected before a test.
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
