"""The HTML page: template, drawings and texts."""
