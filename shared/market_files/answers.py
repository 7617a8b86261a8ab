"""Why an answer of a data source cannot be used."""

from __future__ import annotations

from shared.errors import OndolError


class AnswerError(OndolError):
    """An answer that cannot be used; the message says why and what to do, without the key."""


class DamagedAnswerError(AnswerError):
    """An answer that is cut off or is not what the source documents; asking again can help."""


class BlockedError(AnswerError):
    """A page for people instead of data: the source refuses this address; asking again prolongs the block."""


class NotApprovedError(AnswerError):
    """The key is not valid, has expired, or was not approved for this service."""


class QuotaExceededError(AnswerError):
    """The source has counted more calls than it allows."""


BLOCK_PAGE = (
    "the answer is a web page instead of data: the source blocks this address, or is closed for maintenance. Do not "
    "retry now; run the command again tomorrow"
)


def refuse_page(data: bytes) -> None:
    """Raise BlockedError when an answer is an HTML page."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<script", b"<body")):
        raise BlockedError(BLOCK_PAGE)
