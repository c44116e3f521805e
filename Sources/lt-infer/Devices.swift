// lt-infer devices: what --device may name on this machine.

import ArgumentParser
import LTRuntime

struct Devices: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the devices that models may run on, and why others cannot be used.")

    func run() throws { print(BackendTable.description()) }
}
