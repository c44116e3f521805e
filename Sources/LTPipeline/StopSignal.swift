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
        // A parent that had them blocked or ignored would have passed that on.
        var both = sigset_t()
        sigemptyset(&both)
        for number in [SIGINT, SIGTERM] {
            sigaction(number, &action, nil)
            sigaddset(&both, number)
        }
        pthread_sigmask(SIG_UNBLOCK, &both, nil)
        signal(SIGXFSZ, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
    }
}
