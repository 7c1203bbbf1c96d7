"""create_endpoint.py against local Azure: what it makes, prints, removes, and how it fails."""

import re
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceNotFoundError

from scoring import sample, train
from scoring.create_endpoint import Failed, main
from scoring.script import Exit
from scoring.train import DigitsSplit


@pytest.fixture(scope="module")
def pytorch_folder(split: DigitsSplit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "digits-pytorch"
    train.save(train.train_pytorch(split, epochs=4), folder)
    return folder


def test_the_sample_is_a_held_out_digit(split: DigitsSplit) -> None:
    [found] = [i for i, image in enumerate(split.test_images) if image.tolist() == sample.DIGIT]
    assert split.test_labels[found] == sample.TRUTH


def test_create_update_and_delete(
    ml_client: MLClient, unique: str, pytorch_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint, model = f"digits-{unique}", f"model-{unique}"
    assert main([endpoint, "--model", model, "--model-path", str(pytorch_folder)]) == Exit.OK
    printed = capsys.readouterr().out
    assert f"Endpoint {endpoint} created." in printed
    assert f"{model}:1" in printed
    assert re.search(r"Truth: 3\. Prediction: 3, with probability [01]\.\d+\.", printed)
    assert f"https://{endpoint}.westeurope.inference.ml.azure.com/score" in printed
    assert ml_client.online_endpoints.get(endpoint).traffic == {"blue": 100}
    assert ml_client.online_deployments.get("blue", endpoint).provisioning_state == "Succeeded"

    again = [endpoint, "--model", model, "--model-version", "1", "--deployment", "green"]
    assert main(again) == Exit.OK
    assert f"Endpoint {endpoint} exists." in capsys.readouterr().out
    assert ml_client.online_endpoints.get(endpoint).traffic == {"blue": 0, "green": 100}

    assert main([endpoint, "--delete"]) == Exit.OK
    assert f"Endpoint {endpoint} and its deployments are deleted." in capsys.readouterr().out
    with pytest.raises(ResourceNotFoundError):
        ml_client.online_endpoints.get(endpoint)
    assert ml_client.models.get(model, version="1").name == model

    assert main([endpoint, "--delete"]) == Exit.OK
    assert "nothing to delete" in capsys.readouterr().out


@pytest.mark.usefixtures("ml_client")
def test_deployment_that_fails_has_its_logs_printed_and_is_made_anew_the_next_time(
    unique: str, tmp_path: Path, pytorch_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = f"digits-{unique}"
    (tmp_path / "notes.txt").write_text("A folder without a model.")
    arguments = [endpoint, "--model", f"model-{unique}", "--model-path", str(tmp_path)]
    assert main(arguments) == Failed.DEPLOYMENT
    problem = capsys.readouterr().err
    assert "Deployment blue failed." in problem
    assert "ResourceNotReady" in problem
    assert "--- logs of storage-initializer ---" in problem
    assert "Expected one .pt file under" in problem
    arguments[-1] = str(pytorch_folder)
    assert main(arguments) == Exit.OK
    assert "blue never came up, so it is deleted and made again." in capsys.readouterr().out
    assert main([endpoint, "--delete"]) == Exit.OK


@pytest.mark.usefixtures("ml_client")
def test_a_name_that_azure_refuses(
    ml_client: MLClient,
    unique: str,
    pytorch_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = f"model-{unique}"
    arguments = ["9--lives", "--model", model, "--model-path", str(pytorch_folder)]
    assert main(arguments) == Exit.AZURE
    assert "A call to Azure failed: " in capsys.readouterr().err
    assert "9--lives" not in [endpoint.name for endpoint in ml_client.online_endpoints.list()]
