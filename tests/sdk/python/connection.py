"""Provides the connection to the Remora under test in the form that the official SDK expects."""

import json
import os
import ssl
import time
import urllib.request
import uuid

from azure.core.credentials import AccessToken, AzureKeyCredential

with open(os.environ["REMORA_CONNECTION"], encoding="utf-8") as file:
    CONNECTION = json.load(file)

READY_SECONDS_MAX = 60
# run.sh passes the certificate authority of the service.
CONTEXT = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])


def arguments(**changed):
    """Returns the arguments of a client, with changes."""
    named = {
        "endpoint": CONNECTION["endpoint"],
        "account_id": CONNECTION["accountId"],
        "account_domain": CONNECTION["accountDomain"],
        "credential": AzureKeyCredential(CONNECTION["accountKey"]),
        "authentication_endpoint_url": CONNECTION["stsEndpoint"],
        "polling_interval": 0.2,
    }
    return named | changed


def new_id():
    return f"sdk-{uuid.uuid4()}"


def access_token():
    """Requests an access token from the token service without the SDK."""
    account, key = CONNECTION["accountId"], CONNECTION["accountKey"]
    address = f"{CONNECTION['stsEndpoint']}/accounts/{account}/token"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {account}:{key}"})
    with urllib.request.urlopen(request, context=CONTEXT) as answer:
        return AccessToken(json.load(answer)["AccessToken"], int(time.time()) + 24 * 60 * 60)
