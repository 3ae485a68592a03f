"""Every provider has the same block of resources: what is mended for one is mended for all."""

import json

from .deployment import PROVIDERS

WRITTEN = {"CallTools": "CallTools", "GenesysCloud": "Genesys Cloud", "RingCentral": "RingCentral", "PortSip": "PortSIP"}


def faults(deployment):
    """Resources, parameters and conditions of a provider that differ from the first provider's in more than its name."""
    source = json.loads(json.dumps(deployment.source))
    first, *others = PROVIDERS
    for part in ("Parameters", "Conditions", "Resources"):
        wanted = _block(source[part], first)
        for name in others:
            found = _block(source[part], name)
            for key in sorted(set(wanted) | set(found)):
                if wanted.get(key) != found.get(key):
                    yield f"{part}: {key.replace('PROVIDER', name)} is not as {key.replace('PROVIDER', first)}"


def _block(entries, name):
    named = {key: each for key, each in entries.items() if name in key}
    text = json.dumps(named)
    for word, stand_in in ((name, "PROVIDER"), (WRITTEN[name], "PROVIDER"), (PROVIDERS[name], "provider")):
        text = text.replace(word, stand_in)
    return json.loads(text)
