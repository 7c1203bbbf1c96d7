"""Create an online endpoint that reads digits, try it, and remove it again.

    python -m scoring.create_endpoint digits-ada --model-path models/digits-pytorch
    python -m scoring.create_endpoint digits-ada --delete

The same on live Azure and on local Azure: which one answers depends on the environment the script
runs in (`python -m emulator env` prints what local Azure needs).
https://learn.microsoft.com/azure/machine-learning/how-to-deploy-online-endpoints
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from azure.ai.ml.exceptions import MlException
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from scoring import sample
from scoring.script import (
    Exit,
    ExitCode,
    ScriptError,
    new_parser,
    open_workspace,
    parse_options,
    reason,
    run_script,
    sign_in,
)

SCORING = Path(__file__).parent
BASE_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"


class Failed(ExitCode):
    """What this script can end with beyond Exit."""

    DEPLOYMENT = 6, "the deployment failed (its logs are printed)"
    PREDICTION = 7, "the prediction failed"


def choose_model(client: MLClient, name: str, version: str | None, path: Path | None) -> Model:
    """Return the version asked for, or what is registered from `path`, or the latest version."""
    if path:
        if not path.exists():
            raise ScriptError(Exit.MODEL, f"There is no {path} to register as {name}.")
        new = Model(name=name, path=str(path), type=AssetTypes.CUSTOM_MODEL)
        registered: Model = client.models.create_or_update(new)
        return registered
    try:
        found: Model = client.models.get(name, version, label=None if version else "latest")
        return found
    except (ResourceNotFoundError, MlException) as error:
        raise ScriptError(
            Exit.MODEL,
            f"Model {name}{f', version {version},' if version else ''} is not registered. Train it "
            "with `python -m scoring.train` and name its folder with --model-path.",
        ) from error


def create_endpoint(client: MLClient, name: str) -> None:
    """Create the endpoint unless it is there; an endpoint that is keeps its traffic."""
    try:
        client.online_endpoints.get(name)
        print(f"Endpoint {name} exists.")
    except ResourceNotFoundError:
        endpoint = ManagedOnlineEndpoint(name=name, auth_mode="key")
        client.online_endpoints.begin_create_or_update(endpoint).result()
        print(f"Endpoint {name} created.")


def create_deployment(
    client: MLClient,
    endpoint_name: str,
    name: str,
    model: Model,
    framework: str,
    instance_type: str,
    instance_count: int,
) -> None:
    """Create or update the deployment and wait until it is ready. If it fails, print its logs."""
    deployment = ManagedOnlineDeployment(
        name=name,
        endpoint_name=endpoint_name,
        model=model,
        environment=Environment(
            image=BASE_IMAGE, conda_file=str(SCORING / framework / "conda.yaml")
        ),
        code_configuration=CodeConfiguration(
            code=str(SCORING / framework), scoring_script="score.py"
        ),
        instance_type=instance_type,
        instance_count=instance_count,
    )
    print(f"Deploying {model.name}:{model.version} as {name}. On live Azure this takes minutes.")
    try:
        bring_up(client, deployment)
    except AzureError as error:
        raise ScriptError(
            Failed.DEPLOYMENT,
            f"\nDeployment {name} failed.\n{reason(error)}\n\n"
            f"{logs(client, endpoint_name, name)}\n\n"
            "Repair it and try again, or remove the endpoint and what is behind it with --delete.",
        ) from error
    print(f"\nDeployment {name} is ready.")


def bring_up(client: MLClient, deployment: ManagedOnlineDeployment) -> None:
    """Send the deployment and wait. One that never came up takes no update: it is deleted first."""
    deployments = client.online_deployments
    try:
        deployments.begin_create_or_update(deployment).result()
    except HttpResponseError as error:
        if "Delete and re-create" not in str(error):
            raise
        print(f"Deployment {deployment.name} never came up, so it is deleted and made again.")
        deployments.begin_delete(deployment.name, deployment.endpoint_name).result()
        deployments.begin_create_or_update(deployment).result()


def logs(client: MLClient, endpoint_name: str, name: str) -> str:
    """Return the last lines that the deployment's two containers wrote."""
    parts = []
    for container in ("storage-initializer", "inference-server"):
        try:
            text = client.online_deployments.get_logs(
                name, endpoint_name, lines=50, container_type=container
            )
        except AzureError:
            text = "(none: it never started)"
        parts.append(f"--- logs of {container} ---\n{text.strip()}")
    return "\n".join(parts)


def send_traffic(client: MLClient, endpoint_name: str, deployment_name: str) -> None:
    """Send all of the endpoint's traffic to the deployment."""
    endpoint = client.online_endpoints.get(endpoint_name)
    endpoint.traffic = {deployment_name: 100}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    print(f"Traffic: all to {deployment_name}.")


def predict_sample(client: MLClient, endpoint_name: str) -> None:
    """Send one handwritten digit to the endpoint; print the digit, the truth and the answer."""
    with tempfile.TemporaryDirectory() as folder:
        request = Path(folder) / "request.json"
        request.write_text(json.dumps({"data": [sample.DIGIT]}))
        try:
            answer = client.online_endpoints.invoke(endpoint_name, request_file=str(request))
        except AzureError as error:
            raise ScriptError(
                Failed.PREDICTION, f"The endpoint doesn't answer as it should.\n{reason(error)}"
            ) from error
    sample.show(json.loads(answer)["predictions"][0])


def delete(client: MLClient, endpoint_name: str) -> None:
    """Delete the endpoint with all its deployments, if it is there."""
    try:
        client.online_endpoints.get(endpoint_name)
    except ResourceNotFoundError:
        print(f"There is no endpoint {endpoint_name}, so there is nothing to delete.")
        return
    client.online_endpoints.begin_delete(endpoint_name).result()
    print(f"\nEndpoint {endpoint_name} and its deployments are deleted.")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; what it leaves open comes from the environment."""
    parser = new_parser(
        "create_endpoint",
        "Create a managed online endpoint with one deployment of a digit model, send it all "
        "traffic and try it. Run twice, it updates what is there. A deployment costs money on "
        "live Azure for as long as it exists: --delete removes it.",
        Failed,
    )
    add = parser.add_argument
    add("endpoint", help="its name: 3 to 32 letters, digits and dashes, unique in its region")
    add("--delete", action="store_true", help="delete the endpoint and all its deployments")
    add("--framework", choices=["pytorch", "keras"], default="pytorch", help="default: pytorch")
    add("--deployment", default="blue", metavar="NAME", help="default: blue")
    add("--model", metavar="NAME", help="default: digits-pytorch or digits-keras")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model-version", metavar="N", help="default: the latest one")
    which.add_argument(
        "--model-path", type=Path, metavar="FOLDER", help="register this folder and deploy it"
    )
    add("--instance-type", default="Standard_D4as_v4", metavar="SIZE", help="default: %(default)s")
    add("--instance-count", type=int, default=1, metavar="N", help="default: %(default)s")
    options = parse_options(parser, arguments)
    options.model = options.model or f"digits-{options.framework}"
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for. Raises ScriptError or AzureError."""
    client, _ = open_workspace(sign_in(), options)
    if options.delete:
        delete(client, options.endpoint)
        return
    model = choose_model(client, options.model, options.model_version, options.model_path)
    create_endpoint(client, options.endpoint)
    create_deployment(
        client,
        options.endpoint,
        options.deployment,
        model,
        options.framework,
        options.instance_type,
        options.instance_count,
    )
    send_traffic(client, options.endpoint, options.deployment)
    predict_sample(client, options.endpoint)
    print(f"\nIt answers at {client.online_endpoints.get(options.endpoint).scoring_uri}")


def main(arguments: list[str] | None = None) -> ExitCode:
    """Run the script and return its exit code."""
    return run_script(run, parse(arguments))


if __name__ == "__main__":
    sys.exit(main())
