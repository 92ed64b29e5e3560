"""What a reader says of bytes that do not hold."""


class Refusal(Exception):
    """An entry is refused, with a code of docs/formats.md, section 11."""

    def __init__(self, code, text=""):
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


def require(holds, code, text=""):
    """Refuses with the code unless the condition holds."""
    if not holds:
        raise Refusal(code, text)
