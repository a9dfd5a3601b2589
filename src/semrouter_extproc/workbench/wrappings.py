"""What people and programs put around a question, in two pools.

No three words in a row stand in both, so that what is judged was never learned by heart.
"""

from typing import Final

TAUGHT_PREFIXES: Final = (
    "Hello!",
    "Hi there, quick one for you:",
    "Question:",
    "Here is my question.",
    "I need help with this.",
    "Could you explain the following?",
    "Think it through before you reply.",
    "Take your time with this one:",
    "Let's work on this step by step.",
    "You are a helpful assistant.",
    "As an expert in the field, tell me:",
    "This came up at work today.",
    "My teacher asked us this:",
    "Solve the problem below.",
    "Read closely and pick the best option.",
    "Urgent!",
    "Sorry if this is a silly thing to ask.",
    "From an old exam:",
    "Be concise.",
    "Double-check everything.",
)

TAUGHT_SUFFIXES: Final = (
    "Thanks!",
    "Thank you in advance.",
    "Explain your reasoning.",
    "Show all the steps.",
    "Reply with A, B, C or D only.",
    "Give just the letter of the correct choice.",
    "Output the result as JSON.",
    'Respond with {"answer": "..."} and no other text.',
    "One sentence, please.",
    "Keep it short.",
    "In fewer than fifty words.",
    "Use bullet points.",
    "Format the output as a Markdown table.",
    "Put your final answer inside \\boxed{}.",
    "No explanation needed.",
    "Start with yes or no.",
    "Write in plain English.",
    "End with 'The answer is X'.",
    "I only want the number.",
    "Don't use any headings.",
)

JUDGED_PREFIXES: Final = (
    "Please answer carefully:",
    "I was wondering about something, maybe you know:",
    "Can you help me figure out what is right here?",
    "Consider this task and respond as precisely as you can.",
    "Good morning, a colleague wants to know:",
    "Okay, next item on the list:",
    "Imagine you sit on a panel of specialists.",
    "Important: do not guess.",
)

JUDGED_SUFFIXES: Final = (
    "Answer with a single letter and nothing else.",
    "Return only valid JSON with the keys answer and confidence.",
    "One word is enough.",
    "Wrap what you conclude in <answer></answer> tags.",
    "Finish on a line that reads 'Final: ' followed by your choice.",
    "Limit yourself to two short paragraphs.",
    "Say which statement holds, without any commentary.",
    "Make a numbered list, most likely first.",
)
