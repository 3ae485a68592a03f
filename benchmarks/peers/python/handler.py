"""The check as a user would write it for Python: boto3, and requests with a session."""

import json
import os

import boto3
import requests

_secrets = boto3.client("secretsmanager")
_secret = json.loads(_secrets.get_secret_value(SecretId=os.environ["SECRET_ID"])["SecretString"])
_session = requests.Session()
_session.headers["Authorization"] = "Token " + _secret["token"]


def handler(event, context):
    """Says whether at least one agent of the queue is available."""
    response = _session.get(
        _secret["base_url"] + "/api/agentstatuses/",
        params={"queue": event["queue"]},
        timeout=9,
    )
    response.raise_for_status()
    agents = response.json()["results"]
    available = sum(1 for agent in agents if agent["ready"] and agent["status"] == "Available")
    return {"accept": available >= 1, "available": available}
