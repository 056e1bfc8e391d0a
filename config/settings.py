"""Every setting, read from the environment; `.env.example` explains each variable."""

import tomllib
from pathlib import Path

import django_stubs_ext
import environ
import structlog
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

# So that ModelAdmin[Participant] can be written; Django's admin classes are not generic at run time.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

SECRET_KEY = env.str("SECRET_KEY")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "config",
    "participants",
    "programs",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "config.admin.apps.LaurelAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
]

MIDDLEWARE = [
    "config.api.middleware.ApiMiddleware",
    "config.api.health.HealthMiddleware",
    "config.api.transport.HttpsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.api.browsing.CSPMiddleware",
    "config.api.sign_in.SignInMiddleware",
    "config.api.browsing.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.api.browsing.AuthenticationMiddleware",
    "config.admin.zones.ReaderMiddleware",
    "config.api.browsing.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# So that templates/ may hold those of widgets too.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Connections persist: opening one for each request would cost nine tenths of the throughput. Only the cursors of
# programs.kernel.database bind on the server, so only their statements are prepared, at their first use.
_database = env.db_url("DATABASE_URL")
if not _database:
    raise ImproperlyConfigured("DATABASE_URL is empty.")
DATABASES = {
    "default": {
        **_database,
        "CONN_MAX_AGE": 600,
        "OPTIONS": {**_database.get("OPTIONS", {}), "prepare_threshold": 0},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"  # where a page has no program and its reader chose no zone
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"

STATIC_URL = "/static/"
STATIC_ROOT = env.path("STATIC_ROOT", default=str(BASE_DIR / ".staticfiles"))
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Signing in

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL = "rest_framework:login"
LOGIN_REDIRECT_URL = "/v1"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "locked_out.html"
AXES_CLIENT_IP_CALLABLE = "config.api.authentication.client_address"

# Browsers. HTTPS is the default; a server without it must say so.

HTTPS = env.bool("HTTPS", default=True)
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Only the owner of the domain knows whether every subdomain has HTTPS.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = SECURE_HSTS_INCLUDE_SUBDOMAINS
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "style-src": [SELF, NONCE],  # the editor of rules makes its style sheet in the page
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# The API

BODY_LIMIT = 1_000_000  # bytes
BATCH_BODY_LIMIT = 10_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_LIMIT
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # a tier track of 100 levels with 20 conditions each
BODY_SECONDS = env.int("BODY_SECONDS", default=10)  # for a body to arrive
# What a process may hold at once for bodies of more than 64 kB, and for what is made of them.
BODY_MEMORY = env.int("BODY_MEMORY_MB", default=256) * 1_000_000
# How many calls may wait for their event to be processed: half of the threads of a gunicorn process.
WAITING_CALLS = max(1, env.int("WEB_THREADS", default=4) // 2)
QUEUE_MAX_AGE = env.str("QUEUE_MAX_AGE", default="5m")
JOB_DAYS = env.int("JOB_DAYS", default=90)  # for which a finished job is kept
RATE_LIMIT = env.str("RATE_LIMIT", default="60000/minute")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.api.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "config.api.permissions.MeetsRequirement",
        "config.api.query.KnownQuery",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["config.api.throttling.ApiKeyThrottle"],
    "DEFAULT_PARSER_CLASSES": [
        "config.api.parsers.ExactJSONParser",
        "config.api.parsers.StaffFormParser",
        "config.api.parsers.StaffMultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "config.api.renderers.ExactJSONRenderer",
        "config.api.renderers.BrowsableRenderer",
    ],
    "DEFAULT_METADATA_CLASS": "config.api.metadata.Metadata",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.renderers.JSONUnlessBrowsing",
    "DEFAULT_PAGINATION_CLASS": "config.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "config.api.openapi.LaurelSchema",
    "DEFAULT_VERSIONING_CLASS": None,
    "EXCEPTION_HANDLER": "config.api.errors.exception_handler",
    "NON_FIELD_ERRORS_KEY": "body",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Laurel",
    "DESCRIPTION": (BASE_DIR / "config/api/openapi.md").read_text(encoding="utf-8"),
    "VERSION": "1",
    "LICENSE": {"name": "None stated", "identifier": "NONE"},
    "TAGS": [
        {"name": name, "description": description}
        for name, description in tomllib.loads(
            (BASE_DIR / "config/api/openapi.toml").read_text(encoding="utf-8")
        )["tags"].items()
    ],
    "SERVERS": [{"url": "/", "description": "The server that this document comes from."}],
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATION_PARAMETERS": False,
    "SCHEMA_PATH_PREFIX": "/v1",
    # Forms and sessions are for the browsable API.
    "PARSER_WHITELIST": ["config.api.parsers.ExactJSONParser"],
    "AUTHENTICATION_WHITELIST": ["config.api.authentication.ApiKeyAuthentication"],
    # Enums are inlined where they are used, without a component for each.
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enum_id_removal"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# Logs: one JSON object per line on standard error, with the request's id.

_shared_processors: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _shared_processors,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(default=str),
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {
        # Django's own handlers would print errors a second time, and mail them.
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        # A client's mistake is in the answer to it; many of them must not fill our log.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
