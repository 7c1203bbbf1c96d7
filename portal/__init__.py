"""The portal: what is in Azure as web pages, and the same changes that code makes, by hand.

It is a client of Azure like any other: it knows Azure through its REST API and a credential alone,
and so shows local Azure and live Azure alike.

__main__.py      `python -m portal`: the process
settings.py      what it is told at its start
app.py           composition root: pages, access, files
access.py        who may come in: host names, origins, sessions; the headers of every answer
sign_in.py       one-time links, and the sessions that they begin
azure.py         Azure's REST API
resource_ids.py  the parts of a resource's id
login_server.py  a registry's own host: which images it has
operations.py    changes that take a while, as notifications
notifications.py notifications, as they change, and dismissed
pages.py         what every page is made with: templates, and what they can call
traffic.py       shares of traffic, as a form sends them
metrics.py       numbers that Azure Monitor keeps
charts.py        line charts over time
passing.py       requests passed on to apps and container groups, each at an origin of its own
console.py       one request to an app, by a form
costs.py         what resources cost
home.py          the page of all resources; a page of each service beside it
container_apps/  Container Apps
container_instances/  Container Instances
registries.py    container registries
activity.py      requests as they come, and the activity log
machine_learning/ models, environments, endpoints and deployments
templates/       HTML; macros.html has what pages share
static/          the style, the scripts; vendor/ has files of others
"""
