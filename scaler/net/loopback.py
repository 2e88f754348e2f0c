"""Which addresses are on this machine for sure."""

from ipaddress import ip_address

from scaler.net.egress import split_host_port


def on_loopback(address: str) -> bool:
    """Tell whether ``host:port`` is on this machine for sure: other names than localhost may resolve to anything."""
    try:
        host, _ = split_host_port(address, lowest=0)
        return host.casefold() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
