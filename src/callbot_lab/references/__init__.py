"""Arms that are no implementation: what one would write without one. Checked for output, held to no contract."""
