"""One table of special tokens, shared by tokenizer, redaction, fill-in-the-middle and chat.

Each is a single token. Input text cannot spell a special one: the corpus step cuts their spelling
apart, and the steps encode user text with special tokens switched off.
"""

END_OF_TEXT = "<|endoftext|>"  # between documents
PAD = "<|pad|>"
FIM_PREFIX = "<|fim_prefix|>"
FIM_MIDDLE = "<|fim_middle|>"
FIM_SUFFIX = "<|fim_suffix|>"
REPOSITORY = "<|repo_name|>"
FILE = "<|file_sep|>"
IM_START = "<|im_start|>"
IM_END = "<|im_end|>"  # ends a turn; the end-of-sequence token of a chat model
KEY = "<KEY>"  # a redacted secret
EMAIL = "<EMAIL>"  # a redacted address
NAME = "<NAME>"  # a redacted person
PASSWORD = "<PASSWORD>"  # a redacted password

# Tokens that steer a model: no text may spell one.
SPECIAL = (
    END_OF_TEXT, PAD, FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX, REPOSITORY, FILE, IM_START, IM_END,
)  # fmt: skip

# Words that the corpus step writes into text: single tokens, but text all the same, so that they
# are read as such where special tokens are switched off, and stay where special tokens are skipped.
# A source may spell one (an XML tag, a command in a manual): it means there what it means here.
PLACEHOLDERS = (KEY, EMAIL, NAME, PASSWORD)

# Order is identity: position i has token id i.
SENTINELS = (*SPECIAL, *PLACEHOLDERS)

# ChatML. The `generation` block tells TRL which tokens are the assistant's, its end included.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ message['content'] + '<|im_end|>\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
