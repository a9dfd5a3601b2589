"""From a conversation to the one short text that says what it is about.

Pure and without memory: replicas agree, and a conversation that is sent again gets the same
text. Time grows with the part that is read, never with its square: blocks are found by one
pass that only moves forward, and no pattern here can match the same characters twice.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from semrouter_extproc.core.conversation import USER, Turn

INJECTED_TAGS: Final = frozenset(
    {
        # Claude Code
        *("system-reminder", "command-name", "command-message", "user-prompt-submit-hook"),
        *("local-command-stdout", "local-command-stderr", "local-command-caveat"),
        *("bash-input", "bash-stdout", "bash-stderr", "task-notification", "teammate-message"),
        *("ide_opened_file", "ide_selection", "ide_diagnostics", "browser_instruction"),
        # Codex
        *("environment_context", "user_instructions", "user_shell_command", "turn_aborted"),
        *("subagent_notification", "recommended_plugins", "hook_prompt", "goal_context"),
        *("codex_internal_context", "collaboration_mode", "personality_spec"),
        # Cursor
        *("additional_data", "attached_files", "open_and_recently_viewed_files", "user_info"),
        *("system_reminder", "git_status", "project_layout", "agent_skills", "agent_transcripts"),
        *("manually_attached_skills", "mcp_file_system", "image_files", "hooks_context"),
        *(
            "rules",
            "user_rules",
            "always_applied_workspace_rules",
            "cursor_rules_context",
            "timestamp",
        ),
        # Cline, Roo Code, Kilo Code
        *("environment_details", "file_content", "folder_content", "url_content"),
        *("explicit_instructions", "workspace_diagnostics"),
        # GitHub Copilot
        *("environment_info", "workspace_info", "editorContext", "reminderInstructions"),
        *("attachments", "customizationsUpdate", "repoMemory", "toolReferences", "todoList"),
        # Gemini CLI, Qwen Code, Antigravity, Kiro
        *("session_context", "hook_context", "ADDITIONAL_METADATA", "USER_SETTINGS_CHANGE"),
        *("EnvironmentContext", "OPEN-EDITOR-FILES", "ACTIVE-EDITOR-FILE", "fileTree"),
    }
)
"""Tags of blocks that coding agents put into a user's turns."""

OWN_TAGS: Final = frozenset(
    {
        *("user_query", "user_message", "userRequest", "USER_REQUEST", "user_request"),
        *("task", "feedback", "answer", "command-args"),
    }
)
"""Tags in which coding agents put the user's own words."""

INJECTED_SECTIONS: Final = (
    ("# AGENTS.md instructions", "</INSTRUCTIONS>"),
    ("# Context from my IDE setup:", "## My request for Codex:"),
    ("--- Content from referenced files ---", "--- End of content ---"),
)
"""Begin and end of injected blocks that have no tag of their own: Codex's and Gemini CLI's."""

# So many characters of a conversation are looked at, however long it is: the ends of a longer
# turn, and no turn before it. What a hostile body can cost ends here.
_LOOKED_AT: Final = 400_000
_INDENTED: Final = 40

# Possessive, so that no character is tried twice: the next bracket ends every attempt.
_REST_OF_TAG: Final = r"(?:\s[^<>]*+)?>"
_BEGIN_TAG: Final = re.compile(rf"<([^\s<>/]++){_REST_OF_TAG}")


@dataclass(frozen=True)
class Reading:
    """How to read a conversation.

    The text has at most `max_chars` characters. A last turn of fewer than `enough_chars` is
    filled up to there with earlier ones. Blocks in `injected_tags`, and from the begin of an
    injected section to its end, are left out; `own_tags` hold the user's own words.
    """

    max_chars: int = 500
    enough_chars: int = 175
    injected_tags: frozenset[str] = INJECTED_TAGS
    own_tags: frozenset[str] = OWN_TAGS
    injected_sections: tuple[tuple[str, str], ...] = INJECTED_SECTIONS

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """Of these, every turn has one that is not the user's own words alone."""
        return ("<", *(begin for begin, _ in self.injected_sections))

    @cached_property
    def injected(self) -> tuple["Blocks", ...]:
        """What is left out of a turn."""
        sections = (Blocks.of_section(begin, end) for begin, end in self.injected_sections)
        return (Blocks.of_tags(self.injected_tags), *sections)

    @cached_property
    def own(self) -> "Blocks":
        """What a turn is read for, where an agent wrote the rest of it."""
        return Blocks.of_tags(self.own_tags)

    @cached_property
    def own_tag(self) -> re.Pattern[str]:
        """Matches the begin or the end of the user's own words."""
        names = "|".join(map(re.escape, sorted(self.own_tags))) or "(?!)"
        return re.compile(f"</?(?:{names}){_REST_OF_TAG}")


def text_to_classify(turns: Sequence[Turn], reading: Reading) -> str:
    """Return what the user talks about, "" where no turn of theirs has text.

    The last turn comes first and whole, or its head and its tail where it is too long; a
    short one is followed by earlier turns, the newest first.
    """
    pieces: list[str] = []
    room = reading.max_chars
    for words in _turns_of_the_user(turns, reading):
        pieces.append(shortened(words, room))
        room = reading.enough_chars - sum(map(len, pieces))
        if room <= 0:
            break
    # A lone surrogate is legal in JSON and in Python, but not in UTF-8.
    return "\n".join(pieces)[: reading.max_chars].encode("utf-8", "replace").decode()


def own_words(text: str, reading: Reading) -> str:
    """Return what the user wrote of a turn, without what agents put around it."""
    if not any(mark in text for mark in reading.marks):
        return text.strip()  # as most turns, and quickly seen
    kept = text
    for blocks in reading.injected:
        kept = "".join(blocks.around(kept))
    if len(kept) < len(text):
        # An agent wrote this turn: more of it may be its own than the list of tags knows.
        kept = "\n".join(reading.own.inside(kept)).strip() or kept
    return reading.own_tag.sub("", kept).strip()


def shortened(text: str, length: int) -> str:
    """Return `text`, or its head and its tail, half of `length` each."""
    if len(text) <= length:
        return text
    tail = length // 2
    return text[: length - tail] + text[len(text) - tail :]


def _turns_of_the_user(turns: Sequence[Turn], reading: Reading) -> Iterator[str]:
    """Yield the user's words, the newest turn first; a turn without any is left out."""
    left = _LOOKED_AT
    for turn in reversed(turns):
        if turn.role != USER or not turn.text:
            continue
        if left <= 0:
            return
        text = shortened(turn.text, left)
        left -= len(text)
        if words := own_words(text, reading):
            yield words


class Blocks:
    """Finds blocks in a text, by what `begin` matches and the end that belongs to it.

    A block begins a line, so that a question about `<task>` is none, and reaches to the first
    end of its kind; without one it is text like any other.
    """

    def __init__(self, begin: re.Pattern[str], ends: Mapping[str, str]) -> None:
        self._begin = begin
        self._ends = ends

    @classmethod
    def of_tags(cls, tags: Iterable[str]) -> "Blocks":
        """Return blocks between a tag and its end tag."""
        return cls(_BEGIN_TAG, {tag: f"</{tag}>" for tag in tags})

    @classmethod
    def of_section(cls, begin: str, end: str) -> "Blocks":
        """Return blocks between two texts."""
        return cls(re.compile(f"({re.escape(begin)})"), {begin: end})

    def around(self, text: str) -> Iterator[str]:
        """Yield what stands between the blocks."""
        position = 0
        for block in self._found_in(text):
            yield text[position : block.start]
            position = block.stop
        yield text[position:]

    def inside(self, text: str) -> Iterator[str]:
        """Yield what the blocks hold."""
        for block in self._found_in(text):
            yield text[block.held_from : block.held_to]

    def _found_in(self, text: str) -> Iterator["_Block"]:
        # An end that is missing is looked for once: otherwise the time would grow with the
        # square of a text full of begins.
        missing: set[str] = set()
        position = 0
        while begin := self._begin.search(text, position):
            position = begin.end()
            end = self._ends.get(begin[1])
            if end is None or end in missing or not _begins_line(text, begin.start()):
                continue
            held_to = text.find(end, position)
            if held_to < 0:
                missing.add(end)
                continue
            stop = held_to + len(end)
            yield _Block(begin.start(), position, held_to, stop)
            position = stop


class _Block(NamedTuple):
    """Where a block starts and stops, and the same of what it holds."""

    start: int
    held_from: int
    held_to: int
    stop: int


def _begins_line(text: str, position: int) -> bool:
    before = text[max(position - _INDENTED, 0) : position].rstrip(" \t")
    return not before or before[-1] in "\n>"
