"""One suite that holds every implementation against docs/contract.md."""
