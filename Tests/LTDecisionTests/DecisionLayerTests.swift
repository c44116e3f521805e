// The decision layer in metadata_props: round trips, sizes that must agree, hostile and foreign values.

import LTCore
import LTDecision
import LTGraph
import LTImage
import Testing

/// A graph with one output of the given width.
func graph(width: Int, _ metadata: [String: String] = [:]) -> Graph {
    var graph = Graph()
    graph.outputs = [ValueInfo("logits", .float32, ["N", .fixed(width)])]
    for key in metadata.keys.sorted() { graph.metadata[key] = metadata[key] }
    return graph
}

/// A layer with every part.
func fullLayer(classes: Int = 3, calibration: Calibration.Method? = nil) -> DecisionLayer {
    var random = SeededGenerator(seed: 5)
    let numbers = { (0..<classes).map { _ in Float(random.uniform(-3...3)) } }
    return DecisionLayer(
        task: .multilabel,
        preprocess: Preprocess(
            resize: .init(mode: .shortest, size: .init(72)), crop: .init(64), mean: [0.5, 0.4, 0.3]),
        clip: .init(frames: 8, sampling: .center, stride: 2),
        labels: (0..<classes).map { .init(id: 10 * $0 + 1, name: "Klasse \"\($0)\" é/ü\n") },
        trainCounts: (0..<classes).map { 100 >> $0 }, groups: .db, activation: .sigmoid,
        calibration: Calibration(
            calibration ?? .platt(a: numbers(), b: numbers()), fittedOn: "sha256:00", eceBefore: 0.1,
            eceAfter: 1.0 / 3, eceCrossFitted: 0.2, shrinkage: 20),
        thresholds: Thresholds(
            objective: "f1", values: [nil] + numbers().dropFirst().map { $0 }, positives: Array(0..<classes),
            intervals: (0..<classes).map { $0 == 0 ? nil : [0.25, 0.5] }, unmet: [classes - 1], shrinkage: 20,
            fittedOn: "sha256:01"),
        postprocess: .init(scoreThreshold: 0.05, nmsIoU: 0.5, maxDetections: 300),
        provenance: .init(
            recipe: "r.yaml", loss: "db", seed: .max, versions: ["libtorch": "1.13"], digests: ["data": "x"]),
        selfTest: SelfTest(
            input: .tensors([.init(name: "image", shape: [1, 2, 1], values: [0.1, -0.0])]),
            outputs: [.init(name: "logits", shape: [1, classes], values: numbers())], tolerance: 1e-5),
        outputs: .init(raw: "logits", scores: "scores", decisions: "decisions"))
}

@Suite struct DecisionLayerTests {
    @Test func whatIsWrittenIsReadBack() throws {
        var graph = graph(width: 3, ["author": "somebody", "lt.thresholds": "{}"])
        let layer = fullLayer()
        try layer.write(into: &graph)
        #expect(try DecisionLayer(reading: graph) == layer)
        #expect(graph.metadata["author"] == "somebody")
        #expect(graph.metadata["lt.schema"] == "1")
        #expect(graph.metadata["lt.task"] == "\"multilabel\"")
        #expect(graph.metadata["lt.train_counts"] == "[100,50,25]")

        var emptied = graph
        try DecisionLayer().write(into: &emptied)
        #expect(emptied.metadata.keys.sorted() == ["author", "lt.schema"])
        #expect(try DecisionLayer(reading: Graph()) == DecisionLayer())
    }

    @Test func floatsKeepTheirBits() throws {
        var random = SeededGenerator(seed: 9)
        let values = (0..<2000).map { _ -> Float in
            while true {
                let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
                if value.isFinite { return value }
            }
        }
        var graph = Graph()
        let layer = DecisionLayer(
            calibration: Calibration(.platt(a: values, b: values)),
            thresholds: Thresholds(objective: "f1", values: values))
        try layer.write(into: &graph)
        let read = try DecisionLayer(reading: graph)
        guard case .platt(let a, _)? = read.calibration?.method else { throw LTError(.notFound, "platt") }
        #expect(a.map(\.bitPattern) == values.map(\.bitPattern))
    }

    /// Every calibration, damaged in a few bytes: read or refused, and what is read decides.
    @Test func damagedCalibrationNeverTraps() throws {
        let methods: [Calibration.Method] = [
            .temperature([1, 2, 3]), .platt(a: [-1], b: [0]), .beta(a: [1, 2, 0], b: [0, 1, 1], c: [0, 0, 1]),
            .isotonic(x: [[-1, 0, 2], [0], [1, 3]], y: [[0, 0.5, 1], [0.25], [0.5, 0.5]]),
        ]
        var random = SeededGenerator(seed: 13)
        for method in methods {
            let layer = fullLayer(calibration: method)
            var written = Graph()
            try layer.write(into: &written)
            #expect(try DecisionLayer(reading: written) == layer)
            let text = Array((written.metadata["lt.calibration"] ?? "").utf8)
            for _ in 0..<2000 {
                var bytes = text
                for _ in 0...random.below(3) {
                    bytes[random.below(bytes.count)] = Array("0123456789.,-[]{}e:null\"".utf8)[random.below(24)]
                }
                var damaged = written
                damaged.metadata["lt.calibration"] = String(decoding: bytes, as: UTF8.self)
                guard let read = try? DecisionLayer(reading: damaged), let decider = try? Decider(read, classCount: 3)
                else { continue }
                _ = try decider.decide([-1, 0.5, 3])
                _ = try DetectionDecider(read).calibrated(0.5, 2)
            }
        }
    }

    @Test func unchangedKeysKeepTheirText() throws {
        let text = "{ \"objective\": \"f1\", \"values\": [0.5, null], \"note\": \"by hand\" }"
        var graph = graph(width: 2, ["lt.thresholds": text])
        var layer = try DecisionLayer(reading: graph)
        layer.task = .multilabel
        try layer.write(into: &graph)
        #expect(graph.metadata["lt.thresholds"] == text)
    }

    @Test(arguments: [
        ("lt.labels", #"[{"id":1,"name":"a"},{"id":2,"name":"b"}]"#, "lt.train_counts has 3 entries, lt.labels has 2"),
        ("lt.thresholds", #"{"objective":"f1","values":[0.5]}"#, "lt.thresholds values has 1 entries"),
        ("lt.thresholds", #"{"objective":"f1","values":[1,1,1],"positives":[1]}"#, "lt.thresholds positives has 1"),
        ("lt.calibration", #"{"method":"temperature","temperature":[1,2]}"#, "lt.calibration temperature has 2"),
        ("lt.calibration", #"{"method":"platt","a":[1,2,3],"b":[1]}"#, "lt.calibration b has 1"),
        ("lt.calibration", #"{"method":"temperature","temperature":[0]}"#, "not a positive number"),
        ("lt.calibration", #"{"method":"beta","a":[1],"b":[-1],"c":[0]}"#, "beta has an a or b below 0"),
        ("lt.calibration", #"{"method":"beta","a":[1,1,1],"b":[1,1,1],"c":[0]}"#, "lt.calibration c has 1"),
        ("lt.calibration", #"{"method":"isotonic","x":[[1,0]],"y":[[0,1]]}"#, "expected x to ascend"),
        ("lt.calibration", #"{"method":"isotonic","x":[[0,1]],"y":[[1,0]]}"#, "knot 1 is below knot 0"),
        ("lt.calibration", #"{"method":"isotonic","x":[[0,1]],"y":[[0]]}"#, "2 x and 1 y"),
        ("lt.calibration", #"{"method":"isotonic","x":[[]],"y":[[]]}"#, "0 x and 0 y"),
        ("lt.calibration", #"{"method":"isotonic","x":[[0]],"y":[[1.5]]}"#, "y in 0 … 1"),
        ("lt.calibration", #"{"method":"isotonic","x":[[0],[0]],"y":[[0],[0]]}"#, "lt.calibration x has 2"),
        ("lt.calibration", #"{"method":"isotonic","x":[0],"y":[0]}"#, "lt.calibration"),
        ("lt.calibration", #"{"method":"vector","w":[1],"b":[1e39]}"#, "lt.calibration"),
        ("lt.thresholds", #"{"objective":"f1","values":[1,1,1],"intervals":[[0,1]]}"#, "intervals has 1"),
        ("lt.thresholds", #"{"objective":"f1","values":[1,1,1],"intervals":[[1,0],null,null]}"#, "expected low, high"),
        ("lt.thresholds", #"{"objective":"f1","values":[1,1,1],"unmet":[3]}"#, "unmet names class 3"),
        ("lt.outputs", #"{"raw":"y"}"#, "'scores' is missing"),
        ("lt.calibration", #"{"method":"magic"}"#, "calibration method 'magic'"),
        ("lt.calibration", #"{"method":"temperature"}"#, "'temperature' is missing"),
        ("lt.labels", #"[{"id":1,"name":"a"},{"id":1,"name":"b"},{"id":2,"name":"c"}]"#, "lt.labels has id 1 twice"),
        ("lt.labels", "[]", "has 0"), ("lt.labels", "[{\"id\":1}]", "lt.labels"), ("lt.labels", "{", "lt.labels"),
        ("lt.labels", #"[{"id":99999999999999999999,"name":"a"}]"#, "lt.labels"), ("lt.labels", "", "lt.labels"),
        ("lt.task", "\"dancing\"", "lt.task is 'dancing', expected one of multiclass"), ("lt.task", "\"", "lt.task"),
        ("lt.activation", "tanh", "lt.activation is 'tanh'"), ("lt.schema", "2", "lt.schema is 2"),
        ("lt.schema", "[]", "lt.schema"), ("lt.groups", "\"nobody\"", "no frequency rule 'nobody'"),
        ("lt.groups", #"{"rule":"x","groups":[]}"#, "lt.groups lists no group"),
        ("lt.postprocess", #"{"nms_iou":1.5}"#, "nms_iou is 1.5"),
        (
            "lt.selftest", #"{"inputs":[{"name":"x","shape":[2],"data":"AAAA"}],"outputs":[],"tolerance":1}"#,
            "'x' has 3 bytes"
        ),
        (
            "lt.selftest",
            #"{"inputs":[{"name":"x","shape":[4611686018427387904,8],"data":""}],"outputs":[],"tolerance":1}"#, "shape"
        ),
        ("lt.selftest", #"{"inputs":[],"outputs":[],"tolerance":-1}"#, "tolerance is -1"),
        ("lt.thresholds", #"{"objective":"f1","values":[1e999,0,0]}"#, "lt.thresholds"),
        ("lt.preprocess", #"{"resize":{"mode":"shortest"}}"#, "'size' is missing"),
        ("lt.preprocess", #"{"std":[0]}"#, "preprocess.std"), ("lt.preprocess", "[]", "lt.preprocess"),
    ]) func badValuesAreNamed(key: String, value: String, words: String) {
        var graph = graph(width: 3, ["lt.train_counts": "[5,6,7]", "lt.activation": "\"sigmoid\""])
        graph.metadata[key] = value
        let error = #expect(throws: LTError.self) { try DecisionLayer(reading: graph) }
        let text = error?.description ?? ""
        #expect(text.contains(words), "\(text)")
        #expect(text.contains(key), "\(text)")
    }

    @Test func widthOfTheOutputIsCompared() throws {
        let metadata = ["lt.train_counts": "[5,6,7]", "lt.task": "multilabel"]
        let error = #expect(throws: LTError.self) { try DecisionLayer(reading: graph(width: 4, metadata)) }
        #expect(error?.message == "lt.train_counts has 3 classes, output 'logits' has 4 columns")
        #expect(try DecisionLayer(reading: graph(width: 3, metadata)).task == .multilabel)
        var other = graph(width: 4)
        #expect(throws: LTError.self) { try fullLayer().write(into: &other) }
        #expect(other.metadata.isEmpty)
    }

    @Test func deepAndRandomJSONNeverTraps() throws {
        let deep = String(repeating: "[", count: 200_000)
        let deepObject = String(repeating: "{\"rule\":", count: 50_000)
        var random = SeededGenerator(seed: 3)
        var written = Graph()
        try fullLayer().write(into: &written)
        for key in DecisionLayer.Key.allCases {
            for text in [deep, deepObject] {
                #expect(throws: LTError.self) { try DecisionLayer(reading: graph(width: 3, [key.rawValue: text])) }
            }
            for _ in 0..<200 {
                var bytes = Array(written.metadata[key.rawValue]!.utf8)
                for _ in 0...random.below(3) {
                    bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
                }
                bytes.removeLast(random.below(2) * random.below(bytes.count))
                var damaged = written
                damaged.metadata[key.rawValue] = String(decoding: bytes, as: UTF8.self)
                // Either outcome is fine, a trap is not.
                _ = try? DecisionLayer(reading: damaged)
            }
        }
    }

    @Test func selfTestComparesOutputs() throws {
        let test = SelfTest(
            input: .images([[1, 2, 255]]), outputs: [.init(name: "y", shape: [2], values: [100, 1])], tolerance: 1e-3)
        var graph = Graph()
        try DecisionLayer(selfTest: test).write(into: &graph)
        #expect(try DecisionLayer(reading: graph).selfTest == test)
        #expect(try test.check(output: "y", shape: [2], values: [100.05, 1]) < 1e-3)
        #expect(throws: LTError.self) { try test.check(output: "y", shape: [2], values: [100.2, 1]) }
        #expect(throws: LTError.self) { try test.check(output: "y", shape: [2], values: [100, .nan]) }
        #expect(throws: LTError.self) { try test.check(output: "y", shape: [2, 1], values: [100, 1]) }
        #expect(throws: LTError.self) { try test.check(output: "z", shape: [2], values: [100, 1]) }
    }

    @Test(arguments: [
        (#""image":"AQL/""#, [[1, 2, 255]] as [[UInt8]]), (#""images":["AQL/","AA=="]"#, [[1, 2, 255], [0]]),
    ]) func oneImageOrTheFramesOfAClipAreFiles(json: String, files: [[UInt8]]) throws {
        var graph = Graph()
        graph.metadata["lt.selftest"] = #"{\#(json),"outputs":[],"tolerance":0.5}"#
        let layer = try DecisionLayer(reading: graph)
        #expect(layer.selfTest == SelfTest(input: .images(files), outputs: [], tolerance: 0.5))
        var written = Graph()
        try layer.write(into: &written)
        #expect(written.metadata["lt.selftest"]?.contains(json) == true)
        #expect(try DecisionLayer(reading: written).selfTest == layer.selfTest)
    }
}

@Suite struct ForeignMetadataTests {
    @Test func ultralytics() throws {
        let metadata = [
            "names": #"{0: 'person', 2: "hot 'dog'", 1: 'caf\xe9'}"#, "task": "classify", "imgsz": "[224, 224]",
        ]
        let layer = try DecisionLayer(reading: graph(width: 3, metadata))
        #expect(layer.labels?.map(\.name) == ["person", "café", "hot 'dog'"])
        #expect(layer.labels?.map(\.id) == [0, 1, 2])
        #expect(layer.task == .multiclass)
        #expect(layer.activation == DecisionLayer.Activation.none)
        #expect(layer.preprocess == Preprocess(resize: .init(mode: .shortest, size: .init(224)), crop: .init(224)))
        #expect(
            try DecisionLayer(reading: graph(width: 84, ["names": "['a', 'b',]", "task": "detect"])).task == .detection)
    }

    @Test(arguments: [
        "{0: 'a'", "{0 'a'}", "{1: 'a'}", "{0: 1}", "{0: 'a', 0: 'b'}", "'a", "", "__import__('os')", "{0: 'a'} + 1",
        String(repeating: "[", count: 5_000), "[1, 2]", "{0: '\\u12'}", "{0: 'a' 1: 'b'}", "5",
    ]) func badNamesAreErrors(names: String) {
        let error = #expect(throws: LTError.self) { try DecisionLayer(reading: graph(width: 1, ["names": names])) }
        #expect(error?.description.contains("metadata key names") == true)
    }

    @Test func modelAPI() throws {
        let metadata = [
            "model_info labels": "hot_dog cat", "model_info model_type": "Classification",
            "model_info multilabel": "True",
        ]
        let layer = try DecisionLayer(reading: graph(width: 2, metadata))
        #expect(layer.labels?.map(\.name) == ["hot_dog", "cat"])
        #expect(layer.task == .multilabel)
        #expect(layer.activation == .sigmoid)
    }

    @Test func ourOwnKeysWin() throws {
        let metadata = ["lt.labels": #"[{"id":7,"name":"x"}]"#, "names": "{0: 'y'}", "task": "classify"]
        let layer = try DecisionLayer(reading: graph(width: 1, metadata))
        #expect(layer.labels == [.init(id: 7, name: "x")])
        #expect(layer.task == nil)
    }
}

@Suite struct FrequencyGroupTests {
    /// The borders as the three systems publish them.
    @Test func borders() throws {
        let names = { (rule: FrequencyGroups) in
            [0, 10, 11, 19, 20, 99, 100, 101].map { rule.name(ofCount: $0) ?? "-" }
        }
        #expect(names(.db) == ["tail", "tail", "tail", "tail", "middle", "middle", "head", "head"])
        #expect(names(.lvis) == ["r", "r", "c", "c", "c", "c", "c", "f"])
        #expect(names(.imageNetLT) == ["few", "few", "few", "few", "medium", "medium", "medium", "many"])
        #expect(try FrequencyGroups(named: "db") == .db)
        #expect(throws: LTError.self) { try FrequencyGroups(named: "DB") }
        let members = FrequencyGroups.db.members([4, 100, 20, 775])
        #expect(members.map(\.name) == ["head", "middle", "tail"])
        #expect(members.map(\.classes) == [[1, 3], [2], [0]])
    }
}
