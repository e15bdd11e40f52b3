"""The version of the package; imports nothing, so that every room may say it."""

VERSION = "0.1.0"
