"""QR codes, drawn by whoever shows them. Source: ISO/IEC 18004."""

from __future__ import annotations


def modules(text: str) -> list[str]:
    """The rows of a text's QR code from the top, one character per module, "1" for a dark one, without its border."""
    import segno  # here, since most commands never draw one

    code = segno.make(text, error="l", micro=False)
    return ["".join("1" if dark else "0" for dark in row) for row in code.matrix]
