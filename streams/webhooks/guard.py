"""Which addresses a webhook may reach: the public internet by https, and what its endpoint allows by name.

An endpoint's URL is written by a person, resolved by a server that others run, and answered by whoever is there. So
the check is made where it cannot be got round: on the address that a socket is about to be connected to, after
resolving, each time. A name that changes its answer between two look-ups gains nothing, since there is one look-up and
the socket goes to the address that was checked. Redirects are off, proxies of the environment are not used
(`streams.webhooks.sender`).

The networks are listed here, from IANA's registries of special-purpose addresses, since what Python calls global
differs from one patch release to the next. An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4) is judged by
that too.
"""

import re
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, SocketAddress]

_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carriers' NAT; some clouds' metadata
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # a cloud's host, reachable from each of its machines
            "169.254.0.0/16",  # link-local; most clouds' metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays, abandoned
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""All that has been given out as global unicast; what is private, link-local or multicast lies outside."""
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_URL_CHARACTERS = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII without the backslash, which some parsers take for a slash."""
_AUTHORITY = re.compile("[/?#]")
"""What ends user, host and port."""


class UrlRefused(ValueError):
    """A URL that no webhook is sent to; the message says why and holds nothing of it."""


class AddressRefused(OSError):
    """An address that this endpoint may not reach."""


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    inner = _inner(address)
    if inner is not None and not is_public(inner):
        return False
    if address in _MAPPED or address in _NAT64:
        return True
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to an IPv6 address end up at."""
    if address in _MAPPED or address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return None


class Guard:
    """The rules of one endpoint."""

    def __init__(self, allow_http: bool, ports: Iterable[int], networks: Sequence[str]) -> None:
        """`networks` may be reached though they are not public."""
        self._schemes = {"https", "http"} if allow_http else {"https"}
        self._ports = frozenset(ports)
        self._networks: list[Network] = [ip_network(network) for network in networks]

    def checked_url(self, text: str) -> URL:
        """The URL, as the HTTP client will read it; raises `UrlRefused`."""
        if not _URL_CHARACTERS.fullmatch(text):
            raise UrlRefused("expected printable ASCII without spaces and backslashes (international names as xn--...)")
        try:
            url = URL(text)
            host, port = url.raw_host, url.port
        except ValueError:
            raise UrlRefused("expected a URL such as https://host/path") from None
        if url.scheme not in self._schemes:
            raise UrlRefused("expected https:// (http:// takes allow_http = true)")
        if "@" in _AUTHORITY.split(text.partition("//")[2])[0]:
            raise UrlRefused("expected neither user nor password in it")
        if not host:
            raise UrlRefused("expected a host")
        if port not in self._ports:
            raise UrlRefused(f"expected port {', '.join(map(str, sorted(self._ports)))} (allow_ports)")
        if url.raw_fragment:
            raise UrlRefused("expected no fragment (#...)")
        self._check_host(host)
        return url

    def _check_host(self, host: str) -> None:
        try:
            literal = ip_address(host)
        except ValueError:
            last = host.rstrip(".").rpartition(".")[2]
            if last.isdigit() or last.lower().startswith("0x"):  # 2130706433, 0x7f.1, 0177.0.0.1: addresses to some
                raise UrlRefused("expected a name, or an address in its usual form") from None
            return
        if not self.allows(literal):
            raise UrlRefused("its address is not of the public internet (allow_networks)")

    def allows(self, address: Address) -> bool:
        """Whether a connection may be made to an address."""
        if is_public(address):
            return True
        candidates: list[Address] = [address]
        if isinstance(address, IPv6Address) and (inner := _inner(address)) is not None:
            candidates.append(inner)
        return any(one in network for one in candidates for network in self._networks)

    def check(self, host: object) -> None:
        """Raise `AddressRefused` unless a connection may be made to the address `host`, given as text."""
        try:
            address = ip_address(str(host).partition("%")[0])
        except ValueError:
            raise AddressRefused("no address") from None
        if not self.allows(address):
            raise AddressRefused("the address is not of the public internet (allow_networks)")

    def socket(self, addr_info: AddrInfo) -> socket.socket:
        """A socket for exactly this address, after the last check there is; aiohttp connects it to nothing else."""
        family, kind, protocol, _, address = addr_info
        self.check(address[0])
        return socket.socket(family=family, type=kind, proto=protocol)


class GuardedResolver(AbstractResolver):
    """A resolver that refuses a name as a whole when one of its addresses may not be reached."""

    def __init__(self, guard: Guard, inner: AbstractResolver) -> None:
        """Resolve by `inner`."""
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name; raises `AddressRefused`."""
        found = await self._inner.resolve(host, port, family)
        for one in found:
            self._guard.check(one["host"])
        return found

    async def close(self) -> None:
        """Close what resolves."""
        await self._inner.close()
