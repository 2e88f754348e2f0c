"""Who we are to the brokers, where kafka-python's own ways to log in take that from the process and not from a trigger.

The library hands one object of the caller's to a login, ``sasl_oauth_token_provider``; in that slot the identity comes.
"""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from tempfile import NamedTemporaryFile
from typing import Any, Final
from urllib.parse import quote_plus as quote
from uuid import uuid4

from aiohttp import encode_basic_auth
from kafka.errors import SaslAuthenticationFailedError
from kafka.net.sasl import SaslMechanismAwsMskIam, SaslMechanismGSSAPI, register_sasl_mechanism
from kafka.net.sasl.msk import AwsMskIamClient
from kafka.net.sasl.oauth import AbstractTokenProvider
from pydantic import SecretStr

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.net.http import Web
from scaler.probes.kafka.login import Aws, Kerberos, Login, OAuth

PATIENCE: Final = 2.0  # s for asking a token
EARLY: Final = 30.0  # s before its end from which a token is not used any more
LASTS: Final = 300.0  # s for which a token is good if its issuer does not say


class Token(AbstractTokenProvider):  # type: ignore[misc] # no stubs
    """An OAuth token: fetched before a connection is made, handed over while it is."""

    def __init__(self, login: OAuth) -> None:
        super().__init__()
        self._extensions = dict(login.extensions)
        self.value = ""
        self.good_until = float("-inf")

    def token(self) -> str:
        """Hand over the token."""
        return self.value

    def extensions(self) -> dict[str, str]:
        """Hand over the SASL extensions."""
        return self._extensions


class MskIam(SaslMechanismAwsMskIam):  # type: ignore[misc] # no stubs
    """AWS_MSK_IAM with the credentials and the region of the trigger; without credentials, those of the process."""

    def __init__(self, **config: Any) -> None:  # noqa: ANN401 - kafka-python's
        self._aws: Aws = config["sasl_oauth_token_provider"]
        if self._aws.secret_key is None:
            super().__init__(**config)
        self.host = config["host"]
        self._auth = None
        self._is_done = False
        self._is_authenticated = False

    def _build_client(self) -> AwsMskIamClient:
        if self._aws.secret_key is None:
            return super()._build_client()
        return AwsMskIamClient(
            host=self.host,
            access_key=self._aws.access_key,
            secret_key=self._aws.secret_key.get_secret_value(),
            region=self._aws.region,
            token=_shown(self._aws.session_token) or None,
        )


class Gssapi(SaslMechanismGSSAPI):  # type: ignore[misc] # no stubs
    """GSSAPI as the principal of the trigger, never as that of the process.

    The configuration (krb5.conf, so also which key distribution centres are asked) is the process's. Asking them blocks
    the thread of this one cluster.
    """

    def __init__(self, **config: Any) -> None:  # noqa: ANN401 - kafka-python's
        gssapi = import_module("gssapi")
        self.auth_id = f"{config['sasl_kerberos_service_name']}@{config['host']}"
        self._is_done = False
        self._is_authenticated = False
        try:
            service = gssapi.Name(self.auth_id, gssapi.NameType.hostbased_service)
            self.gssapi_name = service.canonicalize(gssapi.MechType.kerberos)
            with _credentials(gssapi, config["sasl_oauth_token_provider"]) as mine:
                self._client_ctx = gssapi.SecurityContext(name=self.gssapi_name, creds=mine, usage="initiate")
                self._next_token = self._client_ctx.step(None)
        except gssapi.exceptions.GSSError as error:
            raise SaslAuthenticationFailedError(str(error)) from error


@contextmanager
def _credentials(gssapi: Any, login: Kerberos) -> Iterator[Any]:  # noqa: ANN401 - a package that may not be there
    """Offer what proves the principal; a keytab is a file, and only for so long."""
    name = gssapi.Name(login.principal, gssapi.NameType.kerberos_principal)
    if login.keytab is None:
        yield gssapi.raw.acquire_cred_with_password(name, _shown(login.password).encode(), usage="initiate").creds
        return
    with NamedTemporaryFile() as file:
        file.write(base64.b64decode(_shown(login.keytab)))
        file.flush()
        store = {"client_keytab": f"FILE:{file.name}", "ccache": f"MEMORY:{uuid4()}"}
        yield gssapi.Credentials(name=name, usage="initiate", store=store)


register_sasl_mechanism("AWS_MSK_IAM", MskIam, overwrite=True)
register_sasl_mechanism("GSSAPI", Gssapi, overwrite=True)


class Identity:
    """The identity of one source; ``token`` is for kafka-python."""

    def __init__(self, login: Login | None, egress: Egress) -> None:
        _check_installed(login)
        self._egress = egress
        self._login = login
        self.token: Token | Login | None = Token(login) if isinstance(login, OAuth) else login

    async def ready(self) -> None:
        """See to it that a login can succeed now: fetch an OAuth token unless there is a good one.

        Raises :class:`SourceUnavailable`.
        """
        if (
            isinstance(self._login, OAuth)
            and isinstance(self.token, Token)
            and time.monotonic() > self.token.good_until
        ):
            self.token.value, lasts = await _granted(self._login, self._egress)
            self.token.good_until = time.monotonic() + lasts - EARLY


def _check_installed(login: Login | None) -> None:
    """Raise if a login needs a package that is not there."""
    needed = ""
    match login:
        case Kerberos():
            needed = "gssapi"
        case Aws(secret_key=None):
            needed = "botocore"
        case _:
            pass
    if needed and find_spec(needed) is None:
        raise SourceUnavailable(Cause.INVALID, f"this way to log in needs the Python package {needed}")


async def _granted(login: OAuth, egress: Egress) -> tuple[str, float]:
    """Ask for a token as a client (RFC 6749, 4.4) and return it with the seconds it lasts.

    The client's name and secret go into the header; where that is refused, into the form, as Go's clients do it.
    """
    form = {"grant_type": "client_credentials"}
    if any(login.scopes):
        form["scope"] = " ".join(login.scopes)
    secret = login.secret.get_secret_value()
    async with Web(egress) as web:
        try:
            headers = {
                "Authorization": encode_basic_auth(quote(login.client), quote(secret))
            }  # quoted: RFC 6749, 2.3.1
            return _read(await web.post_form(login.endpoint, form, headers=headers, patience=PATIENCE))
        except SourceUnavailable as refusal:
            if refusal.cause not in {Cause.DENIED, Cause.INVALID}:
                raise
        form |= {"client_id": login.client, "client_secret": secret}
        return _read(await web.post_form(login.endpoint, form, patience=PATIENCE))


def _read(answer: object) -> tuple[str, float]:
    token = answer.get("access_token") if isinstance(answer, dict) else None
    lasts = answer.get("expires_in", LASTS) if isinstance(answer, dict) else None
    if not isinstance(token, str) or not isinstance(lasts, int | float):
        raise SourceUnavailable(Cause.INVALID, "the OAuth server answered without a token")
    return token, float(lasts)


def _shown(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
