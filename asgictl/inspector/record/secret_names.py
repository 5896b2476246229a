"""The headers and parameters whose values are secrets wherever nobody says anything else.

Upper and lower case are one, and so are `api_key`, `api-key` and `apiKey`. What begins with `*-` is how names end.
"""

import re
from collections.abc import Callable, Iterable

GROUPS: dict[str, tuple[str, ...]] = {
    # RFC 9110 section 11, RFC 6265, RFC 9449 section 4.1, RFC 9421 section 4.2
    "HTTP": (
        *("authorization", "proxy-authorization", "authentication-info", "proxy-authentication-info"),
        *("cookie", "set-cookie", "dpop", "signature"),
    ),
    # RFC 6749, 7009, 7521, 7636, 7662, 8628, 8693; OpenID Connect Core and RP-Initiated Logout; RFC 5849; SAML bindings
    "OAuth, OpenID and SAML": (
        *("access_token", "refresh_token", "id_token", "id_token_hint", "logout_token", "code", "client_secret"),
        *("assertion", "client_assertion", "code_verifier", "device_code", "user_code", "subject_token", "actor_token"),
        *("registration_access_token", "oauth_token", "oauth_token_secret", "oauth_signature", "oauth_verifier"),
        *("samlart", "samlrequest", "samlresponse"),
    ),
    # https://github.com/getsentry/sentry-python/blob/master/sentry_sdk/scrubber.py
    # https://docs.rollbar.com/docs/python (scrub_fields), https://guides.rubyonrails.org/configuring.html (filters)
    "parameters": (
        *("token", "auth_token", "user_token", "session_token", "bearer_token", "api_token", "secret_token", "jwt"),
        *("api_key", "api_secret", "app_secret", "access_key", "secret_access_key", "secret", "secret_key"),
        *("private_key", "auth", "credentials", "password", "passwd", "passphrase", "pwd", "mysql_pwd"),
        *("new_password", "old_password", "current_password", "password1", "password2", "confirm_password"),
        *("password_confirmation", "otp", "totp", "sig", "hmac"),
        *("confirmation_token", "invitation_token", "remember_token", "reset_password_token", "unlock_token"),
    ),
    # Django, Rails, Laravel, Angular, Express, Tornado, ASP.NET: their guides about cross-site request forgery
    "forgery tokens": (
        *("x-csrftoken", "x-csrf-token", "x-xsrf-token", "csrf", "csrf_token", "csrfmiddlewaretoken"),
        *("xsrf", "xsrf_token", "authenticity_token", "requestverificationtoken", "anti_csrf_token"),
    ),
    # What PHP, Java servlets (also in paths), Django, Express, Laravel and aiohttp call them; Sentry's list has most
    "sessions": (
        *("phpsessid", "jsessionid", "sessionid", "connect.sid", "laravel_session", "aiohttp_session", "user_session"),
        *("x-session-token", "x-session-id"),
    ),
    "proxies and gateways": (
        # https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview, https://docs.nginx.com (auth_request)
        *("x-forwarded-access-token", "x-auth-request-access-token", "x-original-authorization"),
        *("x-forwarded-authorization", "x-access-token", "x-id-token", "x-refresh-token", "x-jwt-assertion"),
        # https://developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/validating-json
        *("cf-access-jwt-assertion", "cf-access-client-secret", "cf-access-token", "cf_authorization", "cf_clearance"),
        *("x-auth-token", "x-auth-key", "x-api-key", "x-api-token", "x-api-secret", "x-token", "x-secret"),
    ),
    "clouds": (
        # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, and Elastic Load Balancing's
        *("x-amz-security-token", "x-amz-signature", "x-amz-credential", "x-amzn-oidc-accesstoken", "x-amzn-oidc-data"),
        *("x-aws-ec2-metadata-token", "x-amz-server-side-encryption-customer-key"),
        # https://cloud.google.com/storage/docs/authentication/signatures, .../iap/docs/signed-headers-howto
        *("x-goog-signature", "x-goog-credential", "x-goog-api-key", "x-goog-iap-jwt-assertion"),
        *("x-goog-iam-authorization-token", "x-serverless-authorization", "x-goog-encryption-key"),
        # https://learn.microsoft.com/azure: API Management, App Service, Functions, Storage
        *("ocp-apim-subscription-key", "subscription-key", "x-functions-key", "x-zumo-auth", "x-ms-client-principal"),
        *("x-ms-token-aad-access-token", "x-ms-token-aad-id-token", "x-ms-token-aad-refresh-token"),
        *("x-ms-encryption-key", "x-ms-copy-source-authorization"),
        # https://docs.openstack.org/api-ref/identity/v3
        *("x-subject-token", "x-service-token", "x-storage-token"),
    ),
    # Each service's API reference
    "services": (
        *("private-token", "job-token", "deploy-token", "x-gitlab-token", "job_token", "feed_token"),  # GitLab
        *("x-hub-signature", "x-hub-signature-256", "stripe-signature", "x-slack-signature", "x-twilio-signature"),
        *("x-shopify-access-token", "x-shopify-hmac-sha256", "x-telegram-bot-api-secret-token", "x-square-hmacsha256"),
        *("x-vault-token", "x-consul-token", "x-nomad-token", "x-registry-auth", "x-registry-config", "jenkins-crumb"),
        *("dd-api-key", "dd-application-key", "x-algolia-api-key", "x-license-key", "x-hasura-admin-secret"),
        *("x-parse-rest-api-key", "x-parse-master-key", "x-parse-session-token", "xi-api-key", "x-insert-key"),
    ),
    # https://docs.gitlab.com/development/logging (its filters), https://www.elastic.co/docs/reference/apm/agents/python
    # (sanitize_field_names), Rails' config/initializers/filter_parameter_logging.rb
    "names that end like these": (
        *("*-token", "*-secret", "*-password", "*-passwd", "*-passphrase", "*-authorization", "*-signature", "*-jwt"),
        *("*-api-key", "*-access-key", "*-secret-key", "*-private-key", "*-auth-key", "*-master-key", "*-admin-key"),
        *("*-account-key", "*-subscription-key", "*-license-key", "*-encryption-key", "*-signing-key", "*-service-key"),
    ),
}

# What is known without a name.
SHAPES = (
    "passwords and tokens in URLs",
    "JSON Web Tokens",
    "credentials behind `Bearer`, `Basic` and other schemes",
    "tokens behind `bearer` in subprotocols",
)

NAMES = tuple(name for names in GROUPS.values() for name in names)

# What ends like a secret, and tells only where a list goes on (https://google.aip.dev/158, AWS, Azure, CalDAV).
_PAGES = re.compile(r"(?i)(?:page|next|sync|continuation)[-_]?token\Z")


def ending(names: Iterable[str]) -> Callable[[str], bool]:
    """Return what tells whether a name ends like one of `names`: like `*-api-key` do `my_api_key` and `myApiKey`."""
    words = {name[2:] for name in names if name.startswith("*-") and name[2:]}
    ends = "|".join("[-_]?".join(map(re.escape, re.split("[-_]", word))) for word in sorted(words))
    pattern = re.compile(rf"(?:[-_]|(?<=[a-z0-9])(?=[A-Z]))(?i:{ends})\Z" if words else r"(?!)")
    return lambda name: pattern.search(name) is not None and not _PAGES.search(name)
