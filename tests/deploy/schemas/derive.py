"""Makes the schemas beside it from npm's packages of models; NOTICE says which and how.

npm install --prefix FOLDER PACKAGES
python tests/deploy/schemas/derive.py FOLDER
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

KINDS = {
    "ClientTrafficPolicy": "envoy-gateway/gateway.envoyproxy.io/v1alpha1",
    "DestinationRule": "istio/networking.istio.io/v1",
    "EnvoyExtensionPolicy": "envoy-gateway/gateway.envoyproxy.io/v1alpha1",
    "EnvoyFilter": "istio/networking.istio.io/v1alpha3",
    "EnvoyPatchPolicy": "envoy-gateway/gateway.envoyproxy.io/v1alpha1",
    "Gateway": "gateway-api/gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway-api/gateway.networking.k8s.io/v1",
    "ServiceMonitor": "prometheus-operator/monitoring.coreos.com/v1",
}

# The packages import each other by the names that they export.
COMPILER = {"compilerOptions": {"module": "nodenext", "skipLibCheck": True}}

# What a test never writes, and what would fill pages.
LEFT_OUT = ("status", "managedFields", "subsets", "portLevelSettings")

Schema = dict[str, Any]


def generated(kind: str, folder: Path) -> Schema:
    """Return the schema of the kind's TypeScript interface, closed against unknown keys."""
    declared = folder / "node_modules" / "@kubernetes-models" / KINDS[kind] / f"{kind}.d.ts"
    generator = folder / "node_modules" / ".bin" / "ts-json-schema-generator"
    compiler = folder / "tsconfig.json"
    compiler.write_text(json.dumps(COMPILER), encoding="utf-8")
    options = ("--tsconfig", compiler, "--type", f"I{kind}", "--jsDoc", "none", "--no-top-ref")
    done = subprocess.run(
        [generator, "--path", declared, *options], stdout=subprocess.PIPE, check=True
    )
    schema: Schema = json.loads(done.stdout)
    return schema


def narrowed(node: Any) -> Any:
    """Leave out the properties that no test needs, and open objects that say nothing of theirs."""
    if isinstance(node, list):
        return [narrowed(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node == {"type": "object", "additionalProperties": False}:
        return {"type": "object"}
    if "anyOf" in node and "properties" in node["anyOf"][0]:
        # A oneOf of what may stand alone, or not at all: the types have lost the last.
        return narrowed({**node["anyOf"][0], "required": []})
    return {
        key: {name: narrowed(each) for name, each in value.items() if name not in LEFT_OUT}
        if key == "properties"
        else narrowed(value)
        for key, value in node.items()
    }


def named(node: Any) -> set[str]:
    """Return the definitions that `node` refers to itself."""
    if isinstance(node, list):
        return set().union(*map(named, node))
    if not isinstance(node, dict):
        return set()
    here = {node["$ref"].rpartition("/")[2]} if "$ref" in node else set()
    return here.union(*map(named, node.values()))


def pruned(schema: Schema) -> Schema:
    """Leave out the definitions that nothing refers to any more."""
    definitions = schema.pop("definitions", {})
    kept: set[str] = set()
    wanted = named(schema)
    while wanted:
        kept |= wanted
        wanted = named([definitions[name] for name in wanted]) - kept
    return schema | {"definitions": {name: definitions[name] for name in sorted(kept)}}


def main() -> None:
    folder = Path(sys.argv[1]).absolute()
    for kind in KINDS:
        schema = pruned(narrowed(generated(kind, folder)))
        text = json.dumps(schema, separators=(",", ":"), sort_keys=True)
        (HERE / f"{kind}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
