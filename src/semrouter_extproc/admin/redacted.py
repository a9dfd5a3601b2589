"""The configuration in force, without what is no stranger's business."""

from typing import Any

from semrouter_extproc.config import Config


def redacted(config: Config) -> dict[str, Any]:
    """Return the page with every default filled in; of system prompts, the lengths alone.

    Secrets are not in a page: it names the environment variables that hold them.
    """
    page = config.model_dump(mode="json")
    for route in page["routes"].values():
        words = route["system_prompt"]
        route["system_prompt"] = {key: f"<{len(text)} characters>" for key, text in words.items()}
    return page
