"""Release a service that runs as baked images on an Azure VM scale set."""
