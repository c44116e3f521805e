// Which output is what: as stated, else by name, else by type and shape. An output is never guessed where two would do.

import LTCore
import LTGraph

extension DetectionHead {
    /// The roles of a graph's outputs.
    struct Roles {
        private(set) var outputs: [Role: String]
        private(set) var packed: [Role] = []
        /// Columns of the scores, background included; `nil` when the model has chosen, or does not say.
        private(set) var scoreColumns: Int?
        /// Whether the outputs have a batch dimension; `nil` when the file does not say.
        var isBatched: Bool? {
            (outputs[.packed] ?? outputs[.boxes]).flatMap { dims($0) }.map { $0.count == 3 }
        }
        private let infos: [ValueInfo]

        init(_ infos: [ValueInfo], _ stated: Postprocess, classes: Int?) throws(LTError) {
            self.infos = infos
            outputs = stated.outputs ?? [:]
            for (role, name) in outputs where !infos.contains(where: { $0.name == name }) {
                throw LTError(.notFound, "no output '\(name)' (\(role.rawValue)), the model has \(Self.list(infos))")
            }
            if stated.packed == nil, outputs[.packed] == nil {
                inferByName()
                inferByShape()
            }
            if stated.outputs?[.boxes] == nil, stated.outputs?[.scores] == nil,
                outputs[.boxes] == nil || outputs[.scores] == nil
            {
                inferPacked()
            }
            if outputs[.packed] != nil {
                try unpack(stated.packed, classes)
            } else {
                for role in [Role.boxes, .scores] where outputs[role] == nil {
                    throw LTError(
                        .invalidArgument, "cannot tell which output holds the \(role.rawValue): \(Self.list(infos))",
                        hint: "give --outputs \(role.rawValue)=NAME, or --outputs packed=NAME and --packed")
                }
                if outputs[.labels] == nil, let scores = outputs[.scores] { scoreColumns = dims(scores)?.last ?? nil }
            }
            for (role, other) in [(Role.coefficients, Role.prototypes), (.prototypes, .coefficients)]
            where has(role) && !has(other) {
                throw LTError(
                    .invalidArgument, "cannot tell which output holds the \(other.rawValue): \(Self.list(infos))",
                    hint: "give --outputs \(other.rawValue)=NAME")
            }
        }

        private func has(_ role: Role) -> Bool { outputs[role] != nil || packed.contains(role) }

        /// Which column or label is no class: stated, or none where the numbers leave no other choice.
        func background(
            _ stated: Postprocess.Background?, classes: Int?
        ) throws(LTError) -> Postprocess.Background {
            guard let scoreColumns, let classes else { return stated ?? .none }
            let expected = classes + (stated == nil || stated == Postprocess.Background.none ? 0 : 1)
            if scoreColumns == expected { return stated ?? .none }
            if stated == nil, scoreColumns == classes + 1 {
                throw LTError(
                    .invalidArgument, "\(classes) classes, \(scoreColumns) columns of scores: one of them is no class",
                    hint: "give --background first or last")
            }
            throw LTError(
                .shapeMismatch, "\(classes) classes, the scores have \(scoreColumns) columns, expected \(expected)",
                hint: "give --labels a file with one name per class")
        }

        private mutating func inferByName() {
            let words: [(Role, [String], (ValueInfo) -> Bool)] = [
                (.prototypes, ["proto"], { Self.isFloat($0) }),
                (.coefficients, ["coef"], { Self.isFloat($0) }),
                (.masks, ["mask"], { _ in true }),
                (.boxes, ["box"], { Self.isFloat($0) && Self.mayHoldBoxes($0) }),
                (.objectness, ["objectness"], { Self.isFloat($0) }),
                (.count, ["num_det", "count"], { !Self.isFloat($0) }),
                (.labels, ["label", "class"], { !Self.isFloat($0) }),
                (.scores, ["score", "prob", "logit"], { Self.isFloat($0) }),
            ]
            for (role, words, fits) in words where outputs[role] == nil {
                let named = free.filter { info in
                    words.contains { info.name.lowercased().place(of: $0) != nil } && fits(info)
                }
                if named.count == 1 { outputs[role] = named[0].name }
            }
        }

        /// Boxes are the one float output with a dimension of 4, labels the one of whole numbers, masks the one of rank 4
        /// and more, scores the one that is left.
        private mutating func inferByShape() {
            take(.labels) { !Self.isFloat($0) && 1...2 ~= (Self.dims($0)?.count ?? 0) }
            take(.boxes) { info in
                guard Self.isFloat(info), let dims = Self.dims(info), 2...3 ~= dims.count else { return false }
                return dims.suffix(2).contains(4)
            }
            take(.masks) { Self.isFloat($0) && (Self.dims($0)?.count ?? 0) >= 4 }
            guard let boxes = outputs[.boxes], let rank = dims(boxes)?.count else { return }
            let wanted = outputs[.labels] == nil ? rank : rank - 1
            take(.scores) { Self.isFloat($0) && Self.dims($0)?.count == wanted }
        }

        private mutating func take(_ role: Role, where fits: (ValueInfo) -> Bool) {
            guard outputs[role] == nil else { return }
            let fitting = free.filter(fits)
            if fitting.count == 1 { outputs[role] = fitting[0].name }
        }

        /// The one float output that is a table; one of rank 4 beside it holds prototypes.
        private mutating func inferPacked() {
            var kept = outputs
            // A table whose shape has a 4 in it looked like boxes.
            for role in [Role.boxes, .scores, .masks] { kept[role] = nil }
            let floats = infos.filter { info in Self.isFloat(info) && !kept.values.contains(info.name) }
            let tables = floats.filter { 2...3 ~= (Self.dims($0)?.count ?? 3) }
            guard kept[.packed] != nil || tables.count == 1 else { return }
            kept[.packed] = kept[.packed] ?? tables[0].name
            let images = floats.filter { Self.dims($0)?.count == 4 }
            if kept[.prototypes] == nil, images.count == 1 { kept[.prototypes] = images[0].name }
            outputs = kept
        }

        /// Says what the columns are, and how many of them are scores.
        private mutating func unpack(_ stated: [Role]?, _ classes: Int?) throws(LTError) {
            guard let name = outputs[.packed] else { return }
            let sides = (dims(name)?.suffix(2)).map { $0.compactMap { $0 } } ?? []
            let weights = outputs[.prototypes].flatMap { dims($0)?.dropFirst().first ?? nil }
            if let stated {
                packed = stated
            } else {
                var choices: [[Role]] = []
                for columns in sides {
                    let rest = columns - (weights ?? 0)
                    let tail: [Role] = weights == nil ? [] : [.coefficients]
                    guard let classes else { continue }
                    if rest == 4 + classes { choices.append([.boxes, .scores] + tail) }
                    if rest == 5 + classes { choices.append([.boxes, .objectness, .scores] + tail) }
                    if rest == 6 { choices.append([.boxes, .scores, .labels] + tail) }
                }
                guard choices.count == 1 else {
                    let words = choices.map { $0.map(\.rawValue).joined(separator: ",") }.joined(separator: " or ")
                    throw LTError(
                        .invalidArgument,
                        "cannot tell what the columns of output '\(name)' are"
                            + (choices.isEmpty ? "" : ": \(words)") + " (\(Self.list(infos)))",
                        hint: classes == nil
                            ? "give --labels, or --packed boxes,scores or what they are"
                            : "give --packed boxes,scores or what they are")
                }
                packed = choices[0]
            }
            if packed.contains(.coefficients), outputs[.masks] != nil { outputs[.masks] = nil }
            guard !packed.contains(.labels) else { return }
            let others =
                4 + (packed.contains(.objectness) ? 1 : 0) + (packed.contains(.coefficients) ? weights ?? 0 : 0)
            guard !packed.contains(.coefficients) || weights != nil else { return }
            let counts = sides.map { $0 - others }.filter { $0 > 0 }
            // Candidates are many more than columns; with classes known the numbers themselves tell.
            scoreColumns = counts.first { $0 == classes || $0 == classes.map { $0 + 1 } } ?? counts.min()
        }

        private var free: [ValueInfo] { infos.filter { info in !outputs.values.contains(info.name) } }

        private func dims(_ name: String) -> [Int?]? { infos.first { $0.name == name }.flatMap(Self.dims) }

        private static func dims(_ info: ValueInfo) -> [Int?]? {
            guard case .tensor(_, let dims?)? = info.type else { return nil }
            return dims.map(\.fixed)
        }

        /// Of known float type, or of a type that the file does not say.
        private static func isFloat(_ info: ValueInfo) -> Bool {
            guard case .tensor(let type?, _)? = info.type else { return true }
            return type == .float32
        }

        private static func mayHoldBoxes(_ info: ValueInfo) -> Bool {
            guard let dims = dims(info) else { return true }
            return 2...3 ~= dims.count && dims.suffix(2).contains { $0 == nil || $0 == 4 }
        }

        private static func list(_ infos: [ValueInfo]) -> String {
            infos.map { info in
                guard case .tensor(let type, let dims)? = info.type else { return "'\(info.name)'" }
                let sizes = dims?.map { dim in
                    switch dim {
                    case .fixed(let size): "\(size)"
                    case .symbolic(let name): name
                    case .unknown: "?"
                    }
                }
                return "'\(info.name)' tensor(\(type?.onnxName ?? "?"))[\(sizes?.joined(separator: ",") ?? "…")]"
            }.joined(separator: ", ")
        }
    }
}
