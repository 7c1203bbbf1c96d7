"""Container Apps: environments, apps and jobs, and the form in which an app is created.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/

everything.py     the page of all environments, apps and jobs
draft.py          what is typed into the form of a new app or revision, and the body it makes
create.py         that form, page by page, and the deployment that it leads to
app.py            the pages of one app
changes.py        what those pages can change

"""
