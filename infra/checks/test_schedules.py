"""The grammar of schedule expressions, against what EventBridge documents."""

import unittest

from .schedules import expression_fault


class Expressions(unittest.TestCase):
    def test_that_are_right_have_no_fault(self):
        for expression in (
            "rate(1 minute)", "rate(5 minutes)", "rate(1 day)", "rate(12 hours)",
            "cron(0 10 * * ? *)", "cron(15 12 ? * MON-FRI *)", "cron(0/10 * ? * 2-6 *)", "cron(0 8 1 * ? 2027)",
            "cron(0 18 L * ? *)", "cron(0 18 3W * ? *)", "cron(0 9 ? * 6#3 *)", "cron(0,30 8-17 ? JAN,JUL TUE *)",
            "at(2027-01-01T00:00:00)",
        ):  # fmt: skip
            with self.subTest(expression):
                self.assertIsNone(expression_fault(expression))

    def test_that_are_wrong_have_one(self):
        for expression in (
            "rate(1 dayz)", "rate(1 minutes)", "rate(5 minute)", "rate(0 minutes)", "rate(-5 minutes)", "rate(5minutes)",
            "rate(5 seconds)", "rate(1.5 hours)", "rate()", "every(5 minutes)", "rate(5 minutes", "5 minutes",
            "cron(*/5 * * * *)", "cron(0 10 * * * *)", "cron(0 10 ? * ? *)", "cron(60 10 * * ? *)", "cron(0 24 * * ? *)",
            "cron(0 10 32 * ? *)", "cron(0 10 0 * ? *)", "cron(0 10 * 13 ? *)", "cron(0 10 ? * 8 *)", "cron(0 10 ? * MOO *)",
            "cron(0 17-8 * * ? *)", "cron(? 10 * * ? *)", "cron(0 10 * * ? 1969)", "at(2027-01-01)",
        ):  # fmt: skip
            with self.subTest(expression):
                self.assertIsNotNone(expression_fault(expression))
