"""Machine Learning: a workspace's models, environments, endpoints and deployments.

https://learn.microsoft.com/rest/api/azureml/

workspaces.py    the workspace that pages are about
resource_view.py  what endpoints, deployments and assets have in common
assets.py        models with their files, and environments, by version
blobs.py         files in blob storage
endpoint.py      an online endpoint and its deployments, as Azure describes them
endpoints.py     pages: all endpoints, one in detail, its traffic; create and delete
autoscale.py     which deployments Azure Monitor scales
deployments.py   create a deployment by form; scale and delete
instance_types.py  instance types of a region, with prices
snippets.py      a request as code
code_upload.py   a scoring script's way to Azure
testing.py       the tab that sends an endpoint a request
consuming.py     the tab with addresses, keys and tokens
monitoring.py    the tab with requests, latency and errors over time
logs.py          the tab with the logs of both containers
"""

from portal.machine_learning.assets import Assets
from portal.machine_learning.consuming import Consuming
from portal.machine_learning.deployments import Deployments
from portal.machine_learning.endpoints import Endpoints
from portal.machine_learning.logs import Logs
from portal.machine_learning.monitoring import Monitoring
from portal.machine_learning.testing import Testing

PAGES = (Endpoints, Assets, Deployments, Testing, Consuming, Monitoring, Logs)
