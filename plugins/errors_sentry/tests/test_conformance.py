"""The reporter passes the kit."""

import pytest
from nestegg_errors_sentry import Sentry

from nestegg_core import ErrorReporter
from nestegg_testing import ErrorReporterConformance, ReportServer


class TestSentry(ErrorReporterConformance):
    @pytest.fixture
    def subject(self, report_server: ReportServer) -> ErrorReporter:
        dsn = report_server.url.replace("://", "://key@") + "/1"
        return Sentry(dsn, environment="test")
