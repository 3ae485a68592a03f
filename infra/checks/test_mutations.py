"""Every check can fail: mistakes are made in copies of the deployment, and the check that must name each one does."""

import unittest

from . import blocks, environment, functions, gateway, linters, metrics, parameters, principals, privileges, scanner, schedules
from .deployment import Deployment

DECRYPTS = "              Action: kms:Decrypt\n              Resource: !Ref KmsKeyArn\n              Condition:"
SECRETS = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
RETRIES = "        RetryPolicy:\n          MaximumRetryAttempts: 0\n          MaximumEventAgeInSeconds: 60\n"
INPUT = """'{"warm": {"connections": ["${Names}"]}}'"""
MINUTES_LEFT = "      Namespace: callgate\n      MetricName: minutes_left\n"

# What is mistaken, the text, the mistake, who must say so, and a word that it must say.
TEMPLATE = [
    ("a role of nobody", "!GetAtt CallToolsRole.Arn", "!GetAtt CallTolsRole.Arn", linters.transformed_faults, "CallTolsRole"),
    ("an attribute that is not there", "!GetAtt StateTable.Arn", "!GetAtt StateTable.Name", linters.transformed_faults, "Name"),
    ("a mistyped IAM action", "secretsmanager:GetSecretValue\n", "secretsmanager:GetSecretValues\n", linters.transformed_faults, "getsecretvalues"),
    ("a bad architecture", "Default: x86_64\n    AllowedValues: [x86_64, arm64]", "Default: x86\n    AllowedValues: [x86, arm64]", linters.transformed_faults, "x86"),
    ("a runtime that is not there", "Runtime: provided.al2023", "Runtime: provided.al2032", linters.transformed_faults, "provided.al2032"),
    ("a dependency on SAM's own name", "  ApiKey:\n    Type: AWS::ApiGateway::ApiKey\n", "  ApiKey:\n    Type: AWS::ApiGateway::ApiKey\n    DependsOn: CheckApi.Stage\n", linters.transformed_faults, "CheckApi.Stage"),
    ("a property that is not there", "      TracingEnabled: true\n", "      TracingEnable: true\n", linters.source_faults, "TracingEnable"),
    ("the same, to sam", "      TracingEnabled: true\n", "      TracingEnable: true\n", linters.sam_faults, "TracingEnable"),
    ("a unit that is not there", "rate(5 minutes)", "rate(5 minuts)", schedules.faults, "minuts"),
    ("a mistyped day", "rate(5 minutes)", "rate(1 dayz)", schedules.faults, "dayz"),
    ("a cron with five fields", "rate(5 minutes)", "cron(*/5 * * * *)", schedules.faults, "6 fields"),
    ("another period", "rate(5 minutes)", "rate(1 hour)", schedules.faults, "rate(1 hour)"),
    ("a missing retry policy", RETRIES, "", schedules.faults, "retry policy"),
    ("retries of a schedule", "          MaximumRetryAttempts: 0\n", "          MaximumRetryAttempts: 2\n", schedules.faults, "retry policy"),
    ("an age of an hour", "          MaximumEventAgeInSeconds: 60\n", "          MaximumEventAgeInSeconds: 3600\n", schedules.faults, "3600"),
    ("retries of a function", "      MaximumRetryAttempts: 0\n      MaximumEventAgeInSeconds: 60\n", "      MaximumRetryAttempts: 2\n      MaximumEventAgeInSeconds: 60\n", schedules.faults, "asynchronous"),
    ("a mistyped payload", INPUT, INPUT.replace("connections", "conections"), schedules.faults, "conections"),
    ("a payload that is no JSON", INPUT, INPUT.replace("]}}", "}}"), schedules.faults, "no JSON"),
    ("names that are not set apart", "!Join ['\", \"', !Split", "!Join [', ', !Split", schedules.faults, "acme, second-line"),
    ("another payload for the refresh", """'{"refresh": {}}'""", """'{"refersh": {}}'""", schedules.faults, "refersh"),
    ("a schedule past the alias", "Arn: !Ref TokenRefreshFunction.Alias", "Arn: !GetAtt TokenRefreshFunction.Arn", schedules.faults, "TokenRefreshSchedule"),
    ("warming nobody", "    Condition: WarmsPortSip\n", "", schedules.faults, "without connections"),
    ("a wrong service principal", "Principal: apigateway.amazonaws.com", "Principal: apigatway.amazonaws.com", principals.faults, "apigatway"),
    ("a mistyped scheduler", "{Service: scheduler.amazonaws.com}", "{Service: event.amazonaws.com}", principals.faults, "event.amazonaws.com"),
    ("a role for any account", "{Service: lambda.amazonaws.com}", '{AWS: "*"}', principals.faults, "AWS"),
    ("loopback allowed", "          CALLGATE_DEADLINE_MS: !Ref DeadlineMs\n", '          CALLGATE_DEADLINE_MS: !Ref DeadlineMs\n          CALLGATE_ALLOW_LOOPBACK: "1"\n', environment.faults, "CALLGATE_ALLOW_LOOPBACK"),
    ("a mistyped setting", "CALLGATE_DEADLINE_MS: !Ref", "CALLGATE_DEADLINE: !Ref", environment.faults, "CALLGATE_DEADLINE_MS"),
    ("bodies shown where they should not be", '!Equals [!Ref ExplainBodies, "true"]', '!Equals [!Ref ExplainBodies, "false"]', environment.faults, "CALLGATE_EXPLAIN_BODIES"),
    ("a dropped log group", "  PortSipLogs:\n    Type: AWS::Logs::LogGroup", "  PortSipLog:\n    Type: AWS::Logs::LogGroup", functions.faults, "PortSipLogs"),
    ("logs without an end", "      RetentionInDays: !Ref LogRetentionDays\n", "", functions.faults, "retention"),
    ("lines rewritten on their way", "LogFormat: Text", "LogFormat: JSON", functions.faults, "as text"),
    ("removed reserved concurrency", "      ReservedConcurrentExecutions: !If [ReservesTokenRefresh, !Ref TokenRefreshReservedConcurrency, !Ref AWS::NoValue]\n", "", functions.faults, "TokenRefreshReservedConcurrency"),
    ("0 that reserves nothing for everybody", "  ReservesCallTools: !Not [!Equals [!Ref CallToolsReservedConcurrency, 0]]", "  ReservesCallTools: !Not [!Equals [!Ref CallToolsReservedConcurrency, 1]]", functions.faults, "CallToolsReservedConcurrency 0"),
    ("another alias", "AutoPublishAlias: live", "AutoPublishAlias: prod", functions.faults, "alias live"),
    ("another provider's binary", "Binary: callgate-portsip", "Binary: callgate-ringcentral", functions.faults, "callgate-ringcentral"),
    ("the workspace for a package", "CodeUri: ../functions/calltools", "CodeUri: ..", functions.faults, "callgate-calltools"),
    ("Lambda gives up first", "Timeout: 30", "Timeout: 3", functions.faults, "Timeout"),
    ("a setting that makes no version", "${DeadlineMs} ms, ", "", functions.version_faults, "DeadlineMs"),
    ("a version of an unchanged function", "      VersionDescription: !Sub >-\n        Token refresh: ", "      VersionDescription: !Sub >-\n        ${DeadlineMs} ", functions.version_faults, "Lambda refuses"),
    ("no permission for the gateway", "execute-api:${AWS::Region}:${AWS::AccountId}:${CheckApi}/live/*/v1/check/calltools*", "execute-api:${AWS::Region}:${AWS::AccountId}:${CheckApi}/prod/*/v1/check/calltools*", gateway.faults, "no permission"),
    ("a permission for every API", "      SourceArn: !Sub arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${CheckApi}/live/*/v1/check/portsip*\n", "", gateway.faults, "any API"),
    ("no quota", "      Quota:\n        Limit: !Ref DailyQuota\n        Period: DAY\n", "", gateway.faults, "no quota"),
    ("another stage", "StageName: live", "StageName: prod", gateway.faults, "live"),
    ("a parameter that nobody uses", "!Ref AlarmSlowMs", "8000", parameters.faults, "AlarmSlowMs is not used"),
    ("a parameter that nobody describes", "    Description: Where alarms are sent. Empty sends none; they still show on the dashboard.\n", "", parameters.faults, "AlarmEmail is not described"),
    ("one provider mended and the others not", "Resource: !GetAtt RingCentralLogs.Arn", "Resource: !Sub '${RingCentralLogs.Arn}'", blocks.faults, "RingCentralRole"),
    ("an alarm on a metric that nobody emits", "MetricName: accepted_by_policy", "MetricName: accepted_by_polcy", metrics.faults, "accepted_by_polcy"),
    ("an alarm on dimensions that nobody emits", MINUTES_LEFT, MINUTES_LEFT + "      Dimensions:\n        - {Name: provider, Value: portsip}\n", metrics.faults, "minutes_left with the dimensions"),
    ("an alarm on another provider", "        - {Name: provider, Value: portsip}", "        - {Name: provider, Value: calltools}", metrics.faults, "watches the provider calltools"),
    ("an alarm on another function", "Value: !Ref RingCentralFunction}", "Value: !Ref PortSipFunction}", metrics.faults, "watches the function"),
    ("an alarm that rings at night", "TreatMissingData: notBreaching", "TreatMissingData: breaching", metrics.faults, "missing data"),
    ("an alarm that nobody hears of", "      TreatMissingData: breaching\n      AlarmActions: !If [HasAlarmEmail, [!Ref AlarmTopic], !Ref AWS::NoValue]\n", "      TreatMissingData: breaching\n", metrics.faults, "tells nobody"),
    ("a sum that names nothing", "100 * unknown / checks", "100 * unknwn / checks", metrics.faults, "unknwn"),
    ("an alarm that is not there", "  RefreshFailedAlarm:\n", "  RefreshFaildAlarm:\n", metrics.faults, "RefreshFailedAlarm"),
    ("a filter for words that nobody says", 'nothing was refreshed*"', 'nothing was renewed*"', metrics.faults, "nothing was refreshed"),
    ("a dashboard that is no JSON", '"title": "Alarms"', '"title": "Alarms', metrics.faults, "no JSON"),
    ("a dashboard of a metric that nobody emits", '["callgate", "data_age_ms"', '["callgate", "data_age"', metrics.faults, "data_age "),
    ("a search for a metric that nobody emits", 'MetricName=\\"refresh_failed\\"', 'MetricName=\\"refresh_faild\\"', metrics.faults, "refresh_faild"),
    ("a check that reads grants", "secret:callgate/calltools/*", "secret:callgate*/calltools/*", privileges.faults, "callgate-grant/calltools/acme"),
    ("a check that reads all secrets", "secret:callgate/portsip/*", "secret:callgate/*", privileges.faults, "callgate/ringcentral/acme"),
    ("a name that begins alike", "secret:callgate/genesys-cloud/*", "secret:callgate/genesys-cloud*", privileges.faults, "genesys-cloud-grant"),
    ("a refresh without grants", "                  - !Sub " + SECRETS + "callgate-grant/*\n", "", privileges.faults, "may not secretsmanager:GetSecretValue"),
    ("a refresh that creates", "                  - secretsmanager:DescribeSecret\n", "                  - secretsmanager:DescribeSecret\n                  - secretsmanager:CreateSecret\n", privileges.faults, "CreateSecret"),
    ("a wildcard resource", "Action: [logs:CreateLogStream, logs:PutLogEvents]\n                Resource: !GetAtt PortSipLogs.Arn", 'Action: [logs:CreateLogStream, logs:PutLogEvents]\n                Resource: "*"', privileges.faults, "on *"),
    ("a wildcard action", "Action: [dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:PutItem]\n                  Resource: !GetAtt StateTable.Arn", "Action: dynamodb:*\n                  Resource: !GetAtt StateTable.Arn", privileges.faults, "wildcard"),
    ("a table open to every provider", 'dynamodb:LeadingKeys: ["ringcentral/*"]', 'dynamodb:LeadingKeys: ["*"]', privileges.faults, "portsip/acme/q"),
    ("a key that need not be named", '                    "Null":\n                      dynamodb:LeadingKeys: "false"\n', "", privileges.faults, "with {}"),
    ("a key for everything", DECRYPTS + "\n                StringEquals:\n                  kms:ViaService: !Sub secretsmanager.${AWS::Region}.${AWS::URLSuffix}\n", DECRYPTS.removesuffix("\n              Condition:") + "\n", privileges.faults, "s3.eu-west-1"),
    ("a managed policy of AWS", "      ManagedPolicyArns: [!Ref FunctionPolicy]\n", "      ManagedPolicyArns: [!Ref FunctionPolicy, arn:aws:iam::aws:policy/SecretsManagerReadWrite]\n", privileges.faults, "SecretsManagerReadWrite"),
    ("a role that SAM makes", "      Role: !GetAtt PortSipRole.Arn\n", "", privileges.faults, "PortSipFunctionRole"),
    ("a schedule past the alias, allowed", "                  - !Ref PortSipFunction.Alias\n", "                  - !GetAtt PortSipFunction.Arn\n", privileges.faults, "lambda:InvokeFunction"),
    ("permissions of a table that is off", "              - !If\n                - SharesState\n", "              - !If\n                - HasFixedEgress\n", privileges.faults, "dynamodb:GetItem"),
    ("functions that anybody may reach", "      SecurityGroupEgress:\n", "      SecurityGroupIngress:\n        - {IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0, Description: ssh}\n      SecurityGroupEgress:\n", scanner.faults, "CKV_AWS_24"),
]  # fmt: skip
API = [
    ("an alias of nobody", "${RingCentralFunctionAliaslive}", "${RingCentralFunctionAliasLive}", gateway.faults, "RingCentralFunctionAliasLive"),
    ("another provider's function", "${RingCentralFunctionAliaslive}", "${PortSipFunctionAliaslive}", gateway.faults, "it calls"),
    ("an operation without a key", "      security: [{ApiKey: []}]\n", "", gateway.faults, "no key"),
    ("a provider that is not served", "  /v1/check/portsip:\n", "  /v1/check/portsips:\n", gateway.faults, "/v1/check/portsip is not served"),
    ("another name", "  title: callgate\n", "  title: callgate checks\n", gateway.faults, "title"),
    ("the gateway's validator", "openapi: 3.0.3\n", "openapi: 3.0.3\nx-amazon-apigateway-request-validator: all\n", gateway.faults, "validator"),
]  # fmt: skip


class Mistakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.good = Deployment.load()

    def test_in_the_template_are_named_by_the_check_they_concern(self):
        for name, text, mistake, check, word in TEMPLATE:
            with self.subTest(name):
                self.assertIn(text, self.good.template_text, "the mistake is in a text that is not there any more")
                changed = self.good.template_text.replace(text, mistake)
                self.assertNotEqual(changed, self.good.template_text)
                self._assert_named(Deployment(changed, self.good.api_text), check, word)

    def test_in_the_document_are_named_by_the_check_they_concern(self):
        for name, text, mistake, check, word in API:
            with self.subTest(name):
                self.assertIn(text, self.good.api_text, "the mistake is in a text that is not there any more")
                changed = self.good.api_text.replace(text, mistake)
                self.assertNotEqual(changed, self.good.api_text)
                self._assert_named(Deployment(self.good.template_text, changed), check, word)

    def test_are_made_for_every_check(self):
        mistaken = {check for *_, check, _ in TEMPLATE + API}
        modules = {each.__name__.rpartition(".")[2] for each in (
            blocks, environment, functions, gateway, linters, metrics, parameters, principals, privileges, scanner, schedules
        )}  # fmt: skip
        self.assertEqual(modules, {check.__module__.rpartition(".")[2] for check in mistaken})

    def _assert_named(self, deployment, check, word):
        found = []
        for fault in check(deployment):
            if word in fault:
                return
            found.append(fault)
        self.fail(f"`{word}` is in none of {len(found)} faults: {found[:3]}")
