// How idle pool threads wait. libgomp lets them spin for milliseconds by default, which starves decoding and other
// programs on the same cores; it reads its setting once, before main, so a process that cares starts itself again.

import CLTKernels

/// Settings of the process that must be made before anything else runs.
public enum ThreadWaiting {
    /// Lets idle threads of the pool sleep soon. The first line of a command's main: it starts the program again with the
    /// setting in its environment, once, unless the user has set GOMP_SPINCOUNT or OMP_WAIT_POLICY.
    /// ResNet-50, batch 1, two threads on two cores under a load of 11: 1,540 ms by default, 290 ms with GOMP_SPINCOUNT=2000.
    public static func configureProcess() { lt_configure_waiting(CommandLine.unsafeArgv) }
}
