"""What a sandbox is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from connector.errors import ConfigError
from connector.sandbox.faults import Faults


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """All options of a sandbox; the defaults suit a laptop.

    Raises:
        ConfigError: options that do not fit together.
    """

    host: str = field(default="127.0.0.1", metadata={"help": "address to listen on; IPv6 such as ::1 too"})
    port: int = field(default=8765, metadata={"help": "port to listen on; 0 takes a free one"})
    store: Path | None = field(default=None, metadata={"help": "SQLite file of the items; memory when none"})
    no_store: bool = field(
        default=False, metadata={"help": "swallow bodies unparsed and unchecked, for load"}
    )
    base_path: str = field(default="/v1", metadata={"help": "path before the organisation"})
    org: str = field(default="sandbox", metadata={"help": "the organisation that exists"})
    project: str = field(default="sandbox", metadata={"help": "the project that exists"})
    source_id: str = field(default="1000000000000000001", metadata={"help": "the source that exists"})
    key: str = field(default="sandbox.not-a-secret", metadata={"help": "the API key that is accepted"})
    revoked: tuple[str, ...] = field(
        default=(), metadata={"help": "an API key that is answered 403; may be repeated"}
    )
    identity: Literal["any", "strict"] = field(
        default="any", metadata={"help": "strict: a behavioural event needs a profileId"}
    )
    echo: bool = field(default=False, metadata={"help": "answer with the items instead of {}"})
    faults: Faults = field(default=Faults(), metadata={"help": "JSON, or a file of it: how to misbehave"})
    tls_cert: Path | None = field(default=None, metadata={"help": "PEM certificate; makes it HTTPS"})
    tls_key: Path | None = field(default=None, metadata={"help": "PEM key of the certificate"})
    stop_with_stdin: bool = field(default=False, metadata={"help": "end when standard input is closed"})

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("TLS needs a certificate and its key", hint="give both tls_cert and tls_key")
        for path in (self.tls_cert, self.tls_key):
            if path is not None and not path.is_file():
                raise ConfigError(f"no such file: {path}", hint="give the path of a PEM file")
        if self.base_path and not self.base_path.startswith("/"):
            raise ConfigError(f"base_path {self.base_path!r} has no leading slash", hint=f"/{self.base_path}")
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"{self.port} is no port", hint="0 to 65535")

    @property
    def track_path(self) -> str:
        """Path of the one source's track endpoint."""
        base = self.base_path.rstrip("/")
        return f"{base}/{self.org}/projects/{self.project}/sources/{self.source_id}/track"

    def origin(self, port: int) -> str:
        """Return the URL up to the port."""
        scheme = "https" if self.tls_cert else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{port}"

    def base_url(self, port: int) -> str:
        """Return the base URL, base path included, as a sync's ``base_url`` wants it."""
        return self.origin(port) + self.base_path.rstrip("/")
