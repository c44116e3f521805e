// No code: this target carries the linker settings of liblongtail.so (see Package.swift).
