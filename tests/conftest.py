"""What holds for every test."""

import os

import pytest
from hypothesis import HealthCheck, settings

# Machines that run tests are busy: how long an example takes proves nothing.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("patient")
# For hours; what it finds is kept in `.hypothesis` and printed.
settings.register_profile(
    "long", settings.get_profile("patient"), max_examples=2000, stateful_step_count=60
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-pictures",
        action="store_true",
        help="store the screens as they are now, for the tests to compare with",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-pictures") and os.environ.get("CI"):
        raise pytest.UsageError("--update-pictures: not where CI is set; look at them first")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--hypothesis-profile") == "long":
        for item in items:
            item.add_marker(pytest.mark.timeout(0))
