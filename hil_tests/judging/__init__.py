"""What a test found, as a verdict on numbered rules of the specification: outcomes, rules, measurements."""
