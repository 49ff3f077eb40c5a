"""Django's settings. What differs between installations comes from `environment`."""

from datetime import timedelta
from typing import Any

from ecommerce import environment, killpoints, links, logging

ENV = environment.read()
BASE_DIR = environment.ROOT
PRODUCTION = ENV.ENVIRONMENT == "production"
killpoints.arm(ENV.KILL_POINT, after=ENV.KILL_POINT_AFTER, file=ENV.KILL_POINT_FILE)

DEBUG = False
SECRET_KEY = environment.derived(ENV.JWT_SECRET, "sessions and forms").hex()
ALLOWED_HOSTS = list(ENV.ALLOWED_HOSTS) or ["127.0.0.1", "localhost", "[::1]", "testserver"]
CSRF_TRUSTED_ORIGINS = list(ENV.CSRF_TRUSTED_ORIGINS)

INSTALLED_APPS = [
    *ENV.served,
    "frontend",
    "unfold.apps.BasicAppConfig",
    "ecommerce.platform.apps.PlatformConfig",
    "ecommerce.platform.apps.MongoAdminConfig",
    "ecommerce.platform.apps.MongoAuthConfig",
    "ecommerce.platform.apps.MongoContentTypesConfig",
    "ecommerce",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_prometheus",
    "django_mongodb_backend",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "ecommerce.http.observing.Observing",
    "ecommerce.http.headers.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ecommerce.http.problems.ProblemMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "ecommerce.urls"
ASGI_APPLICATION = "ecommerce.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "ecommerce" / "templates"],  # before those of the theme
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = not PRODUCTION  # a dashboard that is built anew is served without a restart
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/frontend/assets/"  # their names change with what is in them
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["ecommerce.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

# Data: one database a service, and the platform's

DEFAULT_AUTO_FIELD = "django_mongodb_backend.fields.ObjectIdAutoField"


def _database(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "ecommerce.mongodb",
        "HOST": ENV.MONGO_URI,
        "NAME": f"{ENV.DATABASE_PREFIX}{name}",
        # A request must get its 503 before the client gives up.
        "OPTIONS": {
            "serverSelectionTimeoutMS": 3000,
            "connectTimeoutMS": 3000,
            "retryWrites": True,
            "w": "majority",
            "wTimeoutMS": 5000,
        },
    }


DATABASES = {"default": _database("platform")} | {name: _database(name) for name in ENV.served}
DATABASE_ROUTERS = ["ecommerce.databases.OwnDatabase"]
MIGRATION_MODULES = {
    "admin": "ecommerce.platform.migrations_of.admin",
    "auth": "ecommerce.platform.migrations_of.auth",
    "contenttypes": "ecommerce.platform.migrations_of.contenttypes",
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
MASTER_KEY = ENV.master_key
MASTER_KEYS_OLD = ENV.master_keys_old
SILENCED_SYSTEM_CHECKS = ["models.W035"]  # each service has an `events`, in a database of its own

# Beside the databases, what lies on this machine: `erase_customer` searches it
LOG_FOLDER = BASE_DIR / "logs"
SANDBOX_LEDGERS = [BASE_DIR / "var" / name / "ledger.db" for name in ("gateway", "carrier")]

# The services' own

SERVED = ENV.served
KAFKA_BROKERS = ENV.KAFKA_BROKERS
KAFKA_CLIENT_ID = ENV.KAFKA_CLIENT_ID
KAFKA_OPTIONS = ENV.kafka_options
PAYMENT_GATEWAY = ENV.PAYMENT_GATEWAY
GATEWAY_URL = ENV.GATEWAY_URL if PAYMENT_GATEWAY == "sandbox" else None
STRIPE_API_KEY = ENV.STRIPE_API_KEY
STRIPE_WEBHOOK_SECRET = ENV.STRIPE_WEBHOOK_SECRET
STRIPE_API_BASE = ENV.STRIPE_API_BASE
CARRIER_URL = ENV.CARRIER_URL
CARRIER_WEBHOOK_SECRET = ENV.carrier_webhook_secret
ORDER_DEADLINE = timedelta(seconds=ENV.ORDER_DEADLINE_SECONDS)

# Celery and Channels, over Redis. A request never waits long for a Redis that is down: sweeps find what it lost.

REDIS_URL = ENV.REDIS_URL
CELERY_BROKER_URL, CELERY_BROKER_USE_SSL = links.celery_broker(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 3,
    "socket_connect_timeout": 1,
    # What a worker holds is not noted in Redis: what is lost with it a sweep finds, long before Redis would have.
    "ack_emulation": False,
    "global_keyprefix": ENV.DATABASE_PREFIX,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ROUTES = {"ecommerce.relay.shift": {"queue": "relay"}}
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "relay": {"task": "ecommerce.relay.shift", "schedule": 1.0, "options": {"expires": 1}},
}
_SWEEPS = {"orders": ("orders.expire", 1.0), "payments": ("payments.sweep", 2.0), "shipping": ("shipping.sweep", 2.0)}
for _name in set(_SWEEPS) & set(SERVED):
    _task, _seconds = _SWEEPS[_name]
    CELERY_BEAT_SCHEDULE[f"{_name} sweep"] = {"task": _task, "schedule": _seconds, "options": {"expires": _seconds}}
if ENV.SERVICE == "all" and ENV.AUDIT_EVERY_SECONDS:
    CELERY_BEAT_SCHEDULE["audit"] = {
        "task": "ecommerce.audit",
        "schedule": float(ENV.AUDIT_EVERY_SECONDS),
        "options": {"expires": ENV.AUDIT_EVERY_SECONDS},
    }
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [ENV.REDIS_URL], "prefix": f"{ENV.DATABASE_PREFIX}live"},
    }
}
WEBSOCKETS = "frontend.routing.application" if ENV.SERVICE == "all" else ""

# The API

AUTH_USER_MODEL = "platform.User"
LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"
AUTHENTICATION_BACKENDS = ["ecommerce.platform.signin.GuardedBackend"]
SIGN_IN_FAILURES = 5  # for one name from one address, until both are locked together
SIGN_IN_FAILURES_PER_ADDRESS = ENV.SIGN_IN_FAILURES_PER_ADDRESS
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["ecommerce.http.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["ecommerce.http.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["ecommerce.http.rendering.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "ecommerce.http.rendering.AlwaysJSON",
    "EXCEPTION_HANDLER": "ecommerce.http.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_THROTTLE_CLASSES": ["ecommerce.http.throttling.Throttle"],
    "DEFAULT_SCHEMA_CLASS": "ecommerce.http.openapi.Described",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Orders",
    "DESCRIPTION": "Places orders, and follows them until they are completed or cancelled.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v[0-9]+",
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATION_PARAMETERS": False,
    "POSTPROCESSING_HOOKS": ["ecommerce.http.openapi.in_camel_case"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_AUTHENTICATION": [],
}
THROTTLE_RATES = ENV.throttle_rates
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": ENV.JWT_SECRET,
    "ISSUER": "ecommerce",
    "AUDIENCE": "ecommerce",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "ROTATE_REFRESH_TOKENS": True,
    "CHECK_REVOKE_TOKEN": True,
    "USER_ID_CLAIM": "sub",
    "TOKEN_USER_CLASS": "ecommerce.http.authentication.Caller",
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

# The back office

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Back office",
    "SITE_HEADER": "Back office",
    "SITE_SYMBOL": "storefront",
    "SHOW_BACK_BUTTON": True,
    "LOGIN": {"form": "ecommerce.backoffice.signin.SignInForm"},
    "DASHBOARD_CALLBACK": "ecommerce.backoffice.landing.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "ecommerce.backoffice.landing.navigation"},
}

# Hardening

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if PRODUCTION:  # browsers take such names from this host alone, over TLS alone, for all of its paths
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]  # whoever asks for those is inside
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION

LOGGING = logging.configuration(ENV.LOG_LEVEL, ENV.SERVICE)
