"""What is shown of errors that the real clients raise, and of those that are none of Azure's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint, Model
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.identity import ClientSecretCredential

from course.azure_error import LOST, AzureError, explain
from course.troubleshooting import Entry


def raised(call: Callable[[], object]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("it did not fail")


def told(error: Exception) -> AzureError:
    found = explain(error, is_local_lost=False)
    assert found is not None
    return found


def test_azures_code_and_message_once(ml_client: MLClient, unique: str) -> None:
    shares = ManagedOnlineEndpoint(name=f"digits-{unique}", traffic={"blue": 60})
    begin = ml_client.online_endpoints.begin_create_or_update
    shown = told(raised(lambda: begin(shares).result())).as_text()
    assert shown.startswith("Azure says: ")
    assert shown.count("blue") == 1


def test_a_sign_in_that_is_refused(ml_client: MLClient) -> None:
    credential = ClientSecretCredential("common", "0" * 8, "wrong")
    shown = told(raised(lambda: credential.get_token("https://management.azure.com/.default")))
    assert shown.title.startswith("The sign-in failed: AADSTS")


def test_what_the_sdk_refuses_itself(ml_client: MLClient) -> None:
    error = raised(lambda: ml_client.models.create_or_update(Model(name="m", path="nowhere.json")))
    shown = told(error)
    assert "azure.ai.ml" in type(error).__module__
    assert shown.title.startswith("The SDK refused this before it asked Azure (")
    assert "nowhere.json" in shown.message
    assert "\x1b" not in shown.message


class Answer:
    """An answer of a scoring endpoint, as azure-core and requests have it."""

    status_code = 424
    reason = "Failed Dependency"
    headers = {"ms-azureml-model-error-statuscode": "500"}  # noqa: RUF012  # as theirs is

    def text(self) -> str:
        return '{"message": "An unexpected error occurred in scoring script."}'


def test_an_endpoints_answer_leads_to_the_page_by_the_models_status() -> None:
    shown = told(HttpResponseError("no", response=Answer()))
    assert shown.title == "Azure says: 424 Failed Dependency"
    assert "An unexpected error occurred in scoring script." in shown.message
    assert shown.entry
    assert shown.entry.anchor == "424-exception-in-run"


def test_a_plain_requests_answer_is_shown() -> None:
    response = requests.Response()
    response.status_code, response.reason = 404, "Not Found"
    response._content = b"No valid deployments to route to."
    shown = told(raised(response.raise_for_status))
    assert shown.as_text() == (
        "The answer was 404 Not Found.\nNo valid deployments to route to.\n\n"
        "What to do (no deployment has traffic): docs/troubleshooting.md#404-no-traffic"
    )


def test_without_local_azure_one_message_is_enough() -> None:
    for error in (ServiceRequestError("x" * 7000), requests.ConnectionError("x" * 7000)):
        assert explain(error, is_local_lost=True) is LOST
    assert told(ServiceRequestError("proxy")).title == "Nobody answered."


@pytest.mark.parametrize("error", [KeyError("blue"), requests.ConnectionError("my own server")])
def test_other_errors_are_left_to_ipython(error: Exception) -> None:
    assert explain(error, is_local_lost=False) is None


def test_a_log_in_the_errors_notes_leads_to_its_cause() -> None:
    error = HttpResponseError("(ResourceNotReady) User container has crashed.")
    error.add_note("The end of the log of blue:\nModuleNotFoundError: No module named 'skimage'")
    shown = told(error)
    assert shown.title == "Azure says: ResourceNotReady"
    assert shown.log.startswith("The end of the log of blue:\n")
    assert shown.entry
    assert shown.entry.anchor == "resourcenotready-import-of-a-missing-package"


def test_of_a_long_message_its_beginning_and_its_end() -> None:
    error = HttpResponseError("\n".join(f"line {number}" for number in range(1000)))
    lines = told(error).message.splitlines()
    assert len(lines) < 40
    assert (lines[0], lines[-1]) == ("line 0", "line 999")
    assert "[... 968 lines ...]" in lines


def test_the_page_holds_all_of_it_escaped_and_a_link_from_the_notebooks_folder() -> None:
    entry = Entry("anchor", "An,-anchor", "a <b> title", None, ())
    page = AzureError("Azure says: <No>", "a & b", "The log:\n1 < 2", entry).as_html(
        "Traceback <module>", Path(__file__).parent.parent.parent / "notebooks"
    )
    for part in ("Azure says: &lt;No&gt;", "a &amp; b", "1 &lt; 2", "a &lt;b&gt; title"):
        assert part in page
    assert '<a href="../docs/troubleshooting.md#An%2C-anchor">' in page
    folded = page.partition("<details>")[2].partition("</details>")[0]
    assert "Traceback &lt;module&gt;" in folded
