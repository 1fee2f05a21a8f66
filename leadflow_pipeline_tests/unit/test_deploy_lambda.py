"""What `deploy/lambda/` says against what is there: files, handler, settings. The image itself is built by AWS SAM."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadflow_pipeline.settings import CHECKOUT, Settings

FOLDER = CHECKOUT / "deploy" / "lambda"


class Template(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref`, `!Sub`), kept as their names and values."""


def _keep(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    assert isinstance(node, yaml.ScalarNode)
    return {suffix: loader.construct_scalar(node)}


Template.add_multi_constructor("!", _keep)


@pytest.fixture
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((FOLDER / "template.yaml").read_text(), Template)
    return loaded


def read_dockerfile() -> list[tuple[str, str]]:
    text = (FOLDER / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def test_the_image_starts_from_lambdas_own_and_runs_our_handler() -> None:
    instructions = read_dockerfile()
    assert {name for name, _ in instructions} <= {"FROM", "WORKDIR", "COPY", "RUN", "CMD"}
    assert instructions[0][1].startswith("public.ecr.aws/lambda/python:3.")
    [command] = [rest for name, rest in instructions if name == "CMD"]
    [handler] = re.findall(r'"([^"]+)"', command)
    module, name = handler.rsplit(".", 1)
    assert callable(getattr(importlib.import_module(module), name))


def test_the_image_takes_only_what_is_there_and_let_in() -> None:
    let_in = [line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [source for name, rest in read_dockerfile() if name == "COPY" for source in rest.split()[:-1]]
    assert sorted(copied) == sorted(let_in)
    assert [source for source in copied if not (CHECKOUT / source).exists()] == []


def test_the_template_names_what_it_has(template: dict[str, Any]) -> None:
    receiver = template["Resources"]["Receiver"]
    variables = receiver["Properties"]["Environment"]["Variables"]
    references = re.findall(r"'Ref': '(\w+)'", str(template["Resources"]))
    assert set(references) == set(template["Parameters"])
    assert all(parameter.get("NoEcho") for name, parameter in template["Parameters"].items() if "Secret" in name)
    assert (FOLDER / receiver["Metadata"]["DockerContext"] / receiver["Metadata"]["Dockerfile"]).is_file()
    known = {f"LEADFLOW_{name.upper()}" for name in Settings.model_fields}
    assert set(variables) <= known
    assert receiver["Properties"]["Timeout"] <= 29, "an HTTP API waits no longer"


def test_the_function_is_no_sandbox(template: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a sandbox the website form is open without a secret."""
    variables = template["Resources"]["Receiver"]["Properties"]["Environment"]["Variables"]
    for name, value in variables.items():
        monkeypatch.setenv(name, value if isinstance(value, str) else str(tmp_path))
    assert not Settings(_env_file=None).sandbox
