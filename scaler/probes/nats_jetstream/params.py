"""What a trigger may say of a JetStream consumer, and the records that this becomes."""

import re
from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, SecretStr

from scaler.net.tls import Tls
from scaler.probes.nats_jetstream.keys import is_seed
from scaler.probes.nats_jetstream.records import JETSTREAM_API, Address, Consumer, Login, Monitoring, Servers
from scaler.triggers.params import Names, SourceParams
from scaler.triggers.values import Boolean, CommaList, Whole

CLIENT_PORT: Final = 4222

_UNFIT: Final = re.compile(r"[\s.*>/\\\x00-\x1f\x7f]")  # what NATS allows in no name of a stream or a consumer
_SUBJECT: Final = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*\Z")
_CREDENTIALS: Final = re.compile(
    r"-----BEGIN NATS USER JWT-----\s+(?P<jwt>\S+)\s.*-----BEGIN USER NKEY SEED-----\s+(?P<seed>\S+)\s",
    re.DOTALL,
)


class SystemParams(SourceParams):
    """How to reach a NATS system, and as whom."""

    nats_server_monitoring_endpoint: Annotated[
        str, Field(description="Where the monitoring pages are, `host:port` without a scheme.")
    ] = ""
    use_https: Annotated[Boolean, Field(description="The monitoring pages are served over HTTPS.")] = False
    account: Annotated[str, Field(description="Name of the account; only the monitoring pages need it.")] = ""
    account_id: Annotated[
        str, Names("accountID"), Field(description="Id of the account; without it, the name is taken for the id.")
    ] = ""
    nats_server_url: Annotated[
        CommaList,
        Names("natsServerURL"),
        Field(
            description="Where clients connect, `nats://host:4222` or `tls://…`; several with commas. A user and "
            "password, or a token, may stand in the URL."
        ),
    ] = ()
    username: Annotated[str, Field(description="The user to connect as; goes with `password`.")] = ""
    password: Annotated[SecretStr | None, Field(description="The user's password.")] = None
    token: Annotated[SecretStr | None, Field(description="The token to connect with.")] = None
    nkey_seed: Annotated[SecretStr | None, Field(description="The seed of an NKey user, `SU…`.")] = None
    credentials: Annotated[
        SecretStr | None, Field(description="The text of a credentials file: a user's JWT and seed.")
    ] = None
    source_tls: Annotated[
        Boolean,
        Names("sourceTLS"),
        Field(description="Insist on TLS, as `tls://` does; asked for by the server, it is spoken anyway."),
    ] = False
    source_unsafe_ssl: Annotated[Boolean, Field(description="Believe any certificate.")] = False
    ca: Annotated[str, Field(description="PEM: an authority to trust besides the system's.")] = ""
    cert: Annotated[str, Field(description="PEM: the certificate to show; goes with `key`.")] = ""
    key: Annotated[SecretStr | None, Field(description="PEM: the certificate's private key.")] = None
    key_password: Annotated[SecretStr | None, Field(description="What the private key is encrypted with.")] = None
    jet_stream_domain: Annotated[str, Field(description="The JetStream domain, if not the server's own.")] = ""
    jet_stream_api_prefix: Annotated[
        str, Field(description="What the API's subjects begin with here, if it is imported from another account.")
    ] = ""

    def problems(self) -> Iterator[str]:
        """Check addresses and what goes together."""
        if self.nats_server_url:
            yield from self._bad_urls()
        else:
            yield from self._bad_endpoint()
        yield from self._bad_login()
        yield from self._bad_api()
        if bool(self.cert) != (self.key is not None):
            yield "'cert' and 'key' go together"

    def _bad_urls(self) -> Iterator[str]:
        for text in self.nats_server_url:
            url = _client_url(text)
            if url is None or url.path.strip("/") or url.query or url.fragment:
                yield f"'natsServerURL'{_shown(text)} is not nats://host:port or tls://host:port"

    def _bad_endpoint(self) -> Iterator[str]:
        endpoint = self.nats_server_monitoring_endpoint
        if not endpoint:
            yield "'natsServerMonitoringEndpoint' is required as host:port, or 'natsServerURL'"
        elif not _is_endpoint(endpoint):
            yield f"'natsServerMonitoringEndpoint'{_shown(endpoint)} is not host:port"
        if not (self.account or self.account_id):
            yield "'account' or 'accountID' is required with 'natsServerMonitoringEndpoint'"

    def _bad_login(self) -> Iterator[str]:
        given = {
            "password": self.password,
            "token": self.token,
            "nkeySeed": self.nkey_seed,
            "credentials": self.credentials,
        }
        ways = [f"'{key}'" for key, secret in given.items() if secret is not None]
        if len(ways) > 1:
            yield f"{' and '.join(ways)}: only one of them may be set"
        if bool(self.username) != (self.password is not None):
            yield "'username' and 'password' go together"
        if self.nkey_seed is not None and not is_seed(self.nkey_seed.get_secret_value()):
            yield "'nkeySeed' (value not shown) is not the seed of a user, SU and 56 more letters and digits"
        if self.credentials is not None and _in_credentials(self.credentials) is None:
            yield "'credentials' (value not shown) is not the text of a user's credentials file"

    def _bad_api(self) -> Iterator[str]:
        if self.jet_stream_domain and self.jet_stream_api_prefix:
            yield "'jetStreamDomain' and 'jetStreamApiPrefix': only one of them may be set"
        if _UNFIT.search(self.jet_stream_domain):
            yield f"'jetStreamDomain': {self.jet_stream_domain[:60]!r} is not one word"
        if self.jet_stream_api_prefix and not _SUBJECT.match(self.jet_stream_api_prefix):
            yield f"'jetStreamApiPrefix': {self.jet_stream_api_prefix[:60]!r} is not a subject without wildcards"

    def source(self) -> Monitoring | Servers:
        """Name the source; only of parameters without problems."""
        tls = Tls(
            ca=self.ca,
            cert=self.cert,
            key=self.key,
            key_password=self.key_password,
            verify=not self.source_unsafe_ssl,
        )
        if not self.nats_server_url:
            scheme = "https" if self.use_https else "http"
            return Monitoring(
                base=f"{scheme}://{self.nats_server_monitoring_endpoint.rstrip('/')}",
                account=self.account,
                account_id=self.account_id or self.account,
                tls=tls,
            )
        urls = [url for text in self.nats_server_url if (url := _client_url(text)) is not None]
        return Servers(
            addresses=tuple(sorted({Address(url.hostname or "", url.port or CLIENT_PORT) for url in urls})),
            secure=self.source_tls or any(url.scheme == "tls" for url in urls),
            tls=tls,
            login=self._login(urls),
            api=self.jet_stream_api_prefix or self._domain_api(),
        )

    def _domain_api(self) -> str:
        return f"$JS.{self.jet_stream_domain}.API" if self.jet_stream_domain else JETSTREAM_API

    def _login(self, urls: list[SplitResult]) -> Login:
        """Take the credentials of the parameters, else those of the first URL that has some."""
        if self.credentials is not None and (login := _in_credentials(self.credentials)):
            return login
        if self.nkey_seed is not None or self.password is not None or self.token is not None:
            return Login(username=self.username, password=self.password, token=self.token, seed=self.nkey_seed)
        return next((_login_in(url) for url in urls if url.username), Login())


class NatsJetStreamParams(SystemParams):
    """What a JetStream consumer has still to do: messages it was not given yet plus those it has not acknowledged.

    Read in one of two ways. With `natsServerURL`, through the JetStream API of an ordinary client connection, which
    also tells at once when a message comes; the user needs to publish to `$JS.API.CONSUMER.INFO.>`,
    `$JS.API.CONSUMER.LIST.*` and `$JS.API.STREAM.INFO.*`, and to subscribe to `_INBOX.>` and to the stream's subjects.
    Without the permission to subscribe to those, or if the stream takes from other streams, the consumer is read four
    times a second while the trigger is inactive. Nothing is ever created, consumed or acknowledged.

    With `natsServerMonitoringEndpoint` alone, through the server's monitoring pages, as the native scaler does it, and
    once a second while the trigger is inactive, since a page tells of all consumers of the account. It may hold 4 MiB,
    which is some 3,500 consumers. If both are given, the API is read.
    """

    stream: Annotated[str, Field(description="The stream.")]
    consumer: Annotated[str, Field(description="The consumer.")]
    lag_threshold: Annotated[Whole, Field(gt=0, description="How many messages one replica takes.")] = 10
    activation_lag_threshold: Annotated[Whole, Field(description="Active means more messages than this.")] = 0

    def problems(self) -> Iterator[str]:
        """Check the system, and the names."""
        yield from super().problems()
        for key, name in (("stream", self.stream), ("consumer", self.consumer)):
            if _UNFIT.search(name):
                yield f"'{key}': {name[:60]!r} is no name: it must not hold white space, dots, slashes, '*' or '>'"

    def query(self) -> Consumer:
        """Name the consumer."""
        return Consumer(self.stream, self.consumer)


def _shown(text: str) -> str:
    """Repeat an address for a message, unless there may be a password in it."""
    return " (value not shown)" if "@" in text else f": {text[:60]!r}"


def _client_url(text: str) -> SplitResult | None:
    """Read one address of the client port, the scheme being optional; ``None`` if it is not one."""
    try:
        url = urlsplit(text if "://" in text else f"nats://{text}")
        usable = url.scheme in {"nats", "tls"} and url.hostname and url.port != 0
    except ValueError:
        return None
    return url if usable and not re.search(r"\s", text) else None


def _in_credentials(text: SecretStr) -> Login | None:
    """Find the JWT and the seed in a credentials file."""
    found = _CREDENTIALS.search(text.get_secret_value() + "\n")
    if found is None or not is_seed(found["seed"]):
        return None
    return Login(seed=SecretStr(found["seed"]), jwt=SecretStr(found["jwt"]))


def _login_in(url: SplitResult) -> Login:
    """Read ``user:password@`` or ``token@``, both possibly percent-encoded."""
    if url.password is None:
        return Login(token=SecretStr(unquote(url.username or "")))
    return Login(username=unquote(url.username or ""), password=SecretStr(unquote(url.password)))


def _is_endpoint(text: str) -> bool:
    """Tell whether ``text`` is a host, perhaps with a port and a path, and nothing that could smuggle more."""
    try:
        url = urlsplit(f"//{text}")
        return bool(url.hostname) and url.port != 0 and not re.search(r"[\s@?#\\]|://", text)
    except ValueError:
        return False
