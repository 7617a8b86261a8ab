"""Messages for users: each has a stable code, typed parameters, and a sentence in English and in Korean.

`say("too_long", limit=8192)` is the English sentence with its code and parameters; `render` gives either language from
code and parameters, also years later. Further texts of other modules are declared beside these.
"""

from shared.messages.catalogue import KINDS
from shared.messages.message import Language, Message, MessageKind, joined, render, say

__all__ = ["KINDS", "Language", "Message", "MessageKind", "joined", "render", "say"]
