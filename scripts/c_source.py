# SPDX-License-Identifier: MIT
"""What the checks of C sources share."""
import re

COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')', re.DOTALL)


def without_comments(text, keep_strings):
    """The text with comments, and without keep_strings also strings, emptied; lines keep their numbers."""
    def emptied(match):
        if match[1] is None:
            return " " + re.sub(r"[^\n]", "", match[0])
        return match[1] if keep_strings else '""'
    return COMMENT_OR_STRING.sub(emptied, text)
