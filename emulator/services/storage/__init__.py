"""Azure Storage: accounts in Resource Manager, and the Blob service.

https://learn.microsoft.com/rest/api/storagerp/storage-accounts
https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api

Host: {account}.blob.core.windows.net
"""

from emulator.services.storage.service import BLOB_SUFFIX, Storage

__all__ = ["BLOB_SUFFIX", "Storage"]
