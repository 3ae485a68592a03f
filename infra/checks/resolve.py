"""What a transformed template says once its parameters are known: conditions decided, functions evaluated."""

import re

from .deployment import REGION

ACCOUNT = "111122223333"
STACK = "callgate-prod"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}
# What stands for a value that is left out.
NOTHING = object()
PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")


class Resolver:
    """Evaluates one template with one set of parameters. A function that is not known here raises."""

    def __init__(self, template, parameters):
        """Takes the values that are not defaults; those that the template does not know raise."""
        declared = template["Parameters"]
        unknown = set(parameters) - set(declared)
        if unknown:
            raise KeyError(f"the template has no parameters {sorted(unknown)}")
        self.template = template
        self.parameters = {name: str(parameters.get(name, each.get("Default", ""))) for name, each in declared.items()}

    def template_resolved(self):
        """The template's resources and outputs that are there, with their values."""
        kept = {}
        for part in ("Resources", "Outputs"):
            kept[part] = {
                name: self.value(each)
                for name, each in self.template.get(part, {}).items()
                if "Condition" not in each or self.condition(each["Condition"])
            }
        return kept

    def condition(self, name):
        """Whether a condition holds."""
        return self._truth(self.template["Conditions"][name])

    def value(self, value):
        """A value without functions."""
        if isinstance(value, list):
            return [each for each in map(self.value, value) if each is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref" or key.startswith("Fn::"):
                return self._function(key, argument)
        resolved = {key: self.value(each) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each is not NOTHING}

    def _truth(self, value):
        ((key, argument),) = value.items()
        if key == "Fn::Equals":
            left, right = map(self.value, argument)
            return str(left) == str(right)
        if key == "Fn::Not":
            return not self._truth(argument[0])
        if key == "Fn::And":
            return all(map(self._truth, argument))
        if key == "Condition":
            return self.condition(argument)
        raise NotImplementedError(f"condition {key}")

    def _function(self, key, argument):
        if key == "Ref":
            return self._reference(argument)
        if key == "Fn::GetAtt":
            name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            return self._attribute(name, attribute)
        if key == "Fn::If":
            return self.value(argument[1] if self.condition(argument[0]) else argument[2])
        if key == "Fn::Sub":
            text, names = argument if isinstance(argument, list) else (argument, {})
            return PLACEHOLDER.sub(lambda found: self._substituted(found[1], names), text)
        if key == "Fn::Join":
            return argument[0].join(map(str, self.value(argument[1])))
        if key == "Fn::Split":
            return self.value(argument[1]).split(argument[0])
        if key == "Fn::Select":
            return self.value(argument[1])[int(argument[0])]
        if key == "Fn::GetAZs":
            return [f"{REGION}a", f"{REGION}b", f"{REGION}c"]
        if key == "Fn::Cidr":
            return [f"{self.value(argument[0])}#{at}" for at in range(int(argument[1]))]
        raise NotImplementedError(key)

    def _substituted(self, name, names):
        if name in names:
            return str(self.value(names[name]))
        if "." in name:
            return str(self._attribute(*name.split(".", 1)))
        return str(self._reference(name))

    def _reference(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        resource = self.template["Resources"][name]
        kind = resource["Type"]
        if kind == "AWS::Lambda::Alias":
            function = self.value(resource["Properties"]["FunctionName"])
            return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:{resource['Properties']['Name']}"
        if kind == "AWS::SNS::Topic":
            return f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-{name}"
        if kind == "AWS::IAM::ManagedPolicy":
            return name
        if kind == "AWS::Logs::LogGroup":
            return self.value(resource["Properties"]["LogGroupName"])
        if kind == "AWS::ApiGateway::Stage":
            return resource["Properties"]["StageName"]
        return f"{STACK}-{name}"

    def _attribute(self, name, attribute):
        resource = self.template["Resources"][name]
        own = self._reference(name)
        arns = {
            "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{own}",
            "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{own}",
            "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{own}",
            "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{own}:*",
            "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{own}",
        }
        if attribute == "Arn":
            return arns[resource["Type"]]
        return f"{own}.{attribute}"
