"""The evaluation of IAM statements, against what AWS documents."""

import unittest

from .iam import allowed, matches

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"


class Patterns(unittest.TestCase):
    def test_a_star_crosses_slashes_and_a_question_mark_is_one_character(self):
        self.assertTrue(matches("secret:callgate/*", "secret:callgate/calltools/acme-Ab3dEf"))
        self.assertFalse(matches("secret:callgate/*", "secret:callgate-grant/calltools/acme-Ab3dEf"))
        self.assertTrue(matches("a?c", "abc"))
        self.assertFalse(matches("a?c", "ac"))

    def test_a_name_without_its_suffix_does_not_match(self):
        self.assertFalse(matches("secret:callgate/calltools/acme", "secret:callgate/calltools/acme-Ab3dEf"))

    def test_dots_and_brackets_are_themselves(self):
        self.assertFalse(matches("a.c", "abc"))
        self.assertTrue(matches("a[b]", "a[b]"))

    def test_case_matters_in_resources_only(self):
        statement = {"Effect": "Allow", "Action": "S3:getobject", "Resource": "arn:x"}
        self.assertTrue(allowed([statement], "s3:GetObject", "arn:x", {}))
        self.assertFalse(allowed([statement], "s3:GetObject", "arn:X", {}))


class Statements(unittest.TestCase):
    def test_nothing_is_allowed_without_a_statement(self):
        self.assertFalse(allowed([], "s3:GetObject", "*", {}))

    def test_a_denial_wins_whatever_its_place(self):
        allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
        for statements in ([allow, deny], [deny, allow]):
            self.assertFalse(allowed(statements, "s3:GetObject", "x", {}))
            self.assertTrue(allowed(statements, "s3:PutObject", "x", {}))

    def test_action_and_resource_are_of_one_statement(self):
        statements = [
            {"Effect": "Allow", "Action": "a:Read", "Resource": "one"},
            {"Effect": "Allow", "Action": "a:Write", "Resource": "two"},
        ]
        self.assertFalse(allowed(statements, "a:Read", "two", {}))

    def test_what_is_not_understood_raises(self):
        for statement in (
            {"Effect": "Allow", "NotAction": "a:Read", "Resource": "*"},
            {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
            {"Effect": "Perhaps", "Action": "*", "Resource": "*"},
        ):
            with self.subTest(statement), self.assertRaises(NotImplementedError):
                allowed([statement], "a:Read", "x", {"aws:SourceIp": ["10.0.0.1"]})


class Conditions(unittest.TestCase):
    def holds(self, condition, context):
        return allowed([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}], "a:b", "x", context)

    def test_all_operators_and_keys_must_hold_and_one_value_of_a_key(self):
        condition = {"StringEquals": {"k": ["a", "b"], "l": "c"}}
        self.assertTrue(self.holds(condition, {"k": ["b"], "l": ["c"]}))
        self.assertFalse(self.holds(condition, {"k": ["b"], "l": ["d"]}))
        self.assertFalse(self.holds(condition, {"k": ["b"]}))

    def test_string_equals_takes_a_star_for_a_star(self):
        self.assertFalse(self.holds({"StringEquals": {"k": "a*"}}, {"k": ["ab"]}))
        self.assertTrue(self.holds({"StringLike": {"k": "a*"}}, {"k": ["ab"]}))

    def test_for_all_values_holds_for_none_at_all_and_null_refuses_that(self):
        every = {"ForAllValues:StringLike": {"k": ["a/*"]}}
        self.assertTrue(self.holds(every, {"k": ["a/1", "a/2"]}))
        self.assertFalse(self.holds(every, {"k": ["a/1", "b/2"]}))
        self.assertTrue(self.holds(every, {}))
        self.assertFalse(self.holds({**every, "Null": {"k": "false"}}, {}))
        self.assertTrue(self.holds({"Null": {"k": "true"}}, {}))
