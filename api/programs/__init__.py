"""Programs: checked, formatted, published as versions that never change."""
