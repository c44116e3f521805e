// StopSignal: Ctrl-C and SIGTERM as a flag that the run looks at between batches. A second one ends the process at once.

import Foundation
import Synchronization

private let requested = Atomic<Bool>(false)

/// Whether somebody asked the process to stop.
public enum StopSignal {
    /// The exit code of a run that was stopped, as shells count it: 128 + SIGINT.
    public static let exitCode: Int32 = 130

    public static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// From here on SIGINT and SIGTERM set the flag. A write beyond the file size limit becomes an error instead of
    /// the end of the process.
    public static func install() {
        // The handler may only touch what exists already.
        _ = isRequested
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in requested.store(true, ordering: .relaxed) }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
        signal(SIGXFSZ, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
    }
}
