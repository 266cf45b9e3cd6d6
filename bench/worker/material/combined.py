"""What several batches hold together, from what was counted in each: amounts of a batch are means, so that rates fit mean times."""

from collections.abc import Mapping, Sequence

from bench.domain.values import Json

LISTED: Mapping[str, str] = {
    "prompt_lengths": "realised_prompt_tokens",
    "images_of_items": "images",
    "video_frames_of_items": "video_frames",
    "audio_seconds_of_items": "audio_seconds",
}
"""Facts that list what each item has, and the fact that says it where all have the same."""

_SUMMED = frozenset({"truncated_items"})
_SIZES = "image_sizes"


def together(each: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """Put the facts of EACH batch together."""
    if len(each) == 1:
        return dict(each[0])
    names = dict.fromkeys(name for facts in each for name in facts)
    found = {name: _one(name, [facts[name] for facts in each if name in facts]) for name in names}
    for name, single in LISTED.items():
        amounts = [one for facts in each for one in _of_items(facts, name, single)]
        if len(set(amounts)) > 1:
            found[name] = amounts
            found[single] = sum(amounts) / len(amounts)
    sizes = _sizes(each)
    return {**found, _SIZES: sizes} if len(sizes) > 1 else found


def _one(name: str, values: Sequence[Json]) -> Json:
    """Give one value for those of all batches: their sum or mean, the words that there are, or of anything else the first."""
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == len(values):
        total = sum(numbers)
        return total if name in _SUMMED else numbers[0] if len(set(numbers)) == 1 else total / len(numbers)
    if all(isinstance(value, str) for value in values):
        return "+".join(sorted({word for value in values for word in str(value).split("+")}))
    return values[0]


def _of_items(facts: Mapping[str, Json], name: str, single: str) -> list[float]:
    """Give what each item of one batch has."""
    listed, items = facts.get(name), facts.get("batch_size")
    if isinstance(listed, list):
        return [one for one in listed if isinstance(one, int | float)]
    alike = facts.get(single)
    return [alike] * items if isinstance(alike, int | float) and isinstance(items, int) else []


def _sizes(each: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """Count the images and frames of each size."""
    counted: dict[str, int] = {}
    for facts in each:
        own = facts.get(_SIZES)
        alike = facts.get("image_size")
        listed = own if isinstance(own, dict) else {alike: facts.get("batch_images", facts.get("batch_frames", 0))} if alike else {}
        for size, count in listed.items():
            counted[str(size)] = counted.get(str(size), 0) + (count if isinstance(count, int) else 0)
    return dict(counted)
