"""What a reviewer asks for: how well prompts are placed, and whether routing them pays."""
