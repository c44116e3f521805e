// Attributes: attributes of a kind that several operators have: an element type by its number, one of a few words.

import LTCore
import LTGraph

extension OperatorNode {
    /// An attribute that names an element type by ONNX's number.
    func type(_ name: String, _ types: Set<ElementType>) throws(LTError) -> ElementType? {
        guard let number = try node.int(name) else { return nil }
        guard let type = ElementType(rawValue: Int32(clamping: number)), types.contains(type) else {
            let names = types.sorted { $0.rawValue < $1.rawValue }.map { "\($0.rawValue) (\($0.onnxName))" }
            throw LTError(
                .invalidArgument, "attribute '\(name)' is \(number), expected \(names.joined(separator: ", "))")
        }
        return type
    }

    /// An attribute that is one of a few words; it must be there unless there is a default.
    func choice<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, default standard: Word? = nil
    ) throws(LTError) -> Word {
        guard let text = try node.string(name) else {
            guard let standard else { throw LTError(.malformed, "attribute '\(name)' is missing") }
            return standard
        }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map { "'\($0.rawValue)'" }
            throw LTError(
                .invalidArgument, "attribute '\(name)' is '\(text)', expected \(words.joined(separator: ", "))")
        }
        return word
    }
}
