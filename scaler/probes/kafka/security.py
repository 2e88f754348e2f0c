"""What a trigger may say of how to log in to a Kafka cluster and how to speak TLS to it."""

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from scaler.net.egress import misaddressed
from scaler.net.tls import Tls
from scaler.probes.kafka.login import Aws, Kerberos, Login, Mechanism, OAuth
from scaler.triggers.params import Names, SourceParams
from scaler.triggers.values import Boolean, CommaList, KeyValues

_UNFIT: Final = re.compile(r"[\x00-\x20\x7f\\]")  # parsers of URLs do not agree on what these mean


def is_web_address(text: str) -> bool:
    """Tell whether ``text`` is an http or https URL with a host and without a user."""
    try:
        url = urlsplit(text)
        fit = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False
    return fit and "@" not in url.netloc and _UNFIT.search(text) is None


class ClusterParams(SourceParams):
    """Brokers, login and TLS."""

    bootstrap_servers: Annotated[CommaList, Field(description="Brokers to begin with, `host:port,host:port`.")]
    sasl: Annotated[
        Literal["none", "plaintext", "scram_sha256", "scram_sha512", "oauthbearer", "gssapi"],
        Field(description="How to log in."),
    ] = "none"
    username: Annotated[str, Field(description="The user, or the OAuth client.")] = ""
    password: Annotated[SecretStr | None, Field(description="The user's password, or the OAuth client's secret.")] = (
        None
    )
    issuer: Annotated[
        Literal["bearer", "aws_msk_iam"],
        Names("saslTokenProvider"),
        Field(description="Who issues the tokens of `oauthbearer`."),
    ] = "bearer"
    scopes: Annotated[CommaList, Field(description="The OAuth scopes to ask for.")] = ()
    oauth_token_endpoint_uri: Annotated[
        str, Field(description="Where OAuth tokens are issued: an http or https URL, without a user in it.")
    ] = ""
    oauth_extensions: Annotated[KeyValues, Field(description="SASL extensions, `key=value,key=value`.")] = ()
    aws_region: Annotated[str, Field(description="The region of an MSK cluster.")] = ""
    aws_access_key_id: Annotated[
        str, Names("awsAccessKeyID", "awsAccessKeyId"), Field(description="The access key of `aws_msk_iam`.")
    ] = ""
    aws_secret_access_key: Annotated[SecretStr | None, Field(description="Its secret.")] = None
    aws_session_token: Annotated[SecretStr | None, Field(description="Its session, if it is temporary.")] = None
    identity_owner: Annotated[
        Literal["pod", "operator"],
        Field(description="`operator`: the AWS identity of Warmscaler itself, by the package botocore."),
    ] = "pod"
    keytab: Annotated[SecretStr | None, Field(description="The Kerberos keytab, in base64.")] = None
    realm: Annotated[str, Field(description="The Kerberos realm; see `kerberosConfig`.")] = ""
    kerberos_config: Annotated[
        str,
        Field(
            description="Required and not read: what counts is the krb5.conf of Warmscaler's own process. The KDCs are "
            "found and asked by the Kerberos library, so the egress rules do not apply to them."
        ),
    ] = ""
    kerberos_service_name: Annotated[str, Field(description="The brokers' Kerberos service.")] = "kafka"
    kerberos_disable_fast: Annotated[Boolean, Names("kerberosDisableFAST"), Field(description="No effect.")] = False

    tls: Annotated[Literal["enable", "disable"], Field(description="Whether to speak TLS.")] = "disable"
    source_unsafe_ssl: Annotated[
        Boolean, Field(description="Believe any certificate (the native scaler's `unsafeSsl`).")
    ] = False
    ca: Annotated[str, Field(description="PEM: an authority to trust besides the system's.")] = ""
    cert: Annotated[str, Field(description="PEM: the certificate to show; goes with `key`.")] = ""
    key: Annotated[SecretStr | None, Field(description="PEM: the certificate's private key.")] = None
    key_password: Annotated[SecretStr | None, Field(description="What the private key is encrypted with.")] = None

    def problems(self) -> Iterator[str]:
        """Check addresses, what each way to log in needs, and the pairs that go together."""
        for said in misaddressed(self.bootstrap_servers):
            yield f"'bootstrapServers' {said}"
        if self.tls == "enable" and bool(self.cert) != (self.key is not None):
            yield "'cert' and 'key' go together"
        match self.sasl:
            case "none":
                return
            case "oauthbearer" if self.issuer == "aws_msk_iam":
                yield from self._bad_aws()
            case "gssapi":
                yield from self._bad_kerberos()
            case _:
                yield from self._bad_user()

    def _bad_user(self) -> Iterator[str]:
        yield from self._needed("username", self.username)
        yield from self._needed("password", self.password)
        if self.sasl == "oauthbearer":
            yield from self._needed("oauthTokenEndpointUri", self.oauth_token_endpoint_uri)
            if self.oauth_token_endpoint_uri and not is_web_address(self.oauth_token_endpoint_uri):
                yield "'oauthTokenEndpointUri' is not an http or https URL with a host and without a user"

    def _bad_aws(self) -> Iterator[str]:
        if self.tls != "enable":
            yield "'saslTokenProvider' aws_msk_iam needs 'tls' to be enable"
        yield from self._needed("awsRegion", self.aws_region)
        if self.identity_owner == "pod":
            yield from self._needed("awsAccessKeyID", self.aws_access_key_id)
            yield from self._needed("awsSecretAccessKey", self.aws_secret_access_key)

    def _bad_kerberos(self) -> Iterator[str]:
        yield from self._needed("username", self.username)
        if (self.password is None) == (self.keytab is None):
            yield "'sasl' gssapi needs exactly one of 'password' and 'keytab'"
        yield from self._needed("realm", self.realm)
        yield from self._needed("kerberosConfig", self.kerberos_config)

    def _needed(self, key: str, value: str | SecretStr | None) -> Iterator[str]:
        if not value:
            yield f"'sasl' {self.sasl} needs '{key}'"

    def transport(self) -> Tls | None:
        """Say how TLS is spoken, or ``None`` for plain text. Material without `tls` is ignored, as it is natively."""
        if self.tls == "disable":
            return None
        return Tls(
            ca=self.ca,
            cert=self.cert,
            key=self.key,
            key_password=self.key_password,
            verify=not self.source_unsafe_ssl,
        )

    def login(self) -> Login | None:
        """Say how to log in, if at all."""
        secret = self.password or SecretStr("")
        match self.sasl:
            case "none":
                return None
            case "plaintext":
                return Mechanism(name="PLAIN", username=self.username, password=secret)
            case "scram_sha256":
                return Mechanism(name="SCRAM-SHA-256", username=self.username, password=secret)
            case "scram_sha512":
                return Mechanism(name="SCRAM-SHA-512", username=self.username, password=secret)
            case "gssapi":
                return self._kerberos()
            case "oauthbearer":
                return self._aws() if self.issuer == "aws_msk_iam" else self._oauth(secret)

    def _kerberos(self) -> Kerberos:
        return Kerberos(
            service=self.kerberos_service_name,
            principal=f"{self.username}@{self.realm}",
            password=self.password,
            keytab=self.keytab,
        )

    def _oauth(self, secret: SecretStr) -> OAuth:
        return OAuth(
            endpoint=self.oauth_token_endpoint_uri,
            client=self.username,
            secret=secret,
            scopes=self.scopes,
            extensions=self.oauth_extensions,
        )

    def _aws(self) -> Aws:
        if self.identity_owner == "operator":
            return Aws(region=self.aws_region)
        return Aws(
            region=self.aws_region,
            access_key=self.aws_access_key_id,
            secret_key=self.aws_secret_access_key,
            session_token=self.aws_session_token,
        )
