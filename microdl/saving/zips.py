"""Zip archives as they lie in a file: what can still be said of one that is damaged."""

_MEMBER, _NAME_AT = b"PK\3\4", 30  # a member's mark, and where its name begins


def last_member(content):
    """(name, where its data begin) of the last member that a cut archive still has a part of; None for no archive."""
    begin = content.rfind(_MEMBER)
    if not content.startswith(_MEMBER) or begin + _NAME_AT > len(content):
        return None
    return _header(content, begin)


def stored_member(content, info):
    """The bytes of a member that was stored as it is, unchecked. info: ZipInfo. Raises ValueError if compressed."""
    if info.compress_size != info.file_size:
        raise ValueError(f"member {info.filename!r} is compressed")
    _, begin = _header(content, info.header_offset)
    return content[begin : begin + info.file_size]


def _header(content, begin):
    length = int.from_bytes(content[begin + 26 : begin + 28], "little")
    extra = int.from_bytes(content[begin + 28 : begin + 30], "little")
    name = content[begin + _NAME_AT : begin + _NAME_AT + length].decode(errors="replace")
    return name, begin + _NAME_AT + length + extra
