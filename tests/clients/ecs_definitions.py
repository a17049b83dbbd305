"""Judges a task definition and a service of ECS: ecs_definitions.py TASK SERVICE, two files of JSON as its API takes them.

By the API's own model, and by the linter of CloudFormation, which knows what Fargate allows.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import botocore.session
from botocore.validate import ParamValidator


def as_cloudformation(value, key=""):
    """The same with the names that CloudFormation has; the names of a log driver's options are its own."""
    if isinstance(value, dict):
        name = (lambda name: name) if key == "options" else (lambda name: name[0].upper() + name[1:])
        return {name(member): as_cloudformation(inner, member) for member, inner in value.items()}
    if isinstance(value, list):
        return [as_cloudformation(element) for element in value]
    return value


model = botocore.session.get_session().get_service_model("ecs")
resources = {}
for path, operation, kind in zip(sys.argv[1:], ["RegisterTaskDefinition", "CreateService"], ["TaskDefinition", "Service"]):
    definition = json.loads(pathlib.Path(path).read_text())
    report = ParamValidator().validate(definition, model.operation_model(operation).input_shape).generate_report()
    if report:
        sys.exit(f"{path}: {report}")
    resources[kind] = {"Type": f"AWS::ECS::{kind}", "Properties": as_cloudformation(definition)}
with tempfile.NamedTemporaryFile("w", suffix=".json") as template:
    json.dump({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}, template)
    template.flush()
    linter = pathlib.Path(sys.executable).with_name("cfn-lint")
    sys.exit(subprocess.run([linter, template.name]).returncode)
