"""What people hear in the campaign's menus, known again by its words."""

from collections.abc import Iterable, Sequence
from typing import Self

from ringback.domain.campaigns import Campaign


class Hearing:
    """The prompts of one menu: which of them were heard, whatever was said before and after them in one breath."""

    def __init__(self, words: Sequence[tuple[str, str]]) -> None:
        self._words = words
        """(prompt, what it says in one of the languages)."""

    @classmethod
    def of(cls, campaign: Campaign, menu: str) -> Self:
        assert campaign.voice is not None
        prompts = campaign.voice.menus[menu].prompts
        return cls([(name, said.says) for name, spoken in prompts.items() for said in spoken.values()])

    def names(self, texts: Iterable[str]) -> list[str]:
        """The prompts in these texts, in the order in which they were heard."""
        return [name for text in texts for _, name in sorted(self._places(text))]

    def _places(self, text: str) -> list[tuple[int, str]]:
        found = ((text.find(words), name) for name, words in self._words)
        return [(at, name) for at, name in found if at >= 0]
