"""EncoderSpec: everything that decides what vector a text gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from intrex.data.io.files import fingerprint


@dataclass(frozen=True)
class EncoderSpec:
    """Record of an index's encoder, so that queries get the same one.

    ``kind`` is a name in the encoder registry; ``revision`` identifies the weights (a hub commit or a sha256).
    ``prompts`` has the strings put before a ``query`` and a ``document``.
    """

    kind: str
    name: str
    revision: str = ""
    dim: int = 0
    max_length: int | None = None
    pooling: str | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, of which ``EncoderSpec(**data)`` makes the spec again."""
        return asdict(self)

    @property
    def fingerprint(self) -> str:
        """sha256 of the canonical JSON."""
        return fingerprint(self.to_dict())
