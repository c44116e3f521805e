// swift-tools-version: 6.2
// LongTail: long-tailed recognition from balanced-loss training to deployed decisions.
// The module table is docs/architecture.md §2; Tests/LTCoreTests/ImportTableTests.swift holds the sources to it.
import Foundation
import PackageDescription

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let orderedCollections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

// C targets are fast in debug builds too: -O3 always. ISA-specific code carries its own target attributes.
let cFast: [CSetting] = [.unsafeFlags(["-O3", "-fno-math-errno"])]
// Debian's headers of libonnx need these two macros.
let onnxDefines: [CXXSetting] = [
    .define("ONNX_ML", to: "1"), .define("ONNX_NAMESPACE", to: "onnx"), .unsafeFlags(["-O2"]),
]
let swiftSettings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let gomp: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "-l:libgomp.so.1"])]

// LIBTORCH=DIR builds the trainer against another libtorch than Debian's.
let libtorch = Context.environment["LIBTORCH"]
let torchSettings: [CXXSetting] =
    libtorch.map { [.unsafeFlags(["-O2", "-I\($0)/include", "-I\($0)/include/torch/csrc/api/include"])] }
    ?? [.unsafeFlags(["-O2", "-I/usr/include/torch/csrc/api/include"])]
let torchLink: [LinkerSetting] =
    (libtorch.map { [.unsafeFlags(["-L\($0)/lib", "-Xlinker", "-rpath", "-Xlinker", "\($0)/lib"])] } ?? [])
    + [.linkedLibrary("torch"), .linkedLibrary("torch_cpu"), .linkedLibrary("c10")] + gomp
    // CUDA's operators register themselves when their library is loaded; nothing refers to it.
    + (libtorch.map { FileManager.default.fileExists(atPath: "\($0)/lib/libtorch_cuda.so") } == true
        ? [.unsafeFlags(["-Xlinker", "--no-as-needed", "-Xlinker", "-ltorch_cuda", "-Xlinker", "-lc10_cuda"])] : [])

// How liblongtail.so is linked: Swift's runtime inside, nothing but lt_* outside, never unloaded. These settings are those
// of a target without code that nothing but this product uses: on a target of tests they would break their linking.
let cLibrary: [LinkerSetting] = [
    .unsafeFlags([
        "-static-stdlib", "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/LongTailLink/exports.map",
        "-Xlinker", "-soname=liblongtail.so.0", "-Xlinker", "-z", "-Xlinker", "nodelete", "-Xlinker", "-z", "-Xlinker",
        "defs",
    ])
]

// How the tools are linked: Swift's runtime and Foundation inside, so that they run where Swift is not installed. What is
// named are the parts of Foundation that modules compiled for the shared one do not ask for. These settings, too, hang on
// a target without code, so that the tests, which depend on the tools, are linked as ever.
let staticTool: [LinkerSetting] = [
    .unsafeFlags([
        "-static-stdlib", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims", "-l_FoundationCollections",
        "-lswiftSynchronization",
    ])
]

func library(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [],
    linkerSettings: [LinkerSetting] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: swiftSettings,
        linkerSettings: linkerSettings)
}

/// The parts of the HTML report, compiled in.
let page: [Resource] = [
    "page.html", "page.css", "dom.js", "chart.js", "figure.js", "overview.js", "classes.js", "thresholds.js",
    "compare.js", "page.js",
].map { .embedInCode("Report/Page/\($0)") }

func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies + [argumentParser], swiftSettings: swiftSettings)
}

/// Tests find their fixtures by #filePath; `fixtures` says that the target has the folder.
func tests(_ name: String, _ dependencies: [Target.Dependency], fixtures: Bool = false) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: fixtures ? ["Fixtures"] : [], swiftSettings: swiftSettings)
}

let package = Package(
    name: "LongTail",
    products: [
        .executable(name: "lt-train", targets: ["lt-train", "ToolLink"]),
        .executable(name: "lt-infer", targets: ["lt-infer", "ToolLink"]),
        .executable(name: "lt-eval", targets: ["lt-eval", "ToolLink"]),
        // liblongtail.so for C hosts.
        .library(name: "longtail", type: .dynamic, targets: ["LTCABI", "LongTailLink"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        // Layer 0: C leaves.
        .target(
            name: "CONNX", publicHeadersPath: "include", cxxSettings: onnxDefines,
            linkerSettings: [
                .linkedLibrary("onnx"), .linkedLibrary("onnx_proto"), .linkedLibrary("protobuf"),
            ]),
        .target(name: "CLTKernels", publicHeadersPath: "include", cSettings: cFast, linkerSettings: gomp),
        .target(name: "CTorch", publicHeadersPath: "include", cxxSettings: torchSettings, linkerSettings: torchLink),
        .target(name: "CLongTail", publicHeadersPath: "include", cSettings: cFast),
        .target(name: "CMPI", publicHeadersPath: "include", cSettings: cFast, linkerSettings: [.linkedLibrary("mpi")]),
        .target(name: "CCUDA", publicHeadersPath: "include"),
        .target(
            name: "CSIMDJSON", publicHeadersPath: "include", cxxSettings: [.unsafeFlags(["-O3"])],
            linkerSettings: [.linkedLibrary("simdjson")]),
        .systemLibrary(name: "CDNNL"),
        .systemLibrary(name: "CTurboJPEG"),
        .systemLibrary(name: "CSPNG"),
        .systemLibrary(name: "CWebP"),
        .systemLibrary(name: "CZlib"),
        // Layer 1
        library("LTCore", ["CLTKernels"]),
        // Layer 2
        library("LTGraph", ["LTCore", "CONNX", orderedCollections]),
        library("LTImage", ["LTCore", "CLTKernels", "CTurboJPEG", "CSPNG", "CWebP"]),
        library("LTCUDA", ["LTCore", "CCUDA"]),
        // Layer 3
        library("LTRuntime", ["LTGraph", "LTCUDA", "LTCore", "CLTKernels", "CDNNL"]),
        library("LTDecision", ["LTGraph", "LTImage", "LTCore"]),
        library("LTData", ["LTImage", "LTDecision", "LTCore", "CZlib"]),
        // Layer 4
        library("LTPredictions", ["LTDecision", "LTGraph", "LTCore", grdb]),
        library("LTEval", ["LTData", "LTImage", "LTDecision", "LTCore", "CSIMDJSON"], resources: page),
        // Layer 5
        library("LTPredictor", ["LTRuntime", "LTGraph", "LTImage", "LTDecision", "LTCore"]),
        library("LTTrain", ["LTEval", "LTData", "LTImage", "LTGraph", "LTDecision", "LTCore", "CTorch", "CMPI", yams]),
        // Layer 6
        library(
            "LTPipeline",
            ["LTPredictor", "LTPredictions", "LTRuntime", "LTGraph", "LTImage", "LTDecision", "LTCore"]),
        library("LTCABI", ["LTPredictor", "LTRuntime", "LTGraph", "LTImage", "LTDecision", "LTCore", "CLongTail"]),
        .target(name: "LongTailLink", linkerSettings: cLibrary),
        .target(name: "ToolLink", linkerSettings: staticTool),
        // Layer 7
        tool(
            "lt-infer",
            ["LTPipeline", "LTPredictor", "LTPredictions", "LTRuntime", "LTGraph", "LTDecision", "LTImage", "LTCore"]),
        tool(
            "lt-eval",
            [
                "LTPipeline", "LTPredictor", "LTPredictions", "LTEval", "LTData", "LTRuntime", "LTDecision", "LTGraph",
                "LTCore",
            ]),
        tool("lt-train", ["LTTrain", "LTData", "LTEval", "LTGraph", "LTDecision", "LTCore"]),
        // Tests mirror the sources.
        tests("LTCoreTests", ["LTCore"], fixtures: true),
        tests("LTGraphTests", ["LTGraph", "LTCore"], fixtures: true),
        tests("LTImageTests", ["LTImage", "LTCore", "CLTKernels"], fixtures: true),
        tests("LTCUDATests", ["LTCUDA", "LTCore"], fixtures: true),
        tests("LTRuntimeTests", ["LTRuntime", "LTGraph", "LTCore", "CLTKernels"], fixtures: true),
        tests("LTDecisionTests", ["LTDecision", "LTGraph", "LTImage", "LTCore"], fixtures: true),
        tests("LTDataTests", ["LTData", "LTImage", "LTDecision", "LTCore"], fixtures: true),
        tests("LTPredictionsTests", ["LTPredictions", "LTDecision", "LTCore"], fixtures: true),
        tests("LTEvalTests", ["LTEval", "LTData", "LTImage", "LTDecision", "LTGraph", "LTCore"], fixtures: true),
        tests("LTPredictorTests", ["LTPredictor", "LTRuntime", "LTGraph", "LTImage", "LTDecision", "LTCore"]),
        tests(
            "LTTrainTests", ["LTTrain", "LTEval", "LTData", "LTImage", "LTGraph", "LTDecision", "LTCore"],
            fixtures: true),
        // The trainer's arithmetic against the runtime's.
        tests(
            "TrainedModelTests", ["LTTrain", "LTRuntime", "LTDecision", "LTImage", "LTGraph", "LTCore"], fixtures: true),
        tests(
            "LTPipelineTests",
            ["LTPipeline", "LTPredictor", "LTPredictions", "LTDecision", "LTGraph", "LTImage", "LTCore"]),
        // liblongtail.so as hosts of Tests/ABI see it, and lt-infer to compare with.
        tests("CABITests", ["lt-infer", "LTPredictions", "LTDecision", "LTGraph", "LTImage", "LTCore"]),
        tests("ConformanceTests", ["LTPredictor", "LTRuntime", "LTGraph", "LTCore"], fixtures: true),
        tests(
            "CLITests",
            [
                "lt-infer", "lt-eval", "lt-train", "LTTrain", "LTPredictions", "LTDecision", "LTGraph", "LTImage",
                "LTCore",
            ], fixtures: true),
    ],
    // Newer libtorch needs C++20.
    cxxLanguageStandard: libtorch == nil ? .cxx17 : .cxx20
)

// LT_ONLY=LTImageTests[,…] keeps the named targets and what they need: a quick build of one part.
if let only = Context.environment["LT_ONLY"] {
    var wanted = Set(only.split(separator: ",").map(String.init))
    // No target of tests can depend on a library product of its own package.
    if wanted.contains("CABITests") { wanted.formUnion(["longtail", "LTCABI", "LongTailLink"]) }
    var packages = Set<String>()
    var grew = true
    while grew {
        grew = false
        for product in package.products where wanted.contains(product.name) {
            for target in (product as? Product.Executable)?.targets ?? (product as? Product.Library)?.targets ?? [] {
                grew = wanted.insert(target).inserted || grew
            }
        }
        for target in package.targets where wanted.contains(target.name) {
            for dependency in target.dependencies {
                switch dependency {
                case .byNameItem(let name, _), .targetItem(let name, _): grew = wanted.insert(name).inserted || grew
                case .productItem(_, let name, _, _): if let name { packages.insert(name) }
                @unknown default: break
                }
            }
        }
    }
    package.targets.removeAll { !wanted.contains($0.name) }
    package.products.removeAll { !wanted.contains($0.name) }
    package.dependencies.removeAll { dependency in
        guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
        return !packages.contains { location.hasSuffix($0) }
    }
}
