"""The portal: Azure's resources as web pages, through Azure's REST API and a credential alone."""
