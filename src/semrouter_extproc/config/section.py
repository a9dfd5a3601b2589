"""What every part of the page has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the page: every key is known, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)
