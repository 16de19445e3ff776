"""The one error a user is meant to read, and the one place that decides how it reads."""

from __future__ import annotations


class GensupError(Exception):
    """Something the user can mend. The command line prints it as one line and leaves with status 2.

    Args:
        what: what is wrong, in a few words.
        where: the file, folder, option or recipe path it is wrong in.
        value: the value that was received; left out of the line when None.
        rule: the rule it breaks.
        remedy: what to do next.
    """

    def __init__(self, what: str, *, where: str = "", value: object = None, rule: str = "", remedy: str = "") -> None:
        self.what, self.where, self.value, self.rule, self.remedy = what, where, value, rule, remedy
        head = f"{where}: {what}" if where else what
        received = "" if value is None else f" (got {value!r})" if isinstance(value, str) else f" (got {value})"
        parts = [head + received, rule, remedy]
        super().__init__("; ".join(_one_line(part) for part in parts if part))

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling, and workers raise these across processes. A value
        # that might not travel does so as its text; the message stays as it was.
        value = self.value if isinstance(self.value, None | bool | int | float | str) else str(self.value)
        return _rebuild, (str(self), self.what, self.where, value, self.rule, self.remedy)


def _rebuild(message: str, what: str, where: str, value: object, rule: str, remedy: str) -> GensupError:
    error = GensupError(what, where=where, value=value, rule=rule, remedy=remedy)
    error.args = (message,)
    return error


def _one_line(text: str) -> str:
    """White space to single spaces, and what no terminal should be sent (a file name's escape codes) escaped."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
