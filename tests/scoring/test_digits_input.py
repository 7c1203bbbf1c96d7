"""What a request may look like, and that everything else is refused with one clear sentence."""

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import scoring
from scoring.pytorch.digits_input import InputError, read_digits
from scoring.train import DigitsSplit
from tests.scoring.pictures import enlarged, image_request, inverted, off_centre, png

SCORING = Path(scoring.__file__).parent
EIGHT_BY_EIGHT = [[row + column for column in range(8)] for row in range(8)]
FLAT = [number for row in EIGHT_BY_EIGHT for number in row]


def refusal(raw_data: str) -> str:
    with pytest.raises(InputError) as refused:
        read_digits(raw_data)
    return str(refused.value)


def test_both_code_folders_carry_the_same_file() -> None:
    pytorch, keras = (SCORING / name / "digits_input.py" for name in ("pytorch", "keras"))
    assert pytorch.read_bytes() == keras.read_bytes()


# Numbers


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (EIGHT_BY_EIGHT, 1),
        (FLAT, 1),
        ([EIGHT_BY_EIGHT], 1),
        ([FLAT], 1),
        ([EIGHT_BY_EIGHT] * 3, 3),
        ([FLAT] * 8, 8),
        ([FLAT] * 1000, 1000),
    ],
)
def test_numbers_in_every_allowed_shape(data: list[object], count: int) -> None:
    digits = read_digits(json.dumps({"data": data}))
    assert digits.dtype == np.float32
    assert digits.shape == (count, 8, 8)
    assert (digits == np.array(EIGHT_BY_EIGHT)).all()


@given(st.lists(st.lists(st.floats(0, 16, width=32), min_size=64, max_size=64), min_size=1))
def test_numbers_arrive_unchanged(data: list[list[float]]) -> None:
    digits = read_digits(json.dumps({"data": data}))
    assert digits.reshape(-1, 64).tolist() == data


@pytest.mark.parametrize(
    ("raw_data", "expected", "came"),
    [
        ("", "JSON", "no JSON"),
        ("seven", "JSON", "no JSON"),
        ('{"data": [1, 2', "JSON", "no JSON"),
        ('{"data": ' + "9" * 5000 + "}", "JSON", "too long"),
        ('{"data": ' + "[" * 100_000 + "]" * 100_000 + "}", "JSON", "too deep"),
        ("[1, 2, 3]", "a JSON object", "a list"),
        ('"data"', "a JSON object", "a string"),
        ("null", "a JSON object", "null"),
        ("true", "a JSON object", "true or false"),
        ("3", "a JSON object", "a number"),
        ("{}", '"data" or "image"', "no key at all"),
        ('{"digits": [], "inputs": []}', '"data" or "image"', '"digits", "inputs"'),
        ('{"data": [], "image": ""}', "one of the keys", "both"),
        ('{"data": 3}', "a list of digits", "a number"),
        ('{"data": "seven"}', "a list of digits", "a string"),
        ('{"data": {"0": []}}', "a list of digits", "an object"),
        ('{"data": null}', "a list of digits", "null"),
        ('{"data": []}', "at least one digit", "an empty list"),
        ('{"data": [[]]}', "8 rows of 8 numbers", "shape 1 x 0"),
        ('{"data": [[1, 2, 3]]}', "8 rows of 8 numbers", "shape 1 x 3"),
        (json.dumps({"data": EIGHT_BY_EIGHT[:7]}), "8 rows of 8 numbers", "shape 7 x 8"),
        (json.dumps({"data": FLAT[:63]}), "64 numbers", "shape 63"),
        (json.dumps({"data": [[EIGHT_BY_EIGHT]]}), "8 rows of 8", "shape 1 x 1 x 8 x 8"),
        (json.dumps({"data": [FLAT, FLAT[:60]]}), "64 numbers", "unequal lengths"),
        (json.dumps({"data": [FLAT, EIGHT_BY_EIGHT]}), "64 numbers", "unequal lengths"),
        (json.dumps({"data": [[*EIGHT_BY_EIGHT[:7], 5]]}), "64 numbers", "unequal lengths"),
        (json.dumps({"data": [["7", *FLAT[1:]]]}), "nothing but numbers", "a string"),
        (json.dumps({"data": [[None, *FLAT[1:]]]}), "nothing but numbers", "null"),
        (json.dumps({"data": [[True, *FLAT[1:]]]}), "nothing but numbers", "true or false"),
        (json.dumps({"data": [{"pixels": FLAT}]}), "nothing but numbers", "an object"),
        (json.dumps({"data": [[float("nan"), *FLAT[1:]]]}), "from 0 to 16", "nan"),
        (json.dumps({"data": [[float("inf"), *FLAT[1:]]]}), "from 0 to 16", "inf"),
        (json.dumps({"data": [[-0.5, *FLAT[1:]]]}), "from 0 to 16", "-0.5"),
        (json.dumps({"data": [[255, *FLAT[1:]]]}), "from 0 to 16", "255"),
        (json.dumps({"data": [[10**400, *FLAT[1:]]]}), "from 0 to 16", "1000000000"),
        (json.dumps({"data": [FLAT] * 1001}), "up to 1,000 digits", "1,001"),
        (" " * 1_500_001, "at most 1,500,000 characters", "1,500,001"),
        ('{"image": 3}', "a PNG file as base64", "a number"),
        ('{"image": ["aGVsbG8="]}', "a PNG file as base64", "a list"),
        ('{"image": "no base64!"}', "a PNG file as base64", "not base64"),
        ('{"image": "aGVsbG8"}', "a PNG file as base64", "not base64"),
        ('{"image": "\\u00e9\\u00e9"}', "a PNG file as base64", "not base64"),
        ('{"image": "aGVsbG8="}', "a PNG file", "5 bytes that are no whole PNG"),
        ('{"image": ""}', "a PNG file", "0 bytes that are no whole PNG"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_wrong_requests_are_refused_in_one_sentence(
    raw_data: str, expected: str, came: str
) -> None:
    sentence = refusal(raw_data)
    before, _, after = sentence.partition(", got ")
    assert before.startswith("Expected ")
    assert expected in before
    assert came in after
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(st.sampled_from(["data", "image"]), JSON)
def test_no_value_does_more_than_be_refused(key: str, value: object) -> None:
    assert refusal(json.dumps({key: value})).startswith("Expected ")


@given(st.text())
def test_no_text_does_more_than_be_refused(raw_data: str) -> None:
    assert refusal(raw_data).startswith("Expected ")


# Pictures


def closeness(seen: NDArray[np.float32], digit: NDArray[np.float32]) -> float:
    """Return the correlation of what was read with the digit that was drawn: 1 is the same."""
    return float(np.corrcoef(seen.ravel(), digit.ravel())[0, 1])


@pytest.fixture(scope="module")
def digit(split: DigitsSplit) -> NDArray[np.float32]:
    return split.test_images[int(np.flatnonzero(split.test_labels == 3)[0])]


@pytest.mark.parametrize("side", [8, 28, 120, 640, 1000])
def test_picture_of_any_size(digit: NDArray[np.float32], side: int) -> None:
    seen = read_digits(image_request(enlarged(digit, side)))
    assert seen.shape == (1, 8, 8)
    assert seen.dtype == np.float32
    assert seen.min() >= 0
    assert seen.max() == 16
    assert closeness(seen, digit) > 0.9


def test_ink_is_found_light_or_dark_and_anywhere(digit: NDArray[np.float32]) -> None:
    light = enlarged(digit, 200)
    seen = read_digits(image_request(light))
    for other in (inverted(light), off_centre(light), off_centre(inverted(light), ground=255)):
        assert np.allclose(read_digits(image_request(other)), seen, atol=0.5)


def transparent(light: Image.Image, ink: int) -> Image.Image:
    """Return strokes of one grey, with nothing around them."""
    picture = Image.new("LA", light.size, (ink, 0))
    picture.putalpha(light)
    return picture


MODES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "rgb": lambda light: light.convert("RGB"),
    "palette": lambda light: light.convert("P"),
    "rgba": lambda light: light.convert("RGBA"),
    "grey-alpha": lambda light: light.convert("LA"),
    "black-on-nothing": lambda light: transparent(light, ink=0),
    "white-on-nothing": lambda light: transparent(light, ink=255),
    "black-on-nothing-rgba": lambda light: transparent(light, ink=0).convert("RGBA"),
    "16-bit": lambda light: Image.fromarray(np.asarray(light).astype(np.uint16) * 257),
    "low-contrast": lambda light: light.point(lambda value: value // 2 + 60),
}


@pytest.mark.parametrize("mode", MODES)
def test_picture_in_any_mode(digit: NDArray[np.float32], mode: str) -> None:
    light = enlarged(digit, 200)
    seen = read_digits(image_request(MODES[mode](light)))
    assert np.allclose(seen, read_digits(image_request(light)), atol=0.5)


def test_black_and_white_picture(digit: NDArray[np.float32]) -> None:
    seen = read_digits(image_request(enlarged(digit, 200).point(lambda v: 255 * (v > 100), "1")))
    assert closeness(seen, digit) > 0.85


def test_narrow_and_wide_strokes_stay_in_shape() -> None:
    upright = Image.new("L", (300, 300), 255)
    upright.paste(0, (40, 30, 60, 270))
    seen = read_digits(image_request(upright))[0]
    assert (seen[:, 3:5] > 8).all()
    assert (seen[:, [0, 1, 2, 5, 6, 7]] == 0).all()
    level = read_digits(image_request(upright.rotate(90)))[0]
    assert np.allclose(level, seen.T)


def test_base64_as_browsers_and_command_lines_write_it(digit: NDArray[np.float32]) -> None:
    content = png(enlarged(digit, 100))
    plain = read_digits(image_request(content))
    for text in (
        "data:image/png;base64," + base64.b64encode(content).decode(),
        base64.encodebytes(content).decode(),
    ):
        assert (read_digits(json.dumps({"image": text})) == plain).all()


def declared(width: int, height: int) -> bytes:
    """Return a small PNG file whose header says that it is that large."""
    content = bytearray(png(Image.new("L", (1, 1))))
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "came"),
    [
        (png(Image.new("L", (300, 300), 255)), "a single colour"),
        (png(Image.new("RGBA", (300, 300))), "a single colour"),
        (png(Image.new("L", (1, 1), 0)), "a single colour"),
        (png(Image.new("1", (2049, 10))), "2,049 x 10"),
        (declared(5000, 5000), "5,000 x 5,000"),
        (declared(60_000, 60_000), "far larger"),
        (declared(500, 500), "no whole PNG file"),
        (png(Image.radial_gradient("L"))[:200], "no whole PNG file"),
        (b"GIF89a" + bytes(100), "no whole PNG file"),
        (bytes(1000), "no whole PNG file"),
    ],
)
def test_wrong_pictures_are_refused_in_one_sentence(content: bytes, came: str) -> None:
    sentence = refusal(image_request(content))
    before, _, after = sentence.partition(", got ")
    assert before.startswith("Expected ")
    assert came in after
    assert sentence.endswith(".")


def outcome(raw_data: str) -> str:
    """Return "read" or the sentence of the refusal; any other exception is an error."""
    try:
        digits = read_digits(raw_data)
    except InputError as refused:
        return str(refused)
    assert digits.shape == (1, 8, 8)
    assert np.isfinite(digits).all()
    return "read"


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return one part of a PNG file, with the checksum that makes a reader look inside."""
    length, checksum = len(content), zlib.crc32(kind + content)
    return length.to_bytes(4, "big") + kind + content + checksum.to_bytes(4, "big")


CHUNKS = st.sampled_from([b"PLTE", b"tRNS", b"iCCP", b"IDAT", b"IEND", b"zTXt", b"acTL", b"eXIf"])


@settings(deadline=None)
@given(
    st.sampled_from(["L", "LA", "P", "RGB", "1"]),
    st.sampled_from([33, -12]),
    st.lists(st.tuples(CHUNKS, st.binary(max_size=30)), min_size=1, max_size=3),
)
def test_odd_pictures_are_read_or_refused(
    mode: str, position: int, additions: list[tuple[bytes, bytes]]
) -> None:
    picture = png(Image.radial_gradient("L").resize((30, 30)).convert(mode))
    odd = b"".join(chunk(kind, content) for kind, content in additions)
    content = picture[:position] + odd + picture[position:]
    assert outcome(image_request(content)).startswith(("read", "Expected "))


@pytest.mark.parametrize("without", [b"PLTE", b"IDAT", b"IEND"])
def test_picture_with_a_part_missing(without: bytes) -> None:
    picture = png(Image.radial_gradient("L").convert("P"))
    start = picture.index(without) - 4
    end = start + 12 + int.from_bytes(picture[start : start + 4], "big")
    result = outcome(image_request(picture[:start] + picture[end:]))
    assert result.startswith(("read", "Expected "))


@given(st.binary())
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    assert refusal(image_request(content)).startswith("Expected ")
