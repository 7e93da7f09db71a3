"""Microsoft Graph v1.0, as far as the product calls it; strict where the real service is treacherous."""
