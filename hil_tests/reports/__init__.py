"""What a run tells others: the end of the terminal, JUnit, pytest-html, OpenMetrics."""
