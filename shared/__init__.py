"""The product: notices quarantined provisioning jobs, repairs what is safe to repair, proves the recovery."""
