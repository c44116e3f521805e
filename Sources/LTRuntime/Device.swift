// Device: what `--device` and `lt_model_options.device` say, and the backend that it means on this machine.

import LTCUDA
import LTCore

/// Where a model is asked to run.
public enum Device: Sendable, Hashable {
    case cpu
    /// Plain kernels, to compare with.
    case reference
    /// These GPUs and nothing else, each once.
    case cuda([Int])
    /// What is fastest of what can be used.
    case auto

    private static let expected = "expected cpu, reference, auto, cuda:N or a list such as cuda:0,cuda:1"

    /// `cpu`, `reference`, `auto`, `cuda:N`, `cuda` (which is `cuda:0`), or several CUDA devices separated by commas.
    /// - Throws: `notFound` for another name, `invalidArgument` for a list or a number that makes no sense.
    public init(_ text: String) throws(LTError) {
        switch text {
        case "cpu": self = .cpu
        case "reference": self = .reference
        case "auto": self = .auto
        default:
            var numbers: [Int] = []
            let names = text.split(separator: ",", omittingEmptySubsequences: false)
            for name in names {
                guard name == "cuda" || name.hasPrefix("cuda:") else {
                    guard names.count > 1 else { throw LTError(.notFound, "no device '\(text)', \(Self.expected)") }
                    throw LTError(
                        .invalidArgument,
                        "device '\(text)': '\(name)' in a list, which holds CUDA devices only, \(Self.expected)")
                }
                let digits = name == "cuda" ? "0" : name.dropFirst("cuda:".count)
                guard let number = Int(digits), String(number) == digits, 0..<1024 ~= number else {
                    throw LTError(
                        .invalidArgument,
                        "device '\(text)': '\(digits)' is not the number of a device, expected cuda:0 to cuda:1023")
                }
                guard !numbers.contains(number) else {
                    throw LTError(.invalidArgument, "device '\(text)': cuda:\(number) twice, expected each device once")
                }
                numbers.append(number)
            }
            self = .cuda(numbers)
        }
    }
}

/// The backends by the names that `--device` takes.
public enum BackendTable {
    /// Those that run here; each by its name.
    public static let all: [any Backend] = [CPUBackend(), ReferenceBackend()]

    /// The backend of a device.
    /// - Throws: errors of `Device`; `unsupported` with the reason for CUDA devices, which nothing else replaces.
    public static func named(_ device: String) throws(LTError) -> any Backend { try choose(device).backend }

    /// The same with a sentence on what `auto` chose, and why; nil for other devices.
    public static func choose(_ device: String) throws(LTError) -> (backend: any Backend, note: String?) {
        switch try Device(device) {
        case .cpu: return (CPUBackend(), nil)
        case .reference: return (ReferenceBackend(), nil)
        case .cuda(let numbers): throw refusal(numbers).inside("device '\(device)'")
        case .auto: return (CPUBackend(), "device auto is cpu: \(refusal([0]).message)")
        }
    }

    /// Why nothing runs on these CUDA devices.
    private static func refusal(_ numbers: [Int]) -> LTError {
        do throws(CUDAObstacle) {
            let devices = try CUDABackend.check().devices
            if let absent = numbers.first(where: { $0 >= devices.count }) {
                return LTError(
                    .unsupported,
                    "no device cuda:\(absent), expected one of "
                        + devices.map { "cuda:\($0.number) (\($0.name))" }.joined(separator: ", "),
                    hint: "`lt-infer devices` lists what is there")
            }
            let names = numbers.map { devices[$0].name }.joined(separator: ", ")
            return LTError(.unsupported, "\(noKernels) to run on \(names)", hint: "device cpu runs here")
        } catch {
            return error.error
        }
    }

    private static let noKernels = "this build has no CUDA kernels"

    /// One line per device: its name, and what it is or why it cannot be used.
    public static func description() -> String {
        var lines = [
            "cpu        \(PlanOptions.availableThreads) threads", "reference  plain kernels, slow, to compare with",
        ]
        do throws(CUDAObstacle) {
            let machine = try CUDABackend.check()
            for device in machine.devices {
                let name = "cuda:\(device.number)"
                let gap = String(repeating: " ", count: max(1, 11 - name.count))
                lines.append(
                    "\(name)\(gap)\(device.name), compute capability \(device.capability), \(device.memory >> 20) MiB")
            }
            let versions = CUDALibrary.allCases.map { "\($0) \(machine.versions[$0]?.description ?? "?")" }
            lines.append("           \(versions.joined(separator: ", "))")
            lines.append("           not used: \(noKernels)")
        } catch {
            lines.append("cuda       \(error.error.message)")
            if let hint = error.error.hint { lines.append("           \(hint)") }
        }
        return lines.joined(separator: "\n")
    }
}
