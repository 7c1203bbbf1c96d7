"""Both scoring scripts, called as the inference server calls them."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from azureml_inference_server_http.api.aml_response import AMLResponse

from scoring.train import DigitsSplit, Framework, Trained, save
from tests.scoring.pictures import enlarged, image_request, inverted, off_centre


def test_answer(script: ModuleType, framework: Framework, split: DigitsSplit) -> None:
    answer = script.run(json.dumps({"data": split.test_images[:5].tolist()}))
    assert answer == json.loads(json.dumps(answer))
    assert answer.keys() == {"predictions", "framework"}
    assert answer["framework"] == framework
    assert len(answer["predictions"]) == 5
    for prediction in answer["predictions"]:
        probabilities = prediction["probabilities"]
        assert len(probabilities) == 10
        assert sum(probabilities) == pytest.approx(1, abs=0.001)
        assert prediction["digit"] == np.argmax(probabilities)


def test_answers_are_those_of_the_trained_model(
    script: ModuleType, trained: Trained, split: DigitsSplit
) -> None:
    answer = script.run(json.dumps({"data": split.test_images.tolist()}))
    assert [p["digit"] for p in answer["predictions"]] == trained.predictions.tolist()


def test_a_digit_alone_and_among_others_gets_the_same_answer(
    script: ModuleType, split: DigitsSplit
) -> None:
    together = script.run(json.dumps({"data": split.test_images[:20].tolist()}))["predictions"]
    assert len(together) == 20
    for image, expected in zip(split.test_images, together, strict=False):
        for data in (image.tolist(), [image.ravel().tolist()]):
            [alone] = script.run(json.dumps({"data": data}))["predictions"]
            assert alone["digit"] == expected["digit"]
            assert alone["probabilities"] == pytest.approx(expected["probabilities"], abs=0.0002)


@pytest.mark.parametrize("dark_on_light", [False, True], ids=["light-on-dark", "dark-on-light"])
@pytest.mark.parametrize("centred", [True, False], ids=["centred", "off-centre"])
def test_digits_sent_as_large_pictures(
    script: ModuleType, split: DigitsSplit, dark_on_light: bool, centred: bool
) -> None:
    right = 0
    for digit, truth in zip(split.test_images[:200], split.test_labels, strict=False):
        picture = enlarged(digit, 200)
        picture = picture if centred else off_centre(picture)
        picture = inverted(picture) if dark_on_light else picture
        [prediction] = script.run(image_request(picture))["predictions"]
        right += prediction["digit"] == truth
    assert right >= 0.93 * 200


@pytest.mark.parametrize(
    ("raw_data", "sentence"),
    [
        (
            '{"data": [[1, 2, 3]]}',
            'Expected each digit in "data" as 8 rows of 8 numbers or as 64 numbers, '
            "got lists of the shape 1 x 3.",
        ),
        (
            '{"image": "no base64!"}',
            'Expected "image" to be a PNG file as base64, got text that is not base64.',
        ),
    ],
)
def test_wrong_request_is_answered_with_400(
    script: ModuleType, raw_data: str, sentence: str
) -> None:
    answer = script.run(raw_data)
    assert isinstance(answer, AMLResponse)
    assert answer.status_code == 400
    assert answer.get_json() == {"error": {"code": "BadInput", "message": sentence}}


# Where the model is


def test_model_registered_from_a_file(
    script: ModuleType, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(trained, tmp_path)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    assert script.model_file() == path


def test_model_registered_from_a_folder(
    script: ModuleType, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(trained, tmp_path / "any-name")
    (tmp_path / "any-name" / "notes.txt").write_text("Trained on a Sunday.")
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    assert script.model_file() == path


def test_no_model_is_an_error_that_says_where_it_looked(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path}, found none\."):
        script.model_file()


def test_two_models_are_an_error_that_names_them(
    script: ModuleType, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("old", "new"):
        save(trained, tmp_path / version)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"found new.digits\.\w+, old.digits\.\w+\."):
        script.model_file()
