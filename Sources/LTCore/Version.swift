// The version of these programs.

/// What reports, stores and `--version` name.
public let longtailVersion = "0.1.0"
