"""Prints each value of the YAML documents on stdin, after its path (Deployment/NAME/spec/replicas) and a tab."""

import sys

import yaml


def leaves(path, node):
    if isinstance(node, (dict, list)):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(f"{path}/{key}", child)
    else:
        yield path, node


for document in yaml.safe_load_all(sys.stdin):
    name = document["kind"] + "/" + document["metadata"]["name"]
    for leaf in leaves(name, document):
        print(*leaf, sep="\t")
