"""Running what is outside of trigml, and reading its reports."""
