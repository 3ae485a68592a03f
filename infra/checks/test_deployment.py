"""The deployment as it is has no fault that any check knows."""

import unittest

from . import blocks, environment, functions, gateway, linters, metrics, parameters, principals, privileges, scanner, schedules
from .deployment import Deployment


class TheDeployment(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.deployment = Deployment.load()

    def test_has_no_fault(self):
        checks = (
            linters.source_faults,
            linters.transformed_faults,
            linters.sam_faults,
            schedules.faults,
            principals.faults,
            environment.faults,
            functions.faults,
            functions.version_faults,
            gateway.faults,
            parameters.faults,
            blocks.faults,
            metrics.faults,
            privileges.faults,
            scanner.faults,
        )
        for check in checks:
            with self.subTest(check=f"{check.__module__}.{check.__name__}"):
                self.assertEqual([], list(check(self.deployment)))
