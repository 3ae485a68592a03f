"""The checks of the deployment: what template.yaml and openapi.yaml promise, held against what they say."""
