// No code: this target carries the linker settings of the tools (see Package.swift).
