"""Azure Storage: accounts in Resource Manager, and the Blob service.

https://learn.microsoft.com/rest/api/storagerp/storage-accounts
https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api

Host: {account}.blob.core.windows.net

    accounts.py        storage accounts in Resource Manager
    container_resources.py  the blob service and its containers there
    http.py            the Blob service: what a request asks for, and how it is answered
    authorization.py   who may: Shared Key, SAS (sas.py), Entra ID
    containers.py      operations on the account and on containers
    blobs.py           operations on blobs; blocks.py: on the blocks of one
    conditions.py      conditional headers
    listing.py         the XML of lists
    errors.py          the errors, in XML
    catalogue.py       the index: which blobs there are, and which file holds each
    files.py           the content on disk
    service.py         what the rest of local Azure asks of it
"""

from emulator.services.storage.service import BLOB_SUFFIX, Storage

__all__ = ["BLOB_SUFFIX", "Storage"]
