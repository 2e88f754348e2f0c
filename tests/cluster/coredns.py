"""CoreDNS as clusters have it, with a file in place of the plugin for Kubernetes: caching or not."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.build import COREDNS
from tests.servers.process import Server

_ZONE = """\
$ORIGIN {zone}.
@ {ttl} IN SOA ns.dns.{zone}. hostmaster.{zone}. 1 7200 1800 86400 {ttl}
@ {ttl} IN NS ns.dns.{zone}.
{names}"""
_PROBE = b"\0\1\1\0\0\1\0\0\0\0\0\0\0\0\6\0\1"  # the root's SOA: refused, which is an answer


class CoreDns(Server):
    """Answers for one zone: ``names`` in it have addresses, which live ``ttl`` seconds, and nothing else is there.

    ``cache`` is what stands in the block of its plugin ``cache``; without it (``None``) there is no such plugin.
    """

    def __init__(
        self,
        home: Path,
        names: Mapping[str, Sequence[str]],
        *,
        cache: Sequence[str] | None,
        ttl: int = 30,
        zone: str = "cluster.local",
    ) -> None:
        super().__init__(home)
        self._names, self._cache, self._ttl, self._zone = names, cache, ttl, zone

    @property
    def resolv(self) -> Path:
        """A file that names it as a pod's does; the port is its own."""
        file = self.home / "resolv.conf"
        searched = " ".join(f"{prefix}{self._zone}" for prefix in ("functions.svc.", "svc.", ""))
        file.write_text(f"search {searched} example.org\nnameserver {self.host}\noptions ndots:5\n")
        return file

    def command(self) -> Sequence[str]:
        """Write the zone and the Corefile."""
        records = [f"{name} {self._ttl} IN A {each}\n" for name, addresses in self._names.items() for each in addresses]
        (self.home / "zone").write_text(_ZONE.format(zone=self._zone, ttl=self._ttl, names="".join(records)))
        cache = [] if self._cache is None else ["cache 30 {", *self._cache, "}"]
        lines = [f"bind {self.host}", "errors", f"file {self.home / 'zone'} {self._zone}", *cache]
        corefile = self.home / "Corefile"
        corefile.write_text("\n".join([f".:{self.port} {{", *lines, "}", ""]))
        return [COREDNS.path("coredns"), "-conf", str(corefile)]

    def answers(self) -> bool:
        """Tell whether it answers anything."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.2)
            asking.connect((self.host, self.port))
            try:
                asking.send(_PROBE)
                return bool(asking.recv(512))
            except OSError:
                return False
