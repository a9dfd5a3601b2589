"""Where Envoy keeps the tokens of an answer: the names in its dynamic metadata."""

from typing import Final

NAMESPACE: Final = "semrouter.usage"

PROMPT_TOKENS: Final = "prompt_tokens"
COMPLETION_TOKENS: Final = "completion_tokens"
