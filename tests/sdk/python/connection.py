"""Where the Remora under test is, as the official SDK wants to be told."""

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
# run.sh names the CA that has signed the certificate.
CONTEXT = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])


def arguments(**changed):
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
    """As a program gets it that asks the token service itself."""
    account, key = CONNECTION["accountId"], CONNECTION["accountKey"]
    address = f"{CONNECTION['stsEndpoint']}/accounts/{account}/token"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {account}:{key}"})
    with urllib.request.urlopen(request, context=CONTEXT) as answer:
        return AccessToken(json.load(answer)["AccessToken"], int(time.time()) + 24 * 60 * 60)
